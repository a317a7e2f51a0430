"""Blocks that other tools keep in an agent's file: theirs to write, and no part of the memory.

Taken into the memory, such a block would go to every agent, and its tool would go on changing it
inside of ours.
"""

from __future__ import annotations

import re

_TAGS = (b"claude-mem-context",)
_BLOCK = re.compile(
    rb"^[ \t]*<(" + b"|".join(_TAGS) + rb")>[ \t]*\r?\n.*?^[ \t]*</\1>[ \t]*(?:\r?\n|\Z)",
    re.MULTILINE | re.DOTALL,
)


def split(data: bytes) -> tuple[bytes, bytes]:
    """Return a person's own text, and what stands in complete blocks of other tools."""
    theirs = b"".join(match[0] for match in _BLOCK.finditer(data))
    return (_BLOCK.sub(b"", data), theirs) if theirs else (data, b"")
