"""Jobs a person started from the page: each in a thread of its own, one of a kind at a time."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime

from memsync import clock

log = logging.getLogger(__name__)


class Runner:
    """What was started and is not done yet; any thread may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[str, datetime] = {}

    def start(self, name: str, act: Callable[[], object]) -> bool:
        """Call `act` in a thread; return False where one of that name runs already."""
        with self._lock:
            if name in self._running:
                return False
            self._running[name] = clock.now()
        threading.Thread(
            target=self._run, args=(name, act), name=f"run {name}", daemon=True
        ).start()
        return True

    def since(self, name: str) -> datetime | None:
        """Return since when `name` runs; None where it does not."""
        with self._lock:
            return self._running.get(name)

    def _run(self, name: str, act: Callable[[], object]) -> None:
        try:
            act()
        except Exception:
            log.exception("%s could not be run", name)
        finally:
            with self._lock:
                del self._running[name]
