"""The managed block in an agent's file: find it, read it, replace it. Works on bytes.

Everything outside the two marker lines belongs to the person and stays as it is, byte for byte.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from io import BytesIO

BEGIN = b"<!-- memsync:begin -->"
END = b"<!-- memsync:end -->"
_TAGS = (b"claude-mem-context",)
_FOREIGN = re.compile(
    rb"^[ \t]*<(" + b"|".join(_TAGS) + rb")>[ \t]*\r?\n.*?^[ \t]*</\1>[ \t]*(?:\r?\n|\Z)",
    re.MULTILINE | re.DOTALL,
)
"""Blocks that other tools keep in an agent's file. If such a block became part of the memory, every
agent would get it, and its tool would keep changing it inside our block."""
_BYTE_ORDER_MARKS = re.compile(rb"\A(?:\xef\xbb\xbf)+")


@dataclass(frozen=True)
class Block:
    """A file split at its block: the bytes before, between the markers, and after.

    `after` contains no further complete block; `doubled` is True if the file has one.
    """

    before: bytes
    content: bytes
    after: bytes
    doubled: bool = False


def find_block(data: bytes) -> Block | None:
    """Return the first complete block of a file, or None.

    A begin marker starts a block only if an end marker follows before the next begin marker: text
    that memsync did not close is never treated as its own.
    """
    begin: tuple[int, int] | None = None
    position = 0
    for line in BytesIO(data):  # a lone CR ends no line, as in `block_content`
        end = position + len(line)
        if line.strip() == BEGIN:
            begin = (position, end)
        elif line.strip() == END and begin is not None:
            after = _without_blocks(data[end:])
            doubled = len(after) < len(data) - end
            return Block(data[: begin[0]], data[begin[1] : position], after, doubled)
        position = end
    return None


def _without_blocks(data: bytes) -> bytes:
    """Return `data` without complete blocks, also those that removing another would complete."""
    kept: list[bytes] = []
    begins: list[int] = []
    for line in BytesIO(data):
        if line.strip() == END and begins:
            del kept[begins.pop() :]
            continue
        if line.strip() == BEGIN:
            begins.append(len(kept))
        kept.append(line)
    return b"".join(kept)


def render_block(memory: bytes, ending: bytes) -> bytes:
    """Return the block with `memory` in it, with the line ending `ending`."""
    return BEGIN + ending + block_content(memory, ending) + END + ending


def block_content(memory: bytes, ending: bytes) -> bytes:
    """Return the bytes between the markers for `memory`.

    Marker lines inside the memory are altered, or they would end the block.
    """
    plain = _BYTE_ORDER_MARKS.sub(b"", memory)
    plain = with_lf(plain if plain.endswith(b"\n") else plain + b"\n")
    lines = [
        line.replace(b"memsync:", b"memsync :") if line.strip() in {BEGIN, END} else line
        for line in plain.split(b"\n")
    ]
    return ending.join(lines)


def with_lf(data: bytes) -> bytes:
    """Return `data` with LF line endings, to compare texts that differ only in those."""
    return re.sub(rb"\r+\n", b"\n", data)


def ending_of(data: bytes) -> bytes:
    """Return the line ending of most lines of `data`."""
    return b"\r\n" if data.count(b"\r\n") * 2 > data.count(b"\n") else b"\n"


def lead_for(data: bytes) -> bytes:
    """Return the bytes needed for one blank line between a person's text and a new block."""
    ending = ending_of(data)
    if not data:
        return b""
    if not data.endswith(b"\n"):
        return ending * 2
    return b"" if data.endswith(ending * 2) else ending


def split_foreign(data: bytes) -> tuple[bytes, bytes]:
    """Return a person's own text, and the complete blocks of other tools."""
    theirs = b"".join(match[0] for match in _FOREIGN.finditer(data))
    return (_FOREIGN.sub(b"", data), theirs) if theirs else (data, b"")
