"""A note, and the text of a day's log: entries that no note can forge.

An entry is a blank line, ``---``, a heading, the note, a newline. The heading is ``### HH:MM:SS``,
and says how the note came where nobody typed it in a terminal: ``(captured)``, ``(transcript)`` or
``(file)``. A line of a note that would itself read as a separator or a heading is escaped by a
leading backslash, so what is written is read back exactly.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from memsync.errors import WrongUsageError
from memsync.text.digest import digest

MAX_BYTES = 256 * 1024
"""How long one note may be; longer text is a document, not a note."""

CameBy = Literal["terminal", "network", "transcript", "file"]
"""How a note came: typed; by the ear or the page; harvested from a session; read from a file."""

_MARKS: dict[CameBy, str] = {
    "terminal": "",
    "network": " (captured)",
    "transcript": " (transcript)",
    "file": " (file)",
}
ENTRY_HEAD = "\n---\n### "
"""What every entry of a day's log begins with, and no note has inside."""

_CAME_BY = {mark: came_by for came_by, mark in _MARKS.items()}
_ENTRY = r"### (\d\d:\d\d:\d\d)( \((?:captured|transcript|file)\))?"
_HEADING = re.compile(rf"{_ENTRY}[ \t]*")
_TORN_HEADING = re.compile(r"#{1,3}(?: [\d:]{0,8}(?: \(?[a-z]*)?)?")
_BLANK_LINES = re.compile(r"\A(?:[ \t]*\n)+")
_TITLE = re.compile(r"# [^\n]*")
_LOOKS_LIKE_ENTRY = re.compile(rf"\\*(?:---|{_ENTRY})[ \t]*")


@dataclass(frozen=True)
class NoteName:
    """What a note is called in ledgers and proposals: when it was taken, how it came, its id."""

    day: date
    time: str
    came_by: CameBy
    id: str


@dataclass(frozen=True)
class Note:
    """One note: the day and time it was taken, how it came, and its text."""

    day: date
    time: str
    came_by: CameBy
    text: str

    @property
    def id(self) -> str:
        """The note's name in the ledger: a digest of when and what, the same on every machine."""
        return digest(f"{self.day}\0{self.time}\0{self.text}".encode())[:20]

    @property
    def name(self) -> NoteName:
        """What the note is called where its text does not stand."""
        return NoteName(self.day, self.time, self.came_by, self.id)

    @property
    def is_captured(self) -> bool:
        """Whether it came by the network."""
        return self.came_by == "network"

    @property
    def is_own_word(self) -> bool:
        """Whether the person at this machine gave it, so that it may say what agents obey."""
        return self.came_by in {"terminal", "file"}


def make_note(text: str, moment: datetime, *, came_by: CameBy = "terminal") -> Note:
    """Return a note of `text` taken at `moment`, which came by `came_by`.

    Raises:
        WrongUsageError: the text is empty, or longer than `MAX_BYTES` in UTF-8.
    """
    plain = clean(text)
    if not plain.strip():
        raise WrongUsageError("the note is empty", hint='memsync note "what to remember"')
    size = len(plain.encode())
    if size > MAX_BYTES:
        raise WrongUsageError(
            f"the note is {size:,} bytes; a note may have {MAX_BYTES:,}",
            hint="take down what matters, or split it into several notes",
        )
    return Note(moment.date(), moment.strftime("%H:%M:%S"), came_by, plain)


def clean(text: str) -> str:
    """Return `text` as a log keeps it: LF, no blank lines around it, no NUL, no lone surrogates."""
    text = text.encode("utf-8", "replace").decode("utf-8").replace("\0", "")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _BLANK_LINES.sub("", text).rstrip()  # a pattern for the end would try at every blank


def render_entry(note: Note) -> str:
    """Return the entry of a day's log that holds `note`."""
    return f"{ENTRY_HEAD}{note.time}{_MARKS[note.came_by]}\n{escape(note.text)}\n"


def parse_log(text: str, day: date) -> list[Note]:
    """Return the notes of a day's log in order.

    Text before the first heading (older tools, hand edits) is a note of its own, at 00:00:00,
    unless it is just a title over entries.
    """
    found: list[Note] = []
    entry, body = Note(day, "", "terminal", ""), list[str]()
    for line in _lines(text):
        heading = _HEADING.fullmatch(line)
        if heading is None:
            body.append(line)
            continue
        _close(found, entry, body, more=True)
        entry, body = Note(day, heading[1], _CAME_BY[heading[2] or ""], ""), []
    _close(found, entry, body, more=False)
    return found


def has_entries(text: str) -> bool:
    """Tell whether a text holds an entry of a day's log."""
    return any(_HEADING.fullmatch(line) for line in _lines(text))


def _lines(text: str) -> list[str]:
    """Return the lines of a log, which an editor may have given a byte order mark."""
    return text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")


def _close(found: list[Note], entry: Note, body: list[str], *, more: bool) -> None:
    if more and body and _is_separator(body[-1]):
        body.pop()
    text = clean(unescape("\n".join(_without_torn_head(body))))
    is_title = more and not entry.time and _TITLE.fullmatch(text)
    if text and not is_title:
        found.append(Note(entry.day, entry.time or "00:00:00", entry.came_by, text))


def _is_separator(line: str) -> bool:
    """Is this line the head of an entry? Exactly those that `escape` marks in a note."""
    return line.rstrip(" \t") == "---"


def _without_torn_head(body: list[str]) -> list[str]:
    """Return an entry without the head of one behind it that a crash cut off.

    No note has a separator in it as it stands, so the note before keeps its text, and its id.
    """
    rest = list(body)
    while rest and not rest[-1].strip():
        rest.pop()
    if len(rest) > 1 and _TORN_HEADING.fullmatch(rest[-1]) and _is_separator(rest[-2]):
        rest.pop()
    return _without_torn_head(rest[:-1]) if rest and _is_separator(rest[-1]) else body


def escape(text: str) -> str:
    """Return a note's text with the lines that look like part of a log marked by a backslash."""
    return "\n".join(
        f"\\{line}" if _LOOKS_LIKE_ENTRY.fullmatch(line) else line for line in text.split("\n")
    )


def unescape(text: str) -> str:
    """Undo `escape`."""
    return "\n".join(
        line[1:] if line.startswith("\\") and _LOOKS_LIKE_ENTRY.fullmatch(line) else line
        for line in text.split("\n")
    )
