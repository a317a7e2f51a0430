"""Safe output for a terminal: text without the control characters a note may contain."""

from __future__ import annotations

import re
import sys
from typing import TextIO

_CONTROLS = re.compile(r"\r(?!\n)|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def for_terminal(text: str) -> str:
    """Return `text`, without control characters if the output is a terminal."""
    return without_controls(text) if is_terminal(sys.stdout) else text


def without_controls(text: str) -> str:
    """Return `text` with � for each control character except tabs and line endings."""
    return _CONTROLS.sub("�", text)


def is_terminal(stream: TextIO | None) -> bool:
    """Is `stream` open, and a terminal?"""
    return stream is not None and not stream.closed and stream.isatty()
