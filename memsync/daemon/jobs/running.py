"""Which jobs run in this daemon just now, by the schedule or because a person asked on the page."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from memsync import clock

log = logging.getLogger(__name__)
_lock = threading.Lock()
_running: dict[str, datetime] = {}


def running_since(name: str) -> datetime | None:
    """Return since when `name` runs; None where it does not."""
    with _lock:
        return _running.get(name)


@contextmanager
def mark_running(name: str) -> Iterator[None]:
    """Let `name` count as running for as long as the body takes."""
    is_first = _claim(name)  # one that runs already by hand is counted from its own start
    try:
        yield
    finally:
        if is_first:
            _release(name)


def start_in_thread(name: str, act: Callable[[], object]) -> bool:
    """Call `act` in a thread of its own; return False where `name` runs already."""
    if not _claim(name):
        return False
    threading.Thread(target=_run, args=(name, act), name=f"run {name}", daemon=True).start()
    return True


def _run(name: str, act: Callable[[], object]) -> None:
    try:
        act()
    except Exception:
        log.exception("%s could not be run", name)
    finally:
        _release(name)


def _claim(name: str) -> bool:
    with _lock:
        if name in _running:
            return False
        _running[name] = clock.now()
        return True


def _release(name: str) -> None:
    with _lock:
        del _running[name]
