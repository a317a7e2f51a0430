"""One note, and the text of a day's log: entries that no note can forge.

An entry is a blank line, ``---``, a heading, the note and a newline. The heading is
``### HH:MM:SS``. If nobody typed the note in a terminal, the heading also says how it came:
``(captured)``, ``(transcript)`` or ``(file)``. A line of a note that looks like a separator or a
heading gets a backslash in front, so every note is read back exactly as it was given.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from memsync.errors import WrongUsageError
from memsync.text.digest import digest

MAX_BYTES = 256 * 1024
"""The longest note; a longer text is a document."""

Source = Literal["terminal", "network", "transcript", "file"]
"""How a note came: typed; by the note port or the page; from an agent's session; from a file."""

_MARKS: dict[Source, str] = {
    "terminal": "",
    "network": " (captured)",
    "transcript": " (transcript)",
    "file": " (file)",
}
ENTRY_HEAD = "\n---\n### "
"""The beginning of every entry of a day's log; no note contains it."""

_SOURCES = {mark: source for source, mark in _MARKS.items()}
_ENTRY = r"### (\d\d:\d\d:\d\d)( \((?:captured|transcript|file)\))?"
_HEADING = re.compile(rf"{_ENTRY}[ \t]*")
_TORN_HEADING = re.compile(r"#{1,3}(?: [\d:]{0,8}(?: \(?[a-z]*)?)?")
_BLANK_LINES = re.compile(r"\A(?:[ \t]*\n)+")
_TITLE = re.compile(r"# [^\n]*")
_LOOKS_LIKE_ENTRY = re.compile(rf"\\*(?:---|{_ENTRY})[ \t]*")


@dataclass(frozen=True)
class NoteName:
    """A note without its text, for ledgers and proposals: its time, how it came, its id."""

    day: date
    time: str
    source: Source
    id: str


@dataclass(frozen=True)
class Note:
    """One note: its day and time, how it came, and its text."""

    day: date
    time: str
    source: Source
    text: str

    @property
    def id(self) -> str:
        """The note's id in the ledger: a digest of time and text, the same on every machine."""
        return digest(f"{self.day}\0{self.time}\0{self.text}".encode())[:20]

    @property
    def name(self) -> NoteName:
        """The note without its text."""
        return NoteName(self.day, self.time, self.source, self.id)

    @property
    def is_captured(self) -> bool:
        """Did it come over the network?"""
        return self.source == "network"

    @property
    def is_own_word(self) -> bool:
        """Did the person at this machine give it, so that it may contain orders for agents?"""
        return self.source in {"terminal", "file"}


def make_note(text: str, moment: datetime, *, source: Source = "terminal") -> Note:
    """Return a note of this text, taken at `moment`.

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
    return Note(moment.date(), moment.strftime("%H:%M:%S"), source, plain)


def clean(text: str) -> str:
    """Return `text` as a log keeps it: LF only, no blank lines around it, no NUL or surrogates."""
    text = text.encode("utf-8", "replace").decode("utf-8").replace("\0", "")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _BLANK_LINES.sub("", text).rstrip()  # a pattern for the end would be slow on many blanks


def render_entry(note: Note) -> str:
    """Return the entry for `note` in a day's log."""
    return f"{ENTRY_HEAD}{note.time}{_MARKS[note.source]}\n{escape(note.text)}\n"


def parse_log(text: str, day: date) -> list[Note]:
    """Return the notes of a day's log in order.

    Text before the first heading (from older tools, or typed by hand) is a note of its own at
    00:00:00, unless it is only a title above entries.
    """
    found: list[Note] = []
    entry, body = Note(day, "", "terminal", ""), list[str]()
    for line in _log_lines(text):
        heading = _HEADING.fullmatch(line)
        if heading is None:
            body.append(line)
            continue
        _add_entry(found, entry, body, more=True)
        entry, body = Note(day, heading[1], _SOURCES[heading[2] or ""], ""), []
    _add_entry(found, entry, body, more=False)
    return found


def has_entries(text: str) -> bool:
    """Does the text contain an entry of a day's log?"""
    return any(_HEADING.fullmatch(line) for line in _log_lines(text))


def _log_lines(text: str) -> list[str]:
    """Return the lines of a log without the byte order mark that an editor may have added."""
    return text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")


def _add_entry(found: list[Note], entry: Note, body: list[str], *, more: bool) -> None:
    if more and body and _is_separator(body[-1]):
        body.pop()
    text = clean(unescape("\n".join(_without_torn_head(body))))
    is_title = more and not entry.time and _TITLE.fullmatch(text)
    if text and not is_title:
        found.append(Note(entry.day, entry.time or "00:00:00", entry.source, text))


def _is_separator(line: str) -> bool:
    """Does this line begin an entry? It is one of the lines that `escape` marks in a note."""
    return line.rstrip(" \t") == "---"


def _without_torn_head(body: list[str]) -> list[str]:
    """Return an entry's lines without the head of a next entry that a crash cut off.

    No note contains a bare separator, so this note keeps its text and its id.
    """
    rest = list(body)
    while rest and not rest[-1].strip():
        rest.pop()
    if len(rest) > 1 and _TORN_HEADING.fullmatch(rest[-1]) and _is_separator(rest[-2]):
        rest.pop()
    return _without_torn_head(rest[:-1]) if rest and _is_separator(rest[-1]) else body


def escape(text: str) -> str:
    """Return a note's text with a backslash before each line that looks like part of a log."""
    return "\n".join(
        f"\\{line}" if _LOOKS_LIKE_ENTRY.fullmatch(line) else line for line in text.split("\n")
    )


def unescape(text: str) -> str:
    """Undo `escape`."""
    return "\n".join(
        line[1:] if line.startswith("\\") and _LOOKS_LIKE_ENTRY.fullmatch(line) else line
        for line in text.split("\n")
    )
