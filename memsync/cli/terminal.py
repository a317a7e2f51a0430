"""What may reach a terminal: text, not the control characters a note might bring."""

from __future__ import annotations

import re
import sys
from typing import TextIO

_CONTROLS = re.compile(r"\r(?!\n)|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def for_terminal(text: str) -> str:
    """Return `text` without control characters where a terminal would act on them."""
    return without_controls(text) if is_terminal(sys.stdout) else text


def without_controls(text: str) -> str:
    """Return `text` with a mark in place of each control character but tab and line ending."""
    return _CONTROLS.sub("�", text)


def is_terminal(stream: TextIO | None) -> bool:
    """Tell whether someone sits before `stream`; a closed one is no terminal."""
    return stream is not None and not stream.closed and stream.isatty()
