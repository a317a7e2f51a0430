"""What the note port remembers: the notes it has had before, and whether its folder is there."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable

from memsync.config import Config
from memsync.config.workspace import Workspace
from memsync.errors import FolderAwayError
from memsync.notes.spool import SpooledNote
from memsync.text.digest import digest

MOST_KEYS = 10_000
"""How many notes are remembered by their key; a retry comes within minutes, not years."""


class KnownNotes:
    """The latest notes that came with a key, and when each was taken."""

    def __init__(self, entries: Iterable[SpooledNote]) -> None:
        # Each lock stands for some of the keys: no repeat slips in between look and write, and
        # notes with other keys can share an fsync.
        self._locks = [threading.Lock() for _ in range(64)]
        self._times: OrderedDict[str, str] = OrderedDict()
        for entry in entries:
            if entry.key:
                self.remember(entry)

    def alone_with(self, entry: SpooledNote) -> threading.Lock:
        """Return the lock to hold while looking for a note and keeping it."""
        return self._locks[hash(entry.key) % len(self._locks)]

    def time_of(self, entry: SpooledNote) -> str | None:
        """Return when this note was taken; None if it is new."""
        return self._times.get(_name(entry))

    def remember(self, entry: SpooledNote) -> None:
        """Remember this note, and forget the oldest if there are too many."""
        self._times[_name(entry)] = entry.note.time
        if len(self._times) > MOST_KEYS:
            self._times.popitem(last=False)


def _name(entry: SpooledNote) -> str:
    return digest(f"{entry.key}\0{entry.note.text}".encode("utf-8", "surrogatepass"))


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
