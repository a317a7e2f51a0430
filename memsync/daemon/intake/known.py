"""What the note port remembers: the notes it has had before, and whether its folder is there."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

from memsync.config import Config
from memsync.config.workspace import Workspace
from memsync.errors import FolderAwayError
from memsync.notes.spool import SpooledNote
from memsync.text.digest import digest
from memsync.text.note import Note

MOST_KEYS = 10_000
"""How many notes are remembered by their key; a retry comes within minutes, not years."""


@dataclass(frozen=True)
class Kept:
    """What the sender of a note is told: when it was taken, and whether it is held."""

    time: str
    is_held: bool

    @classmethod
    def of(cls, note: Note) -> Kept:
        """Return what the sender of `note` is told."""
        return cls(note.time, note.mark.held)


class KnownNotes:
    """The latest notes that came with a key, and what the sender of each was told."""

    def __init__(self, entries: Iterable[SpooledNote]) -> None:
        # Each lock stands for some of the keys: no repeat slips in between look and write, and
        # notes with other keys can share an fsync.
        self._locks = [threading.Lock() for _ in range(64)]
        self._known: OrderedDict[str, Kept] = OrderedDict()
        for entry in entries:
            if entry.key:
                self.remember(entry)

    def alone_with(self, entry: SpooledNote) -> threading.Lock:
        """Return the lock to hold while looking for a note and keeping it."""
        return self._locks[hash(entry.key) % len(self._locks)]

    def find(self, entry: SpooledNote) -> Kept | None:
        """Return what was said when this note was taken; None if it is new."""
        return self._known.get(_name(entry))

    def remember(self, entry: SpooledNote) -> None:
        """Remember this note, and forget the oldest if there are too many."""
        self._known[_name(entry)] = Kept.of(entry.note)
        if len(self._known) > MOST_KEYS:
            self._known.popitem(last=False)


def _name(entry: SpooledNote) -> str:
    """Return by what a retry is known: two phones that happen on one key do not share a note."""
    note = entry.note
    told = f"{entry.key}\0{note.mark.name}\0{note.text}"
    return digest(told.encode("utf-8", "surrogatepass"))


class Folder:
    """Whether the sync folder is there; requests that ask at the same time share one look."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._workspace: Workspace | None = None
        self._asking = threading.Lock()
        self._is_there: bool | None = None  # not asked here: a folder that hangs delays no start

    def is_there(self) -> bool:
        """Is the memory root there, now or a moment ago?"""
        if self._asking.acquire(blocking=self._is_there is None):
            try:
                self._is_there = self._look()
            finally:
                self._asking.release()
        return bool(self._is_there)

    def _look(self) -> bool:
        known, self._workspace = self._workspace, None
        try:
            if known is None:
                known = Workspace.open(self._config)
            else:
                known.require_present()
        except FolderAwayError:
            return False
        self._workspace = known
        return True
