"""When jobs run: schedules in words, and as triggers that fire exactly when cron would.

APScheduler's own crontab trigger counts 0 as Monday (seen in 3.11.3), so a Monday digest would
go out on Tuesday; cronsim counts as Debian's cron does, daylight saving included.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from apscheduler.triggers.base import BaseTrigger
from cron_descriptor import Options, get_description
from cronsim import CronSim
from tzlocal import get_localzone

from memsync import clock

WRONG_CLOCK = timedelta(days=1)
"""A last run further in the future than this was recorded while the clock was wrong."""


class CrontabTrigger(BaseTrigger):  # type: ignore[misc]
    """Fires as cron would, in this machine's time zone, and at once if a run was missed."""

    def __init__(self, line: str, last_run: datetime | None = None) -> None:
        """Take a cron line that `config` has checked, and the last run before this process."""
        self.line = line
        self.last_run = last_run

    def get_next_fire_time(
        self, previous_fire_time: datetime | None, now: datetime
    ) -> datetime | None:
        """Return when the next run is due; never the same moment twice."""
        return next_due(self.line, previous_fire_time or self.last_run, now)

    def __str__(self) -> str:
        return f"cron[{self.line}]"


class EveryHoursTrigger(BaseTrigger):  # type: ignore[misc]
    """Fires every so many hours after the last run, at once if there was none."""

    def __init__(self, hours: int, last_run: datetime | None = None) -> None:
        """Take the hours between runs and the last run before this process began, if any."""
        self.hours = hours
        self.last_run = last_run

    def get_next_fire_time(
        self, previous_fire_time: datetime | None, now: datetime
    ) -> datetime | None:
        """Return when the next run is due: now if it is overdue or if there was none yet."""
        last = previous_fire_time or self.last_run
        if last is None or last - now > WRONG_CLOCK:
            return now
        return max(now, last + timedelta(hours=self.hours))

    def __str__(self) -> str:
        return f"every {self.hours} hours"


def next_due(line: str, last_run: datetime | None, now: datetime) -> datetime:
    """Return when a job is next due: `now` if a run was missed since the last one.

    One run makes up for several missed ones. After the clock was set back, no run is repeated.

    Args:
        line: the cron line.
        last_run: when it last ran; None if that is not known.
        now: the present moment.
    """
    if last_run is None or last_run - now > WRONG_CLOCK:
        return next_run(line, now)
    return max(next_run(line, last_run), now.astimezone(get_localzone()))


def next_run(line: str, after: datetime) -> datetime:
    """Return the first moment after `after` that the cron line names, in this machine's time.

    It carries an offset, not a zone: Python compares two moments of one zone by wall-clock time,
    which puts the later one first in the hour that comes twice.
    """
    for found in CronSim(line, after.astimezone(get_localzone())):
        moment = datetime.fromisoformat(found.isoformat())
        if moment > after:
            return moment
    raise ValueError(f"the cron line {line} names no moment")


def describe(schedule: str) -> str:
    """Return a schedule in words: a cron line, or ``every N hours`` as it is."""
    return schedule if is_interval(schedule) else cron_in_words(schedule)


def is_interval(schedule: str) -> bool:
    """Is this schedule ``every N hours``, and not a cron line?"""
    return schedule.startswith("every ")


def trigger_of(schedule: str, last_run: datetime | None) -> CrontabTrigger | EveryHoursTrigger:
    """Return the trigger a schedule stands for.

    Args:
        schedule: a cron line that `config` has checked, or ``every N hours``.
        last_run: when the job last ran; None if that is not known.
    """
    if is_interval(schedule):
        return EveryHoursTrigger(int(schedule.split()[1]), last_run)
    return CrontabTrigger(schedule, last_run)


def next_by_schedule(schedule: str, last_run: datetime | None) -> datetime:
    """Return when a job is next due by its schedule and its last run."""
    now = clock.now()
    return trigger_of(schedule, last_run).get_next_fire_time(None, now) or now


def cron_in_words(line: str) -> str:
    """Return a cron line in words, such as ``At 23:55``."""
    options = Options(locale_code="en_US", use_24hour_time_format=True)
    # 7 is Sunday to cron and to cronsim; the describer knows only 0.
    fields = line.split()
    fields[4] = fields[4].replace("7", "0") if fields[4] == "7" else fields[4]
    return str(get_description(" ".join(fields), options))
