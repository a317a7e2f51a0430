"""Who is logged in: sessions by random ids, whose keyed digests are kept in the local state.

A session ends at log-out, by a new password, or 30 days after its last use. The key of the digests
is a random epoch: a new one ends all sessions at once. If the file is lost or cannot be read, the
epoch is a new one, so nobody is in.
"""

from __future__ import annotations

import hmac
import logging
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from memsync.config.state_file import StateFile

DAYS = 30
"""A session that is not used for so long has ended."""

MOST = 500
"""The sessions that are kept; beyond, those that were not used for longest end."""

_DAY = 24 * 60 * 60.0
_BYTES = 32
_FILE = StateFile("web.sessions")

log = logging.getLogger(__name__)


@dataclass
class _Kept:
    """The epoch, and when each session was used last, to the day, by its digest."""

    epoch: str = field(default_factory=lambda: secrets.token_hex(_BYTES))
    used: dict[str, float] = field(default_factory=dict)


class Sessions:
    """The open sessions of the page; any thread may call it.

    Args:
        password: the page's password as it is stored; another one opens none of these sessions.
        now: a clock in seconds since 1970.
    """

    def __init__(self, password: str, now: Callable[[], float] = time.time) -> None:
        self._password = password
        self._now = now
        self._lock = threading.Lock()
        self._kept = _FILE.load(_parse, _Kept())

    def begin(self) -> str:
        """Begin a session and return its id, the only thing that opens it."""
        name = secrets.token_urlsafe(_BYTES)
        with self._lock:
            self._kept.used[self._digest(name)] = self._now()
            self._save_or_log()
        return name

    def is_open(self, name: str) -> bool:
        """Is there an open session of this id? To ask counts as a use."""
        digest, now = self._digest(name), self._now()
        with self._lock:
            used = self._kept.used.get(digest)
            if used is None or now - used > DAYS * _DAY:
                return False
            if now - used > _DAY:
                self._kept.used[digest] = now
                self._save_or_log()
            return True

    def end(self, name: str) -> None:
        """End a session.

        Raises:
            OSError: it has ended, but the disk still has it: a restart would open it again.
        """
        with self._lock:
            if self._kept.used.pop(self._digest(name), None) is not None:
                self._save_or_forget()

    def end_all(self) -> None:
        """End every session; raises as `end` does."""
        with self._lock:
            self._kept = _Kept()
            self._save_or_forget()

    def _digest(self, name: str) -> str:
        words = f"{name}\0{self._password}".encode("utf-8", "surrogatepass")
        return hmac.new(bytes.fromhex(self._kept.epoch), words, "sha256").hexdigest()

    def _save_or_forget(self) -> None:
        """Write what is open; if the disk refuses that, remove the file, so that nothing is."""
        try:
            self._save()
        except OSError as error:
            _FILE.path.unlink(missing_ok=True)
            log.error("sessions cannot be saved, all end at a restart: %s", error)  # noqa: TRY400

    def _save_or_log(self) -> None:
        try:
            self._save()
        except OSError as error:
            log.error("a session cannot be saved, it ends at a restart: %s", error)  # noqa: TRY400

    def _save(self) -> None:
        oldest = self._now() - DAYS * _DAY
        newest = sorted(self._kept.used.items(), key=lambda item: item[1])[-MOST:]
        self._kept.used = {digest: used for digest, used in newest if used >= oldest}
        _FILE.save({"epoch": self._kept.epoch, "used": self._kept.used})


def _parse(table: dict[str, Any]) -> _Kept:
    epoch = str(table["epoch"])
    if len(bytes.fromhex(epoch)) != _BYTES:
        raise ValueError("the epoch has another length")
    return _Kept(epoch, {str(digest): float(used) for digest, used in table["used"].items()})
