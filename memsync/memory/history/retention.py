"""Which of many copies made over time may go: all of a day stay, then one a day, then one a week.

Pure: it is told the moments and which copies are good, and removes nothing itself. Thinning today
and again tomorrow comes to the same as thinning tomorrow, so it does not matter who thins, or how
often.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Protocol, TypeVar

ALL_FOR = timedelta(days=1)
"""Every copy up to this age stays."""

DAILY_FOR = timedelta(days=14)
"""Up to this age one copy a day stays, beyond it one a week."""

LEAP = timedelta(days=3660)
"""A clock that is this far ahead of the newest copy, but for today's, is not believed."""

ZONES = timedelta(hours=26)
"""By how much the clocks of two zones differ at most: a copy is named by its maker's."""


class Dated(Protocol):
    """A copy of which one knows when it was made; of two, the lesser is the older one."""

    @property
    def moment(self) -> datetime: ...  # noqa: D102
    def __lt__(self, other: Any, /) -> bool: ...  # noqa: ANN401
    def __hash__(self) -> int: ...


_Copy = TypeVar("_Copy", bound=Dated)


def _named(copy: Dated) -> datetime:
    return copy.moment


def expired_copies(
    copies: Sequence[_Copy],
    is_good: Callable[[_Copy], bool],
    now: datetime,
    keep_days: int,
    made: Callable[[_Copy], datetime] = _named,
) -> list[_Copy]:
    """Return the copies that may go, newest first; never the newest good one by name or making.

    A clock that is behind only makes copies look younger, so that more of them stay; whether one
    is too far ahead, `doubt` tells.

    Args:
        copies: all copies there are.
        is_good: tells whether a copy holds what it should; asked of as few as possible. A day or
            a week keeps its newest good one, or its newest where none is good.
        now: the present moment.
        keep_days: the age beyond which all go but the newest good one.
        made: when a copy was made, which its age counts from: no earlier than it is named. It
            belongs to the day and the week that it is named by, whose clock told days apart.
    """
    known = cache(is_good)
    newest_first = sorted(copies, reverse=True)
    last_made = sorted(newest_first, key=made, reverse=True)
    stay = {next(filter(known, newest_first), None), next(filter(known, last_made), None)}
    stay |= {copy for copy in newest_first if now - made(copy) < ALL_FOR}
    stay |= _one_each(newest_first, known, _day, made, now - min(DAILY_FOR, timedelta(keep_days)))
    stay |= _one_each(newest_first, known, _week, made, now - timedelta(keep_days))
    return [copy for copy in newest_first if copy not in stay]


def clock_doubt(copies: Sequence[Dated], now: datetime, leap: timedelta = LEAP) -> str:
    """Return why the clock is not to be believed by what the copies say; empty where it is.

    A machine without a clock of its own wakes up in the past. One that leapt ahead would take
    every copy for outdated; what it made itself within its first day proves nothing.

    Args:
        copies: all copies there are.
        now: what the clock says.
        leap: how far ahead is too far; a copy may well be old because nothing changed since.
    """
    moments = sorted(copy.moment for copy in copies)
    if moments and now < moments[-1] - ZONES:
        return f"the clock says {now:%Y-%m-%d}, but one is of {moments[-1]:%Y-%m-%d}"
    settled = [moment for moment in moments if now - moment >= ALL_FOR]
    if settled and now - settled[-1] > leap:
        return (
            f"the clock says {now:%Y-%m-%d}, but the last one before is of {settled[-1]:%Y-%m-%d}"
        )
    return ""


def when_made(named: datetime, replaced: Iterable[datetime], now: datetime) -> datetime:
    """Return when a copy was made, which is when its text was replaced.

    A name that fits none of the moments at which that is known to have happened, and is earlier
    than they are, was given by a clock that had been set back; then the latest of them counts.

    Args:
        named: the moment the copy is named by.
        replaced: when its text was replaced, by what was written down in an order that no clock
            turns around; one that is ahead of `now` says nothing.
        now: the present moment.
    """
    known = [moment for moment in replaced if moment <= now]
    if any(abs(moment - named) <= ZONES for moment in known):
        return named
    return max([named, *known])


def _one_each(
    newest_first: Sequence[_Copy],
    is_good: Callable[[_Copy], bool],
    bucket: Callable[[datetime], object],
    made: Callable[[_Copy], datetime],
    limit: datetime,
) -> set[_Copy]:
    """Return one copy of each bucket, those older than `limit` left out."""
    buckets: dict[object, list[_Copy]] = {}
    for copy in newest_first:
        buckets.setdefault(bucket(copy.moment), []).append(copy)
    # The one that stands for a bucket is found among all its copies, whatever their age: so it
    # is the same one on each day.
    standing = {
        copies[0] if len(copies) == 1 else next(filter(is_good, copies), copies[0])
        for copies in buckets.values()
        if any(made(copy) >= limit for copy in copies)
    }
    return {copy for copy in standing if made(copy) >= limit}


def _day(moment: datetime) -> object:
    return moment.date()


def _week(moment: datetime) -> object:
    return moment.isocalendar()[:2]
