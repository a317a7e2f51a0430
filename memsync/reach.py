"""Looking at a folder that may hang: a network drive without its server answers nothing, for ever.

No signal ends such a wait. So a thread of its own does the looking, and whoever asked gives up on
it after a while. There is never more than one such thread to a folder: while it hangs, everybody
else is told so at once, and when it comes back all is as before.
"""

from __future__ import annotations

import _thread  # importing threading would cost `memsync show` half a millisecond
import errno
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

PATIENCE_SECONDS = 5.0
"""How long a folder may take to answer: a disk that was asleep needs a few seconds to spin up."""

_Found = TypeVar("_Found")


class _Gate:
    """The way to one folder: who looks holds the lock, since `began`."""

    def __init__(self) -> None:
        self.lock = _thread.allocate_lock()
        self.began = 0.0

    def hangs(self) -> bool:
        return self.lock.locked() and time.monotonic() - self.began > PATIENCE_SECONDS


_gates: dict[str, _Gate] = {}


def within_reach(folder: Path, look: Callable[[], _Found]) -> _Found:
    """Return what `look` finds in `folder`, or raise what it raises.

    Args:
        folder: what may hang; looks at one folder are made one after the other.
        look: looks at it, and does not call this function for the same folder.

    Raises:
        TimeoutError: the folder does not answer, or has not answered somebody before.
    """
    gate = _gates.setdefault(str(folder), _Gate())
    if gate.hangs() or not gate.lock.acquire(timeout=PATIENCE_SECONDS):
        raise _silent(folder)
    gate.began = time.monotonic()
    found: list[_Found] = []
    failed: list[BaseException] = []
    done = _thread.allocate_lock()
    done.acquire()

    def run() -> None:
        try:
            found.append(look())
        except BaseException as error:  # noqa: BLE001 - it is raised where it was asked for
            failed.append(error)
        finally:
            gate.lock.release()
            done.release()

    try:
        _thread.start_new_thread(run, ())
    except RuntimeError:  # no thread to be had: better to look unguarded than not at all
        run()
    if not done.acquire(timeout=PATIENCE_SECONDS):
        raise _silent(folder)
    if failed:
        raise failed[0]
    return found[0]


def _silent(folder: Path) -> TimeoutError:
    return TimeoutError(errno.ETIMEDOUT, "it does not answer", str(folder))
