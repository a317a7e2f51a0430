"""Captured notes on this machine's own disk, from the moment they are acknowledged until merged.

A sync folder may be away, and a sync mount can lose what it has fsynced; this folder does
neither. One file a day, one JSON line a note; many notes that come at once share one fsync.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from memsync import clock
from memsync.files import append_durably, ends_in_newline
from memsync.notes import Note
from memsync.state import state_folder

KEPT_FOR = timedelta(days=2)
"""A file of merged notes stays this long, so that a late retry is still recognised."""


@dataclass(frozen=True)
class Entry:
    """A note in the spool, and the key by which its sender would repeat it."""

    note: Note
    key: str = ""


@dataclass
class _Batch:
    lines: list[bytes] = field(default_factory=list)
    done: bool = False
    error: OSError | None = None


class Spool:
    """The spool of this machine; one process writes it, any thread of it may."""

    def __init__(self) -> None:
        self.folder = state_folder() / "spool"
        self.folder.mkdir(exist_ok=True, mode=0o700)
        self._gathering = _Batch()
        self._gather = threading.Lock()
        self._write = threading.Lock()

    def add(self, entry: Entry) -> None:
        """Keep a note; it is on disk when this returns.

        The first of several callers writes for all that came meanwhile: one fsync for many.

        Raises:
            OSError: the note is not kept.
        """
        with self._gather:
            batch = self._gathering
            batch.lines.append(_render(entry))
        with self._write:
            if not batch.done:
                with self._gather:
                    self._gathering = _Batch()
                self._commit(batch)
        if batch.error is not None:
            raise batch.error

    def _commit(self, batch: _Batch) -> None:
        path = self.folder / f"{clock.now().date().isoformat()}.jsonl"
        try:
            lead = b"" if ends_in_newline(path) else b"\n"
            append_durably(path, lead + b"".join(batch.lines))
        except OSError as error:
            batch.error = error
        batch.done = True

    def entries(self) -> list[Entry]:
        """Return what is in the spool, oldest first; a torn last line is no note yet."""
        found = []
        for path in sorted(self.folder.glob("*.jsonl")):
            found += _read(path)
        return found

    def settle(self, merged: set[str]) -> None:
        """Remove the files of past days whose notes are all merged.

        Args:
            merged: the ids of all merged notes.

        Raises:
            OSError: one cannot be read or removed.
        """
        limit = clock.now().date() - KEPT_FOR
        for path in sorted(self.folder.glob("*.jsonl")):
            old = _day(path) < limit
            if old and all(entry.note.id in merged for entry in _read(path)):
                path.unlink(missing_ok=True)


def _render(entry: Entry) -> bytes:
    note = entry.note
    table = {
        "day": note.day.isoformat(),
        "time": note.time,
        "captured": note.captured,
        "text": note.text,
        "key": entry.key,
    }
    return json.dumps(table).encode("ascii") + b"\n"


def _read(path: Path) -> list[Entry]:
    return [e for e in map(_parse, path.read_bytes().splitlines()) if e is not None]


def _parse(line: bytes) -> Entry | None:
    try:
        table = json.loads(line)
        day = date.fromisoformat(table["day"])
        note = Note(day, table["time"], bool(table["captured"]), table["text"])
        return Entry(note, table["key"])
    except (ValueError, KeyError, TypeError):
        return None


def _day(path: Path) -> date:
    try:
        return date.fromisoformat(path.stem)
    except ValueError:
        return date.max
