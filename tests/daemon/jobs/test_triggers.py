"""When jobs run: as cron means its lines, once a day whatever the clocks do, and in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
import time_machine
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from memsync.daemon.jobs import triggers
from memsync.daemon.jobs.triggers import CrontabTrigger, EveryHoursTrigger, next_run
from tests.support.scale import examples

MONDAY_NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    live_in(monkeypatch, "UTC")


def live_in(monkeypatch: pytest.MonkeyPatch, zone: str) -> ZoneInfo:
    here = ZoneInfo(zone)
    monkeypatch.setattr(triggers, "get_localzone", lambda: here)
    return here


def runs(line: str, after: datetime, count: int) -> list[datetime]:
    trigger, found, previous = CrontabTrigger(line), list[datetime](), None
    for _ in range(count):
        previous = trigger.get_next_fire_time(previous, after if previous is None else previous)
        assert previous is not None
        found.append(previous)
    return found


# --- an oracle of its own: every minute is asked whether the line means it


def numbers(text: str, low: int, high: int, names: list[str], first: int) -> set[int]:
    def number(word: str) -> int:
        return names.index(word.upper()) + first if word.upper() in names else int(word)

    found: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        start, _, end = span.partition("-")
        if span == "*":
            numbered = range(low, high + 1)
        elif end:
            numbered = range(number(start), number(end) + 1)
        else:
            numbered = range(number(start), (high if step else number(start)) + 1)
        found |= set(list(numbered)[:: int(step or 1)])
    return found


def meaning(line: str) -> Callable[[datetime], bool]:
    minute, hour, day, month, weekday = line.split()
    minutes, hours = numbers(minute, 0, 59, [], 0), numbers(hour, 0, 23, [], 0)
    days, months = numbers(day, 1, 31, [], 0), numbers(month, 1, 12, MONTHS, 1)
    weekdays = {number % 7 for number in numbers(weekday, 0, 7, DAYS, 0)}
    either = not day.startswith("*") and not weekday.startswith("*")

    def means(moment: datetime) -> bool:
        on = [moment.day in days, moment.isoweekday() % 7 in weekdays]
        return (
            moment.minute in minutes
            and moment.hour in hours
            and moment.month in months
            and (any(on) if either else all(on))
        )

    return means


def field(low: int, high: int, names: list[str] | None = None) -> st.SearchStrategy[str]:
    value = st.integers(low, high).map(str)
    named = st.sampled_from(names) if names else value
    # Ranges of one (0-0/2), which nobody writes, are taken for 0/2 by cronsim 2.8.
    ends = st.lists(st.integers(low, high), min_size=2, max_size=2, unique=True).map(sorted)
    span = ends.map(lambda pair: f"{pair[0]}-{pair[1]}")
    stepped = st.tuples(st.one_of(st.just("*"), span), st.integers(1, 9)).map(
        lambda pair: f"{pair[0]}/{pair[1]}"
    )
    single = st.one_of(value, named, span, stepped)
    return st.one_of(st.just("*"), single, st.lists(single, min_size=2, max_size=3).map(",".join))


LINES = st.tuples(
    field(0, 59), field(0, 23), field(20, 31), st.sampled_from(["*", "11", "NOV,DEC", "1-12"]),
    field(0, 7, DAYS),
).map(" ".join)  # fmt: skip


@given(line=LINES, minutes=st.integers(0, 10 * 1440), seconds=st.integers(0, 59))
@settings(max_examples=examples(400), deadline=None)
def test_the_next_run_is_the_first_minute_that_the_line_means(line, minutes, seconds):
    after = datetime(2026, 11, 20, tzinfo=UTC) + timedelta(minutes=minutes, seconds=seconds)
    minute = after.replace(second=0)
    coming = (minute + timedelta(minutes=ahead) for ahead in range(1, 3 * 1440))
    wanted = next(filter(meaning(line), coming), None)
    assume(wanted is not None)
    with pytest.MonkeyPatch.context() as patched:
        live_in(patched, "UTC")
        assert next_run(line, after) == wanted


def test_one_is_monday_and_the_digest_goes_out_on_monday():
    assert runs("0 9 * * 1", MONDAY_NOON, 1) == [datetime(2026, 11, 30, 9, 0, tzinfo=UTC)]


@pytest.mark.parametrize("sunday", ["0", "7", "sun", "SUN", "Sun"])
def test_nought_and_seven_and_the_name_are_sunday(sunday):
    assert [moment.strftime("%a %d") for moment in runs(f"0 9 * * {sunday}", MONDAY_NOON, 2)] == [
        "Sun 29",
        "Sun 06",
    ]


def test_day_of_month_or_day_of_week():
    found = runs("0 6 25 * fri", MONDAY_NOON, 3)
    assert [moment.strftime("%a %d") for moment in found] == ["Wed 25", "Fri 27", "Fri 04"]


def test_months_have_names_too():
    assert runs("0 0 1 feb *", MONDAY_NOON, 1) == [datetime(2027, 2, 1, tzinfo=UTC)]


@pytest.mark.parametrize(
    "zone", ["Europe/Rome", "America/New_York", "Australia/Lord_Howe", "America/Havana"]
)
@pytest.mark.parametrize(
    "line", ["55 23 * * *", "30 2 * * *", "15 2 * * *", "45 1 * * *", "5 1 * * *", "0 0 * * *"]
)
def test_a_daily_job_runs_once_on_each_local_date_of_a_year(monkeypatch, zone, line):
    here = live_in(monkeypatch, zone)
    start = datetime(2025, 12, 31, 23, 59, tzinfo=here)
    found = runs(line, start, 366)
    dates = Counter(moment.astimezone(here).date() for moment in found)
    assert set(dates.values()) == {1}
    assert max(dates) - min(dates) == timedelta(days=365)
    assert found == sorted(found)


@pytest.mark.parametrize("zone", ["Europe/Rome", "Australia/Lord_Howe"])
@pytest.mark.parametrize("line", ["0 * * * *", "*/10 * * * *", "30 2 * * *", "55 23 * * *"])
def test_the_scheduler_gets_away_from_the_hour_that_comes_twice(monkeypatch, zone, line):
    """As APScheduler asks: all runs up to now, with now in local time; it must come to an end."""
    here = live_in(monkeypatch, zone)
    start = (
        datetime(2026, 4, 4, tzinfo=UTC) if "Howe" in zone else datetime(2026, 10, 24, tzinfo=UTC)
    )
    trigger = CrontabTrigger(line)
    due = trigger.get_next_fire_time(None, start.astimezone(here))
    done: list[datetime] = []
    for seconds in range(0, 2 * 86400, 299):
        now = (start + timedelta(seconds=seconds, milliseconds=300)).astimezone(here)
        for _ in range(10):
            if due is None or due > now:
                break
            done.append(due.astimezone(UTC))
            due = trigger.get_next_fire_time(due, now)
        else:
            pytest.fail(f"at {now} there is no end of runs: {done[-3:]}")
    assert done == sorted(set(done))
    gaps = [later - sooner for sooner, later in pairwise(done)]
    if line == "0 * * * *":
        assert max(gaps) <= timedelta(minutes=96)
    if line.endswith("2 * * *"):
        assert len(done) == 2


def test_a_start_within_the_hour_that_comes_twice_never_looks_back(monkeypatch):
    here = live_in(monkeypatch, "Europe/Rome")
    second_time = datetime(2026, 10, 25, 2, 15, fold=1, tzinfo=here)
    assert next_run("30 2 * * *", second_time) > second_time.astimezone(UTC)


def test_a_run_missed_while_the_machine_was_off_is_due_now():
    trigger = CrontabTrigger("55 23 * * *", last_run=MONDAY_NOON - timedelta(days=3))
    assert trigger.get_next_fire_time(None, MONDAY_NOON) == MONDAY_NOON
    after = trigger.get_next_fire_time(MONDAY_NOON, MONDAY_NOON)
    assert after == datetime(2026, 11, 23, 23, 55, tzinfo=UTC)


def test_every_so_many_hours_counts_from_the_last_run_wherever_that_was():
    last = MONDAY_NOON - timedelta(hours=4)
    assert EveryHoursTrigger(6, last).get_next_fire_time(None, MONDAY_NOON) == last + timedelta(
        hours=6
    )
    assert EveryHoursTrigger(3, last).get_next_fire_time(None, MONDAY_NOON) == MONDAY_NOON
    assert EveryHoursTrigger(3, None).get_next_fire_time(None, MONDAY_NOON) == MONDAY_NOON
    wrong_clock = MONDAY_NOON + timedelta(days=900)
    assert EveryHoursTrigger(3, wrong_clock).get_next_fire_time(None, MONDAY_NOON) == MONDAY_NOON
    soon = EveryHoursTrigger(3, None).get_next_fire_time(MONDAY_NOON, MONDAY_NOON)
    assert soon == MONDAY_NOON + timedelta(hours=3)


def test_what_would_run_next_is_told_for_both_kinds_of_schedule():
    with time_machine.travel(MONDAY_NOON, tick=False):
        assert triggers.next_by_schedule("every 6 hours", MONDAY_NOON) == MONDAY_NOON + timedelta(
            hours=6
        )
        assert triggers.next_by_schedule("0 13 * * *", MONDAY_NOON) == MONDAY_NOON + timedelta(
            hours=1
        )


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("55 23 * * *", "At 23:55"),
        ("0 9 * * 1", "At 09:00, only on Monday"),
        ("0 9 * * 0", "At 09:00, only on Sunday"),
        ("0 9 * * 7", "At 09:00, only on Sunday"),
        ("0 * * * *", "Every hour"),
        ("*/15 8-18 * * MON-FRI", "Every 15 minutes, between 08:00 and 18:59, Monday through Friday"),
        ("every 6 hours", "every 6 hours"),
    ],
)  # fmt: skip
def test_a_schedule_in_words(line, words, monkeypatch):
    monkeypatch.setattr("locale.getlocale", lambda *_: ("de_DE", "UTF-8"))
    assert triggers.describe(line) == words
    monkeypatch.setattr("locale.getlocale", lambda *_: (None, None))
    assert triggers.describe(line) == words
