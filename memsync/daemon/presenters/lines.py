"""Texts compared by lines, and a text from a browser brought back to a memory's own line endings.

A browser sends every line ending as CR LF, whatever the memory has. What a person did not touch
must stay byte for byte, in a memory of mixed endings, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from memsync.text.diff3 import count_common_head
from memsync.text.document import line_ending

_ENDING = re.compile(r"(\r\n|\r|\n)")

Step = tuple[str, int, int, int, int]
"""As difflib has it: equal, replace, insert or delete; from and to in the old and in the new."""


def as_typed(typed: str, original: str) -> str:
    """Return a text from a browser's form as the memory it was made from would have it.

    A line that also stands in `original` keeps its own ending; a new one gets the ending most
    lines have. A final newline that was there stays; one that was missing is not made up. NUL,
    which no memory may hold, is taken out. The same text comes back byte for byte.
    """
    contents, endings = _split(typed.replace("\0", ""))
    old_contents, old_endings = _split(original)
    usual = line_ending(original)
    kept = [usual] * len(contents)
    if any(ending not in {usual, ""} for ending in old_endings):
        for old, new in _unchanged(old_contents, contents):
            kept[new] = old_endings[old] or usual
    if endings and not endings[-1] and not (old_endings and old_endings[-1]):
        kept[-1] = ""
    return "".join(content + ending for content, ending in zip(contents, kept, strict=True))


def for_browser(text: str) -> str:
    """Return `text` with each line ending as LF, as a form shows it."""
    return _ENDING.sub("\n", text)


def steps(old: Sequence[str], new: Sequence[str]) -> list[Step]:
    """Return the steps that turn `old` into `new`, in order, equal runs included.

    What is the same at both ends is set aside first, so that a small change of a long text is
    found at once.
    """
    start = count_common_head(old, new)
    end = count_common_head(old[start:][::-1], new[start:][::-1])
    old_end, new_end = len(old) - end, len(new) - end
    found: list[Step] = [("equal", 0, start, 0, start)] if start else []
    matcher = SequenceMatcher(None, old[start:old_end], new[start:new_end])
    for kind, i1, i2, j1, j2 in matcher.get_opcodes():
        found.append((kind, i1 + start, i2 + start, j1 + start, j2 + start))
    if end:
        found.append(("equal", old_end, len(old), new_end, len(new)))
    return found


def _unchanged(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[int, int]]:
    for kind, i1, i2, j1, j2 in steps(old, new):
        if kind == "equal":
            yield from zip(range(i1, i2), range(j1, j2), strict=True)


def _split(text: str) -> tuple[list[str], list[str]]:
    """Return the lines of `text` and their endings; the last may have none."""
    pieces = _ENDING.split(text)
    contents, endings = pieces[::2], [*pieces[1::2], ""]
    if not contents[-1]:
        return contents[:-1], endings[:-1]
    return contents, endings
