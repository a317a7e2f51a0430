"""From the spool into the day's log: within a second, and again when the folder is back.

The mover sleeps until a note comes. While the sync folder is away it tries again now and then;
what a sync client lost from a log, it puts back from the spool.
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
"""Notes that come within this time of each other are written together."""

RETRY_SECONDS = 15.0

LOOK_SECONDS = 60.0
"""How often notes are looked for that a command kept while it did not find the folder."""

MEND_SECONDS = 3600.0
"""How often all is well is not taken for granted: logs are mended and the spool is cleared."""

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
        self._told = ""
        self._thread = threading.Thread(target=self._run, name="mover", daemon=True)

    def start(self) -> None:
        """Begin, with what a former process left in the spool."""
        self._thread.start()

    def submit(self, note: Note) -> None:
        """Take a note that is safe in the spool; it is in its log soon."""
        self._queue.put(note)
        self._woken.set()

    def stop(self) -> None:
        """Move what is in hand and end."""
        self._ended.set()
        self._woken.set()
        self._thread.join(timeout=STOP_SECONDS)

    def is_alive(self) -> bool:
        """Tell whether the thread runs."""
        return self._thread.is_alive()

    def _run(self) -> None:
        self._tidy()
        well, mended = self.move_all(), time.monotonic()
        while not self._ended.is_set():
            self._woken.wait(min(LOOK_SECONDS, MEND_SECONDS) if well else RETRY_SECONDS)
            self._ended.wait(GATHER_SECONDS)
            self._woken.clear()
            if well and time.monotonic() < mended + MEND_SECONDS and not spool.notes_of_commands():
                well = self._move_queued()
            else:
                well, mended = self.move_all(), time.monotonic()
        if well:
            self._move_queued()

    def _tidy(self) -> None:
        """Sweep what a killed process left; where the folder is away, a later one does."""
        with contextlib.suppress(MemsyncError):
            sweep.sweep(Workspace.open(self._config))

    def move_all(self) -> bool:
        """Put every spooled note that is not merged into its log; return whether that worked.

        Doing it again changes nothing, so it also mends a log that lost notes.
        """
        try:
            self._spool.settle(delivery.redeliver(Workspace.open(self._config)))
        except (MemsyncError, OSError) as error:
            self._tell(f"notes wait in the spool: {error}")
            return False
        self._tell("")
        return True

    def _move_queued(self) -> bool:
        notes = [self._queue.get() for _ in range(self._queue.qsize())]
        if not notes:
            return True
        try:
            add_missing(Workspace.open(self._config), notes, self._last_seen)
        except (MemsyncError, OSError) as error:
            self._tell(f"notes wait in the spool: {error}")
            return False
        return True

    def _tell(self, message: str) -> None:
        """Log a change of state, not each of many tries."""
        if message and message != self._told:
            log.warning("%s", message)
        elif self._told and not message:
            log.info("the notes that waited are in the log")
        self._told = message
