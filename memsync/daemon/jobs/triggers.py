"""When jobs run: cron lines as cron means them, in words, and as APScheduler wants them.

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
"""A last run that lies further ahead than this was recorded by a clock that was wrong."""


class CrontabTrigger(BaseTrigger):  # type: ignore[misc]
    """Fires as cron would, in this machine's time zone, and at once where a run was missed."""

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
    """Fires every so many hours after the last run, wherever that was recorded."""

    def __init__(self, hours: int, last_run: datetime | None = None) -> None:
        """Take the hours between runs and the last run before this process began, if any."""
        self.hours = hours
        self.last_run = last_run

    def get_next_fire_time(
        self, previous_fire_time: datetime | None, now: datetime
    ) -> datetime | None:
        """Return when the next run is due; now where it is overdue or there was none yet."""
        last = previous_fire_time or self.last_run
        if last is None or last - now > WRONG_CLOCK:
            return now
        return max(now, last + timedelta(hours=self.hours))

    def __str__(self) -> str:
        return f"every {self.hours} hours"


def next_due(line: str, last_run: datetime | None, now: datetime) -> datetime:
    """Return when a job is next due: `now` where a run was missed since the last one.

    Several missed runs are made up for by one. After the clock was set back, a run that was made
    is not made again.

    Args:
        line: the cron line.
        last_run: when it last ran; None where that is not known.
        now: the present moment.
    """
    if last_run is None or last_run - now > WRONG_CLOCK:
        return next_run(line, now)
    return max(next_run(line, last_run), now.astimezone(get_localzone()))


def next_run(line: str, after: datetime) -> datetime:
    """Return the first moment after `after` that the cron line names, in this machine's time.

    It carries its offset, not the zone: two moments of one zone are compared by the clock on the
    wall, which in the hour that comes twice has the later one first.
    """
    for found in CronSim(line, after.astimezone(get_localzone())):
        moment = datetime.fromisoformat(found.isoformat())
        if moment > after:
            return moment
    raise ValueError(f"the cron line {line} names no moment")


def describe(schedule: str) -> str:
    """Return a schedule in words: a cron line, or ``every N hours`` as it is."""
    return schedule if schedule.startswith("every ") else cron_in_words(schedule)


def next_by_schedule(schedule: str, last_run: datetime | None) -> datetime:
    """Return when a job is next due by its schedule and its last run."""
    now = clock.now()
    if schedule.startswith("every "):
        hours = int(schedule.split()[1])
        return EveryHoursTrigger(hours, last_run).get_next_fire_time(None, now) or now
    return next_due(schedule, last_run, now)


def cron_in_words(line: str) -> str:
    """Return a cron line in words, such as ``At 23:55``."""
    options = Options(locale_code="en_US", use_24hour_time_format=True)
    # 7 is Sunday to cron and to cronsim; the describer knows only 0.
    fields = line.split()
    fields[4] = fields[4].replace("7", "0") if fields[4] == "7" else fields[4]
    return str(get_description(" ".join(fields), options))
