"""Moves notes from the spool to the day's log: within a second, or once the folder is back.

The mover sleeps until a note comes. While the sync folder is away, it tries again now and then.
Notes that a sync client lost from a log are put back from the spool.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from queue import SimpleQueue

from memsync.config import Config
from memsync.config.workspace import Workspace
from memsync.errors import MemsyncError
from memsync.memory import sweep
from memsync.notes import delivery, spool
from memsync.notes.log import DaySeen, add_missing
from memsync.notes.spool import Spool
from memsync.text.note import Note

GATHER_SECONDS = 0.2
"""Notes that come within this time are written together."""

RETRY_SECONDS = 15.0

LOOK_SECONDS = 60.0
"""How often to look for notes that a command put in the spool because the folder was away."""

MEND_SECONDS = 3600.0
"""How often logs are checked and repaired and the spool is cleared, even if all seems well."""

STOP_SECONDS = 2.0

log = logging.getLogger(__name__)


class Mover:
    """A thread that moves notes from the spool to the logs."""

    def __init__(self, spool: Spool, config: Config) -> None:
        self._spool = spool
        self._config = config
        self._queue: SimpleQueue[Note] = SimpleQueue()
        self._woken = threading.Event()
        self._ended = threading.Event()
        self._last_seen = DaySeen()
        self._last_message = ""
        self._thread = threading.Thread(target=self._run, name="mover", daemon=True)

    def start(self) -> None:
        """Start the thread; it begins with the notes that an earlier process left in the spool."""
        self._thread.start()

    def submit(self, note: Note) -> None:
        """Take a note that is safe in the spool; it will be in its log soon."""
        self._queue.put(note)
        self._woken.set()

    def stop(self) -> None:
        """Move the notes at hand, then end the thread."""
        self._ended.set()
        self._woken.set()
        self._thread.join(timeout=STOP_SECONDS)

    def is_alive(self) -> bool:
        """Does the thread run?"""
        return self._thread.is_alive()

    def _run(self) -> None:
        self._tidy()
        well, checked = self.move_all(), time.monotonic()
        while not self._ended.is_set():
            self._woken.wait(min(LOOK_SECONDS, MEND_SECONDS) if well else RETRY_SECONDS)
            self._ended.wait(GATHER_SECONDS)
            self._woken.clear()
            if well and time.monotonic() < checked + MEND_SECONDS and not spool.notes_of_commands():
                well = self._move_queued()
            else:
                well, checked = self.move_all(), time.monotonic()
        if well:
            self._move_queued()

    def _tidy(self) -> None:
        """Remove what a killed process left behind; if the folder is away, the next start does."""
        with contextlib.suppress(MemsyncError):
            sweep.sweep(Workspace.open(self._config))

    def move_all(self) -> bool:
        """Put every spooled note that is not merged into its log; return whether that worked.

        Doing it twice changes nothing, so it also repairs a log that lost notes.
        """
        try:
            self._spool.settle(delivery.redeliver(Workspace.open(self._config)))
        except (MemsyncError, OSError) as error:
            self._log_change(f"notes wait in the spool: {error}")
            return False
        self._log_change("")
        return True

    def _move_queued(self) -> bool:
        notes = [self._queue.get() for _ in range(self._queue.qsize())]
        if not notes:
            return True
        try:
            add_missing(Workspace.open(self._config), notes, self._last_seen)
        except (MemsyncError, OSError) as error:
            self._log_change(f"notes wait in the spool: {error}")
            return False
        return True

    def _log_change(self, message: str) -> None:
        """Log a message once, however many tries end with it."""
        if message and message != self._last_message:
            log.warning("%s", message)
        elif self._last_message and not message:
            log.info("the notes that waited are in the log now")
        self._last_message = message
