"""Thinning keeps a day whole, then days, then weeks, and no wrong clock makes it take more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from memsync.memory.history.retention import (
    ALL_FOR,
    DAILY_FOR,
    LEAP,
    ZONES,
    clock_doubt,
    expired_copies,
    when_made,
)

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOURS = 24 * 120


@dataclass(frozen=True, order=True)
class Copy:
    moment: datetime
    number: int
    good: bool = True


def is_good(copy: Copy) -> bool:
    return copy.good


copies = st.lists(
    st.builds(
        lambda hours, number, good: Copy(NOON - timedelta(hours=hours), number, good),
        st.integers(0, HOURS),
        st.integers(1, 3),
        st.booleans(),
    ),
    unique_by=lambda copy: (copy.moment, copy.number),
    max_size=60,
)
moments = st.integers(0, 2 * HOURS).map(lambda hours: NOON + timedelta(hours=hours))
days = st.integers(1, 400)


def left(all_of_them: list[Copy], now: datetime, keep_days: int) -> list[Copy]:
    gone = expired_copies(all_of_them, is_good, now, keep_days)
    return [copy for copy in all_of_them if copy not in gone]


@given(copies, moments, days)
def test_the_newest_good_one_and_all_of_the_last_day_stay(listed, now, keep_days):
    stay = left(listed, now, keep_days)
    assert {copy for copy in listed if now - copy.moment < ALL_FOR} <= set(stay)
    good = [copy for copy in listed if copy.good]
    if good:
        assert max(good) in stay


@given(copies, moments, days)
def test_each_day_and_then_each_week_keeps_its_newest_good_one(listed, now, keep_days):
    stay = left(listed, now, keep_days)
    limit = timedelta(keep_days)
    for copy in listed:
        age = now - copy.moment
        if not copy.good or age > limit:
            continue
        same_day = [c for c in stay if c.moment.date() == copy.moment.date()]
        same_week = [c for c in stay if c.moment.isocalendar()[:2] == copy.moment.isocalendar()[:2]]
        if age <= DAILY_FOR:
            assert any(c.good and c >= copy for c in same_day)
        assert any(c.good and c >= copy for c in same_week)


@given(copies, moments, days)
def test_beyond_a_day_one_stays_and_beyond_the_limit_none_but_the_newest_good(
    listed, now, keep_days
):
    stay = left(listed, now, keep_days)
    newest_good = max((copy for copy in listed if copy.good), default=None)
    rest = [copy for copy in stay if now - copy.moment >= ALL_FOR and copy != newest_good]
    assert all(now - copy.moment <= timedelta(keep_days) for copy in rest)
    assert len({copy.moment.date() for copy in rest}) == len(rest)
    old = [copy for copy in rest if now - copy.moment > DAILY_FOR]
    assert len({copy.moment.isocalendar()[:2] for copy in old}) == len(old)


@given(copies, moments, moments, days)
def test_thinning_today_and_tomorrow_comes_to_thinning_tomorrow(listed, one, other, keep_days):
    sooner, later = sorted((one, other))
    assert left(left(listed, sooner, keep_days), later, keep_days) == left(listed, later, keep_days)


@given(copies, moments, st.integers(0, 400 * 24), days)
def test_a_clock_that_is_behind_takes_no_more_than_the_right_one(listed, now, hours, keep_days):
    behind = now - timedelta(hours=hours)
    assert set(left(listed, behind, keep_days)) >= set(left(listed, now, keep_days))


@given(copies, st.integers(-20 * 365, 40 * 365))
def test_a_clock_is_believed_between_the_newest_copy_and_ten_years_behind_it(listed, shift):
    now = NOON + timedelta(days=shift)
    if not listed:
        assert clock_doubt(listed, now) == ""
        return
    newest = max(listed).moment
    if now < newest - timedelta(days=2):
        assert f"{newest:%Y-%m-%d}" in clock_doubt(listed, now)
    elif newest <= now <= newest + LEAP:
        assert clock_doubt(listed, now) == ""
    elif now > newest + LEAP + ALL_FOR:
        own = Copy(now, 1)
        assert clock_doubt(listed, now)
        assert clock_doubt([*listed, own], now), "what it made itself proves nothing"


named = st.integers(-HOURS, HOURS).map(lambda hours: NOON + timedelta(hours=hours))


@given(named, st.lists(named, max_size=4), named)
def test_a_copy_is_as_old_as_its_name_or_as_what_is_known_of_its_text(name, replaced, now):
    made = when_made(name, replaced, now)
    known = [moment for moment in replaced if moment <= now]
    assert made >= name, "no copy is removed sooner than by its name"
    if made != name:
        assert made == max(known)
        assert all(abs(moment - name) > ZONES for moment in known)
    elif known and max(known) > name:
        assert min(abs(moment - name) for moment in known) <= ZONES


lateness = st.dictionaries(st.integers(0, HOURS), st.integers(0, HOURS), max_size=60)


@given(copies, lateness, moments, moments, days)
def test_copies_that_were_made_later_than_they_are_named_stay_longer_and_take_none_along(
    listed, later, one, other, keep_days
):
    def made(copy: Copy) -> datetime:
        return copy.moment + timedelta(
            hours=later.get((NOON - copy.moment) // timedelta(hours=1), 0)
        )

    def stay(some: list[Copy], now: datetime) -> set[Copy]:
        return set(some) - set(expired_copies(some, is_good, now, keep_days, made))

    sooner, last = sorted((one, other))
    assert stay(listed, last) >= set(left(listed, last, keep_days))
    assert stay(listed, last) >= {copy for copy in listed if last - made(copy) < ALL_FOR}
    kept = [copy for copy in listed if copy in stay(listed, sooner)]
    assert stay(kept, last) == stay(listed, last)


@given(named, st.lists(named, max_size=4), st.integers(-26, 26))
def test_where_the_clock_was_right_the_name_counts_in_any_zone(name, others, hours):
    replaced = [*others, name + timedelta(hours=hours)]
    assert when_made(name, replaced, max(replaced)) == name


def test_goodness_is_asked_of_no_more_than_is_needed():
    asked: list[Copy] = []

    def ask(copy: Copy) -> bool:
        asked.append(copy)
        return copy.good

    weekly = [Copy(NOON - timedelta(weeks=n), 1) for n in range(1, 50)]
    assert expired_copies(weekly, ask, NOON, 400) == []
    assert len(asked) == 1, "the newest; each of the others is alone in its week"
