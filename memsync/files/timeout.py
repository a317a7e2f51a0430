"""Looking at a folder that may hang: a network drive without its server answers nothing, for ever.

No signal ends such a wait. So a thread of its own does the looking, and whoever asked gives up on
it after a while. There is never more than one such thread to a folder: while it hangs, everybody
else is told so at once, and when it comes back all is as before.
"""

from __future__ import annotations

import _thread  # importing threading would cost `memsync show` half a millisecond
import errno
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

PATIENCE_SECONDS = 5.0
"""How long a folder may take to answer: a disk that was asleep needs a few seconds to spin up."""

IDLE_SECONDS = 2.0
"""A thread waits so long for the next look: to start one for each would cost the ear a lot."""

_Found = TypeVar("_Found")


class _Gate:
    """The way to one folder: who looks holds `turn`, since `began`, and leaves it to the thread."""

    def __init__(self) -> None:
        self.turn = _thread.allocate_lock()
        self.began = 0.0
        self._has_thread = False
        self._handed = _thread.allocate_lock()
        self._handed.acquire()
        self._job: Callable[[], object] = time.monotonic

    def hangs(self) -> bool:
        return self.turn.locked() and time.monotonic() - self.began > PATIENCE_SECONDS

    def hand(self, job: Callable[[], object]) -> None:
        """Have `job`, which never raises, done by the thread; the turn ends with it."""
        self.began = time.monotonic()
        self._job = job
        if not self._has_thread:
            try:
                _thread.start_new_thread(self._run, ())
            except RuntimeError as error:
                self.turn.release()
                raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN)) from error
            self._has_thread = True
        self._handed.release()

    def _run(self) -> None:
        while True:
            if self._handed.acquire(timeout=IDLE_SECONDS):
                self._job()
                self.turn.release()
            elif self.turn.acquire(blocking=False):  # nobody is about to hand something over
                self._has_thread = False
                self.turn.release()
                return


_gates: dict[str, _Gate] = {}
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_gates.clear)  # a fork takes no threads along


def with_timeout(folder: Path, look: Callable[[], _Found]) -> _Found:
    """Return what `look` finds in `folder`; give up if the folder does not answer in time.

    Args:
        folder: what may hang; looks at one folder are made one after the other.
        look: looks at it, and does not call this function for the same folder.

    Raises:
        TimeoutError: the folder does not answer, or has not answered somebody before.
        OSError: there is no thread to be had.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    gate = _gates.setdefault(str(folder), _Gate())
    if gate.hangs() or not gate.turn.acquire(timeout=PATIENCE_SECONDS):
        raise _silent(folder)
    found: list[_Found] = []
    failed: list[BaseException] = []
    done = _thread.allocate_lock()
    done.acquire()

    def job() -> None:
        try:
            found.append(look())
        except BaseException as error:  # noqa: BLE001 - it is raised where it was asked for
            failed.append(error)
        done.release()

    gate.hand(job)
    if not done.acquire(timeout=max(0.0, deadline - time.monotonic())):
        raise _silent(folder)
    if failed:
        raise failed[0]
    return found[0]


def _silent(folder: Path) -> TimeoutError:
    return TimeoutError(errno.ETIMEDOUT, "it does not answer", str(folder))
