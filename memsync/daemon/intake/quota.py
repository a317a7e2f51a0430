"""How much each sender may send in a day, so that a phone in a loop cannot fill the disk."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta

from memsync import clock
from memsync.daemon.intake.answer import wait_answer
from memsync.daemon.intake.senders import NoteSender
from memsync.notes.spool import SpooledNote
from memsync.text.note import Note

MB = 1_000_000
WITHOUT_TOKEN_MB = 1
EACH_NOTE = 64
"""Bytes that count beside the text, for heading and record: many short notes fill a disk, too."""


class Quotas:
    """Counts the notes of the present day by sender; any thread may ask.

    Args:
        daily_mb: how much a sender with a token may send; one without may send a megabyte at most.
            0 means no limit.
        entries: the spool, to count what came earlier today.
    """

    def __init__(self, daily_mb: int, entries: Iterable[SpooledNote]) -> None:
        self._daily_mb = daily_mb
        self._lock = threading.Lock()
        self._day = clock.now().date()
        self._used: Counter[str] = Counter()
        for entry in entries:
            if entry.note.day == self._day:
                self._used[entry.sender] += _size(entry.note)

    def take(self, sender: NoteSender, note: Note) -> None:
        """Count a note.

        Raises:
            BadRequestError: with it, the sender would have sent too much today; it is not counted.
        """
        most = self._daily_mb if sender.has_token else min(self._daily_mb, WITHOUT_TOKEN_MB)
        with self._lock:
            self._begin_day(note.day)
            used = self._used[sender.account] + _size(note)
            if most and used > most * MB:
                raise wait_answer(
                    _seconds_left(clock.now()),
                    f"{most} MB of notes came from here today, and that is the limit"
                    " (daemon.capture_daily_mb); more from midnight on",
                )
            self._used[sender.account] = used

    def give_back(self, sender: NoteSender, note: Note) -> None:
        """Count a note no more: it was not kept."""
        with self._lock:
            if note.day == self._day:
                self._used[sender.account] -= _size(note)

    def _begin_day(self, day: date) -> None:
        if day != self._day:
            self._day = day
            self._used.clear()


def _size(note: Note) -> int:
    return len(note.text.encode()) + EACH_NOTE


def _seconds_left(now: datetime) -> float:
    """Return the seconds until this day ends here."""
    midnight = datetime.combine(now.date() + timedelta(days=1), time(), now.tzinfo)
    return (midnight - now).total_seconds()
