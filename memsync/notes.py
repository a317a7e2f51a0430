"""A note, and the text of a day's log: entries that no note can forge.

An entry is a blank line, ``---``, a heading ``### HH:MM:SS`` or ``### HH:MM:SS (captured)``, the
note, a newline. A line of a note that would itself read as a separator or a heading is escaped by
a leading backslash, so what is written is read back exactly.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime

from memsync.digests import digest
from memsync.errors import WrongUsageError

MAX_BYTES = 256 * 1024
"""How long one note may be; longer text is a document, not a note."""

_HEADING = re.compile(r"### (\d\d:\d\d:\d\d)( \(captured\))?[ \t]*")
_TITLE = re.compile(r"# [^\n]*")
_LOOKS_LIKE_ENTRY = re.compile(r"\\*(?:---|### \d\d:\d\d:\d\d(?: \(captured\))?)[ \t]*")


@dataclass(frozen=True)
class Note:
    """One note: the day and time it was taken, whether it came by the network, and its text."""

    day: date
    time: str
    captured: bool
    text: str

    @property
    def id(self) -> str:
        """The note's name in the ledger: a digest of when and what, the same on every machine."""
        return digest(f"{self.day}\0{self.time}\0{self.text}".encode())[:20]


def make(text: str, moment: datetime, *, captured: bool = False) -> Note:
    """Return a note of `text` taken at `moment`.

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
    return Note(moment.date(), moment.strftime("%H:%M:%S"), captured, plain)


def clean(text: str) -> str:
    """Return `text` as a log keeps it: LF, no blank lines around it, no NUL, no lone surrogates."""
    text = text.encode("utf-8", "replace").decode("utf-8").replace("\0", "")
    return re.sub(r"\A(?:[ \t]*\n)+|\s+\Z", "", text.replace("\r\n", "\n").replace("\r", "\n"))


def render(note: Note) -> str:
    """Return the entry of a day's log that holds `note`."""
    mark = " (captured)" if note.captured else ""
    return f"\n---\n### {note.time}{mark}\n{escape(note.text)}\n"


def parse(text: str, day: date) -> list[Note]:
    """Return the notes of a day's log in order.

    Text before the first heading (older tools, hand edits) is a note of its own, at 00:00:00,
    unless it is just a title over entries.
    """
    found: list[Note] = []
    time, captured, body = "", False, list[str]()
    for line in text.replace("\r\n", "\n").split("\n"):
        heading = _HEADING.fullmatch(line)
        if heading is None:
            body.append(line)
            continue
        _close(found, Note(day, time, captured, ""), body, more=True)
        time, captured, body = heading[1], heading[2] is not None, []
    _close(found, Note(day, time, captured, ""), body, more=False)
    return found


def _close(found: list[Note], entry: Note, body: list[str], *, more: bool) -> None:
    if more and body and body[-1].rstrip() == "---":
        body.pop()
    text = clean(unescape("\n".join(body)))
    is_title = more and not entry.time and _TITLE.fullmatch(text)
    if text and not is_title:
        found.append(Note(entry.day, entry.time or "00:00:00", entry.captured, text))


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
