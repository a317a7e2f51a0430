"""Whose word a note is: the mark in its heading, decided once by the machine that takes the note.

A mark is written behind the time of an entry: ``### 10:00:00 (captured: ada-phone, held)``. The
person's own word is what carries one of the marks of the table below without ``held``. Everything
else is held until the person decides, above all a mark that nobody knows: it fails closed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

NAME = re.compile(r"[a-z0-9-]{1,30}", re.ASCII)
"""What an agent or a phone may be called in a mark."""

_OWN = {"": False, "typed": False, "script": False, "page": False, "folder": False, "file": False}
_OWN |= {"agent": True, "quoted": True}
_OWN_WAYS = {way: {named} for way, named in _OWN.items()} | {"captured": {False, True}}
"""The ways by which the person's own word comes, each with whether a name stands behind it."""

_MARK = re.compile(r"([a-z]*)(?:: ([a-z0-9-]{1,30}))?(, held)?", re.ASCII)
_WORDS = {
    "": "",
    "typed": "typed",
    "script": "from a script",
    "page": "from the page",
    "folder": "from the drop folder",
    "file": "from a file",
    "captured": "from the note port{}",
    "agent": "by {}",
    "quoted": "quoted by {}",
    "transcript": "from a session transcript",
    "unknown": "from nobody known",
}
WAYS = tuple(filter(None, _WORDS))
"""How a note can come, as a mark begins."""


@dataclass(frozen=True)
class Mark:
    """How a note came, by whom, and whether it is held until the person decides."""

    way: str
    name: str = ""
    held: bool = False

    def __str__(self) -> str:
        """Return the mark as a heading has it, without parentheses; empty for none."""
        return f"{self.sender}{', held' if self.held else ''}"

    @property
    def sender(self) -> str:
        """By whom the note came: way and name, such as ``captured: ada-phone``."""
        return f"{self.way}: {self.name}" if self.name else self.way

    @property
    def is_own_word(self) -> bool:
        """Is a note with this mark the person's own word, without any decision?"""
        return not self.held and bool(self.name) in _OWN_WAYS.get(self.way, set())

    @property
    def is_machine_made(self) -> bool:
        """Did a program, and not a person, think of the note?"""
        return self.way in {"agent", "quoted", "transcript"}

    @property
    def in_words(self) -> str:
        """How the note came, for a person to read; empty where nothing says so."""
        words = _WORDS.get(self.way, _WORDS["unknown"])
        named = f" ({self.name})" if self.name else ""
        return words.format(named if self.way == "captured" else self.name)

    def as_held(self) -> Mark:
        """Return this mark, held."""
        return replace(self, held=True)


UNMARKED = Mark("")
"""An entry of an older version or another tool: the word of whoever may write the folder."""
TYPED = Mark("typed")
SCRIPT = Mark("script")
PAGE = Mark("page")
CAPTURED = Mark("captured")
FOLDER = Mark("folder")
TRANSCRIPT = Mark("transcript", held=True)
NOBODY = Mark("unknown", held=True)
"""An entry whose heading is unknown, misspelt, cut off or damaged."""

_BEFORE = {
    "terminal": UNMARKED,
    "network": CAPTURED,
    "file": Mark("file"),
    "transcript": TRANSCRIPT,
}
"""What versions before the marks wrote into the spool and into records."""


def parse_mark(text: str) -> Mark:
    """Return the mark that `str` made `text` from; `NOBODY` where it made none such."""
    match = _MARK.fullmatch(text)
    if match is None:
        return NOBODY
    mark = Mark(match[1], match[2] or "", held=bool(match[3]))
    is_known = mark.is_own_word or (mark.held and mark.way in _WORDS and mark.way)
    return mark if is_known else NOBODY


def recorded_mark(given: object) -> Mark:
    """Return the mark that a record of this or an older version names; `NOBODY` if none."""
    if not isinstance(given, str):
        return NOBODY
    return _BEFORE.get(given) or parse_mark(given)
