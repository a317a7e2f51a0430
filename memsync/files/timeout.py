"""Looks at a folder that may hang, with a timeout: a drive without its server never answers.

No signal ends such a wait. So a separate thread looks, and the caller gives up after a while. Each
folder has at most one such thread. While that hangs, every other caller gets an error at once; when
the folder answers again, all is as before.
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
"""How long a folder may take to answer; a sleeping disk needs a few seconds to spin up."""

IDLE_SECONDS = 2.0
"""A thread waits so long for the next look; a new thread for each would slow the note port down."""

_Found = TypeVar("_Found")


class _FolderWorker:
    """The thread for one folder. A caller takes `turn`; the thread releases it after the look."""

    def __init__(self) -> None:
        self.turn = _thread.allocate_lock()
        self.began = 0.0
        self._has_thread = False
        self._submitted = _thread.allocate_lock()
        self._submitted.acquire()
        self._job: Callable[[], object] = time.monotonic

    def hangs(self) -> bool:
        return self.turn.locked() and time.monotonic() - self.began > PATIENCE_SECONDS

    def submit(self, job: Callable[[], object]) -> None:
        """Have the thread run `job`, which never raises, and release the turn."""
        self.began = time.monotonic()
        self._job = job
        if not self._has_thread:
            try:
                _thread.start_new_thread(self._run, ())
            except RuntimeError as error:
                self.turn.release()
                raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN)) from error
            self._has_thread = True
        self._submitted.release()

    def _run(self) -> None:
        while True:
            if self._submitted.acquire(timeout=IDLE_SECONDS):
                self._job()
                self.turn.release()
            elif self.turn.acquire(blocking=False):  # nobody is about to submit a job
                self._has_thread = False
                self.turn.release()
                return


_workers: dict[str, _FolderWorker] = {}
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_workers.clear)  # threads do not survive a fork


def with_timeout(folder: Path, look: Callable[[], _Found]) -> _Found:
    """Return what `look` finds in `folder`; give up if the folder does not answer in time.

    Args:
        folder: the folder that may hang; callers look at it one after the other.
        look: looks at the folder; it must not call this function for the same folder.

    Raises:
        TimeoutError: the folder does not answer, or still has not answered an earlier caller.
        OSError: no thread can be started.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    worker = _workers.setdefault(str(folder), _FolderWorker())
    if worker.hangs() or not worker.turn.acquire(timeout=PATIENCE_SECONDS):
        raise _timed_out(folder)
    found: list[_Found] = []
    failed: list[BaseException] = []
    done = _thread.allocate_lock()
    done.acquire()

    def job() -> None:
        try:
            found.append(look())
        except BaseException as error:  # noqa: BLE001 - raised again in the caller
            failed.append(error)
        done.release()

    worker.submit(job)
    if not done.acquire(timeout=max(0.0, deadline - time.monotonic())):
        raise _timed_out(folder)
    if failed:
        raise failed[0]
    return found[0]


def _timed_out(folder: Path) -> TimeoutError:
    return TimeoutError(errno.ETIMEDOUT, "it does not answer", str(folder))
