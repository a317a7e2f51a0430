"""One note, and the text of a day's log: entries that no note can forge.

An entry is a blank line, ``---``, a heading, the note and a newline. The heading is
``### HH:MM:SS (MARK)``; `mark` says what a mark is. A line of a note that looks like a separator
or a heading gets a backslash in front, so every note is read back exactly as it was given.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime

from memsync.errors import WrongUsageError
from memsync.text.digest import digest
from memsync.text.mark import NOBODY, TYPED, UNMARKED, WAYS, Mark, parse_mark

MAX_BYTES = 256 * 1024
"""The longest note; a longer text is a document."""

ENTRY_HEAD = "\n---\n### "
"""The beginning of every entry of a day's log; no note contains it."""

NO_TIME = "00:00:00"
"""The time of a note that has none, such as a text that another tool wrote."""

_TIME = r"### \d\d:\d\d:\d\d"
_SEPARATOR = re.compile(r"---[ \t]*")
_HEADING = re.compile(r"### (\d\d:\d\d:\d\d)(?: \(([^()]*)\))?[ \t]*", re.ASCII)
_BARE_HEADING = re.compile(rf"{_TIME}[ \t]*", re.ASCII)
_SIGNS = r"[^\w\n]{0,40}"  # bounded, or a long line of signs would take minutes
_LOST_HEADING = re.compile(
    rf"(?!\\){_SIGNS}(?:---.)?{_SIGNS}\d\d:\d\d:\d\d[ \t]*\(.*", re.ASCII | re.DOTALL
)
"""A heading that may have lost its line: no letter stands before its time."""
_PART_OF_MARK = re.compile(rf"\((?:{'|'.join(WAYS)})\b|, ?held\)")
_BROKEN_HEADING = re.compile(r"[ \t]*#*[ \t]*(\d\d:\d\d:\d\d)(?!\d).*", re.ASCII)
_TORN_HEADING = re.compile(r"#{1,3}(?: [\d:]{0,8}(?: \(?[a-z0-9:, -]*)?)?", re.ASCII)
_LOOKS_BROKEN = re.compile(r"[ \t]*#+[ \t]*(?:\d\d?(?::.*)?)?|[ \t]*\d\d:\d\d:\d\d.*", re.ASCII)
_BLANK_LINES = re.compile(r"\A(?:[ \t]*\n)+")
_TITLE = re.compile(r"# [^\n]*")
_LOOKS_LIKE_ENTRY = re.compile(
    rf"\\*(?:---[ \t]*|{_TIME}.*|{_LOST_HEADING.pattern})", re.ASCII | re.DOTALL
)


@dataclass(frozen=True)
class NoteName:
    """A note without its text, for ledgers and proposals: its time, whose word, its id."""

    day: date
    time: str
    mark: Mark
    id: str


@dataclass(frozen=True)
class Note:
    """One note: its day and time, whose word it is, and its text."""

    day: date
    time: str
    mark: Mark
    text: str

    @property
    def id(self) -> str:
        """The note's id in the ledger: a digest of time and text, the same on every machine."""
        return digest(f"{self.day}\0{self.time}\0{self.text}".encode())[:20]

    @property
    def name(self) -> NoteName:
        """The note without its text."""
        return NoteName(self.day, self.time, self.mark, self.id)

    @property
    def key(self) -> tuple[str, Mark]:
        """What tells it from every other entry: another's words at the same second are another."""
        return self.id, self.mark


def make_note(text: str, moment: datetime, mark: Mark = TYPED) -> Note:
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
    return Note(moment.date(), moment.strftime("%H:%M:%S"), mark, plain)


def clean(text: str) -> str:
    """Return `text` as a log keeps it: LF only, no blank lines around it, no NUL or surrogates."""
    text = text.encode("utf-8", "replace").decode("utf-8").replace("\0", "")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _BLANK_LINES.sub("", text).rstrip()  # a pattern for the end would be slow on many blanks


def render_entry(note: Note) -> str:
    """Return the entry for `note` in a day's log."""
    mark = f" ({note.mark})" if str(note.mark) else ""
    return f"{ENTRY_HEAD}{note.time}{mark}\n{escape(note.text)}\n"


def parse_log(text: str, day: date) -> list[Note]:
    """Return the notes of a day's log in order.

    In a log that has entries each bare ``---`` begins one. What stands before the first, unless it
    is only a title, and an entry whose heading or text is damaged, is a note of nobody's. A log
    without entries, which a person or another tool wrote, is one note without a mark.
    """
    lines = _log_lines(text)
    if not _has_remains(lines):
        return _parse_foreign(lines, day)
    head, *entries = _split(lines)
    found = [] if _is_title(head) else _parse_foreign(head, day, NOBODY)
    for entry in entries:
        found += _parse_entry(entry, day)
    return found


def is_free_text(text: str) -> bool:
    """Is no entry in this log, nor what is left of one: did somebody else write it?"""
    return not _has_remains(_log_lines(text))


def has_entries(text: str) -> bool:
    """Does the text contain an entry of a day's log?"""
    lines = _log_lines(text)
    return any(entry and _HEADING.fullmatch(entry[0]) for entry in _split(lines)[1:]) or any(
        _BARE_HEADING.fullmatch(line) for line in lines
    )


def _log_lines(text: str) -> list[str]:
    """Return the lines of a log without the byte order mark that an editor may have added."""
    return text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")


def _split(lines: list[str]) -> list[list[str]]:
    """Return the lines before the first bare separator, and those of each entry."""
    found: list[list[str]] = [[]]
    for line in lines:
        if _SEPARATOR.fullmatch(line):
            found.append([])
        else:
            found[-1].append(line)
    return found


def _has_remains(lines: list[str]) -> bool:
    """Is an entry in this log, or what a crash or a bad edit left of one?

    A person's own text may have a bare ``---`` between its paragraphs. Part of a mark close behind
    one, or a heading without its line, is what a crash or an editor left.
    """
    entries = _split(lines)[1:]
    begins_like_ours = (
        len(lines) > 1 and not lines[0].strip() and bool(_SEPARATOR.fullmatch(lines[1]))
    )
    return (
        begins_like_ours
        or any(entry and _LOOKS_BROKEN.fullmatch(entry[0]) for entry in entries)
        or any(_PART_OF_MARK.search(line) for entry in entries for line in entry[:2])
        or any("\0" in line or _LOST_HEADING.match(line) for line in lines)
    )


def _parse_foreign(lines: list[str], day: date, mark: Mark = UNMARKED) -> list[Note]:
    """Return the notes of a text that memsync did not write: one, or one for each bare heading."""
    found: list[Note] = []
    time, body = "", list[str]()
    for line in lines:
        if _BARE_HEADING.fullmatch(line):
            found += [] if not time and _is_title(body) else _notes_of(day, time, mark, body)
            time, body = line[4:12], []
        else:
            body.append(line)
    return found + _notes_of(day, time, mark, body)


def _is_title(body: list[str]) -> bool:
    return _TITLE.fullmatch(clean("\n".join(body))) is not None


def _parse_entry(entry: list[str], day: date) -> list[Note]:
    first, *body = entry or [""]
    heading = _HEADING.fullmatch(first)
    if heading is None:
        return _parse_broken(entry, day)
    mark = UNMARKED if heading[2] is None else parse_mark(heading[2]) if heading[2] else NOBODY
    return _notes_of(day, heading[1], NOBODY if _is_damaged(body) else mark, body)


def _parse_broken(entry: list[str], day: date) -> list[Note]:
    """Return the note of nobody's behind a broken heading; none if a crash left no more of it."""
    first, *body = [line.replace("\0", "") for line in entry] or [""]
    if _TORN_HEADING.fullmatch(first) and not "".join(body).strip():
        return []
    broken = _BROKEN_HEADING.fullmatch(first)
    return _notes_of(day, broken[1] if broken else "", NOBODY, body if broken else [first, *body])


def _is_damaged(body: list[str]) -> bool:
    """Is this more than the text of one note?

    A power cut leaves NUL bytes where words were. A heading that has lost its separator makes the
    next note a part of this one; `escape` marks such a line in a note.
    """
    text = "\n".join(body).rstrip("\0 \t\n")
    return "\0" in text or any(_LOST_HEADING.match(line) for line in body)


def _notes_of(day: date, time: str, mark: Mark, body: list[str]) -> list[Note]:
    text = clean(unescape("\n".join(body)))
    first = text.partition("\n")[0]
    if mark == UNMARKED and time and first.lstrip().startswith("(") and _PART_OF_MARK.search(first):
        mark = NOBODY  # an editor has wrapped the heading
    if text in {"-", "--", "---"} and not time:
        return []  # the head of an entry that a crash cut off
    return [Note(day, time or NO_TIME, mark, text)] if text else []


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
