"""Notes on this machine's own disk: captured ones until merged, others while the folder is away.

A sync folder may be away, and a sync mount can lose what it has fsynced; this folder does
neither. The daemon has one file a day, one JSON line a note; many notes that come at once share one
fsync. A command, which may run beside it, keeps each note in a file of its own.
"""

from __future__ import annotations

import json
import os
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from memsync import clock
from memsync.config.state import state_folder, state_path
from memsync.files.append import append_durably, append_to, ends_in_newline
from memsync.files.atomic import create_new
from memsync.files.listing import list_matching
from memsync.text.mark import CAPTURED, recorded_mark
from memsync.text.note import Note

KEPT_FOR = timedelta(days=2)
"""A file of settled notes stays this long, so that a late retry is still recognised."""

_ASIDE = "????-??-??.*.jsonl"


@dataclass(frozen=True)
class SpooledNote:
    """A note in the spool, the key by which its sender would repeat it, and who that is.

    `sender` is under which name the note port counts the sender's notes of a day.
    """

    note: Note
    key: str = ""
    sender: str = ""


class _Batch:
    """Notes that share one fsync, and those who wait for it."""

    def __init__(self, gate: threading.Lock) -> None:
        self.lines: list[bytes] = []
        self.done = False
        self.error: Exception | None = None
        self.changed = threading.Condition(gate)


class _Day:
    """The file of a day, kept open: what it holds ends in a newline."""

    def __init__(self, path: Path) -> None:
        append_durably(path, b"" if ends_in_newline(path) else b"\n")
        self._path = path
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | getattr(os, "O_BINARY", 0))
        weakref.finalize(self, os.close, self._descriptor)
        self._is = _identity(os.fstat(self._descriptor))

    def still_is(self, path: Path) -> bool:
        """Is this the file at `path`, and has nobody else written to it?"""
        try:
            return path == self._path and _identity(path.stat()) == self._is
        except OSError:
            return False

    def append(self, lines: bytes) -> None:
        device, inode, size = self._is
        append_to(self._descriptor, size, lines)
        self._is = (device, inode, size + len(lines))


def _identity(info: os.stat_result) -> tuple[int, int, int]:
    return info.st_dev, info.st_ino, info.st_size


class Spool:
    """What the daemon keeps in this machine's spool; any thread of that one process may."""

    def __init__(self) -> None:
        self.folder = _made_folder()
        self._gate = threading.Lock()
        self._gathering = _Batch(self._gate)
        self._writing = False
        self._day: _Day | None = None

    def add(self, entry: SpooledNote) -> None:
        """Keep a note; it is on disk when this returns.

        The first of several callers writes for all that came meanwhile: one fsync for many.

        Raises:
            OSError: the note is not kept.
        """
        line = _render(entry)
        with self._gate:
            batch = self._gathering
            batch.lines.append(line)
            while self._writing and not batch.done:
                batch.changed.wait()
            leads = not batch.done
            if leads:
                self._writing = True
                self._gathering = _Batch(self._gate)
        if leads:
            self._commit(batch)
        if batch.error is not None:
            raise batch.error

    def _commit(self, batch: _Batch) -> None:
        try:
            self._write(b"".join(batch.lines))
        except Exception as error:  # noqa: BLE001 - it is everybody's whose note this was
            batch.error = error
        with self._gate:
            batch.done = True
            self._writing = False
            batch.changed.notify_all()
            self._gathering.changed.notify()  # who leads the next one

    def _write(self, lines: bytes) -> None:
        path = self.folder / f"{clock.now().date().isoformat()}.jsonl"
        day, self._day = self._day, None
        if day is None or not day.still_is(path):
            day = _Day(path)
        day.append(lines)
        self._day = day

    def entries(self) -> list[SpooledNote]:
        """Return what is in the spool, oldest first; a torn last line is no note yet."""
        return _entries(self.folder)

    def settle(self, is_settled: Callable[[Note], bool]) -> None:
        """Remove the files of past days whose notes are all settled: merged, or rejected.

        A record that was whole and cannot be read any more was a note: its file stays.

        Args:
            is_settled: tells it of a note.

        Raises:
            OSError: one cannot be read or removed.
        """
        limit = clock.now().date() - KEPT_FOR
        for path in list_matching(self.folder, "*.jsonl"):
            old = _day(path) < limit
            if old and _are_settled(path.read_bytes(), is_settled):
                path.unlink(missing_ok=True)


def spooled_notes() -> list[SpooledNote]:
    """Return what is in this machine's spool, oldest first; a torn last line is no note yet.

    Raises:
        OSError: it cannot be read.
    """
    return _entries(state_path() / "spool")


def notes_of_commands() -> dict[Path, Note]:
    """Return the notes that commands kept, each by its file.

    Raises:
        OSError: one cannot be read.
    """
    paths = list_matching(state_path() / "spool", _ASIDE)
    return {path: entry.note for path in paths for entry in _read(path)}


def keep_until_safe(note: Note) -> None:
    """Keep a note that goes into its log at the same time, until that is sure to stay.

    Raises:
        OSError: the note is not kept.
    """
    create_new(
        _made_folder() / f"{note.day.isoformat()}.{note.id}.jsonl", _render(SpooledNote(note))
    )


def keep_aside(note: Note) -> Note:
    """Keep a note in a file of its own; it is on disk when this returns.

    Returns:
        The note as it is kept: the one before where it says the same, as when somebody who was
        told that the folder is away says it again.

    Raises:
        OSError: the note is not kept.
    """
    for kept in notes_of_commands().values():
        if (kept.mark, kept.text) == (note.mark, note.text):
            return kept
    keep_until_safe(note)
    return note


def _made_folder() -> Path:
    folder = state_folder() / "spool"
    folder.mkdir(exist_ok=True, mode=0o700)
    return folder


def _entries(folder: Path) -> list[SpooledNote]:
    return [entry for path in list_matching(folder, "*.jsonl") for entry in _read(path)]


def _render(entry: SpooledNote) -> bytes:
    note = entry.note
    table = {
        "day": note.day.isoformat(),
        "time": note.time,
        "came_by": str(note.mark),
        "text": note.text,
        "key": entry.key,
        "sender": entry.sender,
    }
    return json.dumps(table).encode("ascii") + b"\n"


def _read(path: Path) -> list[SpooledNote]:
    return [e for e in map(_parse, path.read_bytes().splitlines()) if e is not None]


def _are_settled(data: bytes, is_settled: Callable[[Note], bool]) -> bool:
    """Is nothing in a file still needed? A torn line was never acknowledged."""
    lines = data.splitlines()
    return all(
        is_settled(entry.note) if entry else not line.rstrip().endswith(b"}")
        for line, entry in zip(lines, map(_parse, lines), strict=True)
    )


def _parse(line: bytes) -> SpooledNote | None:
    try:
        table = json.loads(line)
        day = date.fromisoformat(table["day"])
        # Of a version that did not say how a note came: by the note port, as all did.
        mark = recorded_mark(table["came_by"]) if "came_by" in table else CAPTURED
        note = Note(day, _text(table["time"]), mark, _text(table["text"]))
        return SpooledNote(note, table["key"], table.get("sender", ""))
    except (ValueError, KeyError, TypeError):
        return None


def _text(given: object) -> str:
    if not isinstance(given, str):
        raise TypeError(given)
    return given


def _day(path: Path) -> date:
    try:
        return date.fromisoformat(path.name[:10])
    except ValueError:
        return date.max
