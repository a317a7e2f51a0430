"""Months in the life of a Pi: power cuts, a clock that jumps, daylight saving, and no note lost.

The real scheduler with the real jobs and real files, on a clock that the test moves. Only the
mail's last step is replaced, to see when it would have gone out.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from apscheduler.executors.debug import DebugExecutor
from apscheduler.schedulers.base import BaseScheduler

from memsync import clock
from memsync.config import Config
from memsync.daemon import job_history, mail, scheduler
from memsync.daemon.jobs import triggers
from memsync.memory import store
from memsync.notes import log
from memsync.refresh import pending
from memsync.text.mark import CAPTURED
from memsync.text.note import make_note
from tests.support.scale import some

MINUTE = timedelta(minutes=1)
ZONES = ("Europe/Rome", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata")


class Ticking(BaseScheduler):
    """APScheduler without its thread: the test says when it looks at the clock."""

    def wakeup(self) -> None:
        pass

    def shutdown(self, wait: bool = True) -> None:
        super().shutdown(wait)

    def look(self) -> float | None:
        return self._process_jobs()


@dataclass
class Pi:
    """A machine whose clock the test moves; `shown` is what its clock says."""

    config: Config
    travel: time_machine.Traveller
    shown: datetime
    running: Ticking | None = None
    looked: datetime | None = None

    def power_on(self) -> None:
        self.running = Ticking(
            timezone=triggers.get_localzone(),
            executors={"default": DebugExecutor()},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        scheduler.add_jobs(self.running, self.config)
        self.running.start()
        self.looked = self.shown
        self.tick(timedelta(0))

    def power_off(self) -> None:
        if self.running is not None:
            self.running.shutdown(wait=False)
        self.running = None

    def tick(self, passed: timedelta) -> None:
        """Let time pass, then do what the runtime does every minute."""
        self.shown += passed
        self.travel.move_to(self.shown)
        if self.running is None:
            return
        if self.looked is not None and self.shown < self.looked:
            scheduler.reschedule(self.running, self.config)
        self.looked = self.shown
        self.running.look()

    def until(self, moment: datetime) -> None:
        """Let time pass to `moment`, looking whenever a job is due, as the real one would."""
        while self.shown < moment:
            step = moment - self.shown
            if self.running is not None:
                due = [job.next_run_time for job in self.running.get_jobs()]
                nearest = min((d - self.shown for d in due), default=step)
                step = min(step, max(nearest, MINUTE))
            self.tick(step)


@pytest.fixture
def in_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    def go(name: str) -> None:
        monkeypatch.setenv("TZ", name)
        time.tzset()
        monkeypatch.setattr(triggers, "get_localzone", lambda: ZoneInfo(name))

    yield go
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    found: list[datetime] = []
    monkeypatch.setattr(mail, "send_mail", lambda *_rest: found.append(clock.now()))
    return found


def with_digest(config: Config) -> Config:
    daemon = replace(
        config.daemon, digest_enabled=True, digest_email_to="ada@example.org", drift_notify="log"
    )
    return replace(config, daemon=daemon, engine="offline", source=None)


@pytest.mark.parametrize("zone", some(ZONES, 1))
@pytest.mark.parametrize("seed", [1, 2])
def test_months_with_power_cuts_and_clock_steps_merge_each_note_once(
    zone, seed, in_zone, workspace, sent
):
    in_zone(zone)
    dice = random.Random(f"{zone} {seed}")
    config = with_digest(workspace.config)
    # Both hemispheres change their clocks in these two months.
    start = datetime(2026, 9, 20, 7, 30, tzinfo=UTC)
    said: list[str] = []
    with time_machine.travel(start, tick=False) as travel:
        pi = Pi(config, travel, start)
        pi.power_on()
        while pi.shown < start + timedelta(days=60):
            pi.until(pi.shown + timedelta(minutes=dice.randint(1, 26 * 60)))
            event = dice.random()
            if event < 0.6:
                text = f"note number {len(said)}"
                log.append(workspace, make_note(text, clock.now(), CAPTURED))
                said.append(text)
            elif event < 0.8:
                pi.power_off()
                pi.tick(timedelta(minutes=dice.randint(1, 5 * 24 * 60)))
                pi.power_on()
            else:
                pi.tick(timedelta(minutes=dice.randint(-6 * 60, 6 * 60)))
        pi.until(pi.shown + timedelta(days=2))
        pi.power_off()
        assert pending.pending_notes(workspace) == []
    lines = Counter(store.read(workspace).text.splitlines())
    for text in said:
        times = sum(count for line, count in lines.items() if line.endswith(f": {text}"))
        assert times == 1, text
    assert not [run for run in job_history.read_runs() if run.outcome == "failed"]
    slots = [last_monday_nine(moment.astimezone(ZoneInfo(zone))) for moment in sent]
    assert len(set(slots)) == len(slots), "a digest went out twice for one Monday"
    assert len(sent) >= 6


def last_monday_nine(moment: datetime) -> datetime:
    """Return the Monday nine o'clock that a digest sent at `moment` was for."""
    day = moment.date() - timedelta(days=moment.weekday())
    nine = datetime(day.year, day.month, day.day, 9, tzinfo=moment.tzinfo)
    return nine if nine <= moment else nine - timedelta(days=7)


@pytest.mark.parametrize("zone", some(ZONES, 1))
def test_a_machine_that_is_never_off_sends_its_digest_on_monday_at_nine(
    zone, in_zone, workspace, sent
):
    in_zone(zone)
    start = datetime(2026, 9, 20, 0, 0, tzinfo=UTC)
    with time_machine.travel(start, tick=False) as travel:
        pi = Pi(with_digest(workspace.config), travel, start)
        pi.power_on()
        pi.until(start + timedelta(days=63))
        pi.power_off()
    local = [moment.astimezone(ZoneInfo(zone)) for moment in sent]
    assert {moment.strftime("%a %H:%M") for moment in local} == {"Mon 09:00"}
    assert len(local) == 9


@pytest.mark.parametrize("zone", some(ZONES[:3], 1))
@pytest.mark.parametrize("month", [3, 10])
def test_at_a_change_of_daylight_saving_each_job_runs_once(zone, month, in_zone, workspace):
    in_zone(zone)
    # 2:30 does not exist on one of these nights, and comes twice on another.
    daemon = replace(
        workspace.config.daemon, refresh_schedule="30 2 * * *", drift_check_enabled=False
    )
    config = replace(workspace.config, daemon=daemon, source=None)
    start = datetime(2026, month, 1, 12, 0, tzinfo=UTC)
    with time_machine.travel(start, tick=False) as travel:
        pi = Pi(config, travel, start)
        pi.power_on()
        pi.until(start + timedelta(days=40))
        pi.power_off()
    runs = [r for r in job_history.read_runs() if r.job == "nightly_refresh"]
    days = Counter(job_history.start_of(run).astimezone(ZoneInfo(zone)).date() for run in runs)
    assert set(days.values()) == {1}
    assert len(days) == 40


def test_three_missed_nights_are_made_up_for_by_one_run_at_the_next_start(in_zone, workspace):
    in_zone("Europe/Rome")
    config = replace(workspace.config, source=None)
    start = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
    with time_machine.travel(start, tick=False) as travel:
        pi = Pi(config, travel, start)
        pi.power_on()
        pi.power_off()
        pi.tick(timedelta(days=3))
        pi.power_on()
        runs = [r for r in job_history.read_runs() if r.job == "nightly_refresh"]
        assert [job_history.start_of(run).astimezone(UTC) for run in runs] == [
            start + timedelta(days=3)
        ]
        pi.until(pi.shown + timedelta(hours=10))
        assert len([r for r in job_history.read_runs() if r.job == "nightly_refresh"]) == 1


def test_a_clock_that_was_years_ahead_does_not_silence_the_jobs(in_zone, workspace):
    in_zone("UTC")
    config = replace(workspace.config, source=None)
    wrong = datetime(2036, 1, 1, 23, 54, tzinfo=UTC)
    with time_machine.travel(wrong, tick=False) as travel:
        pi = Pi(config, travel, wrong)
        pi.power_on()
        pi.until(wrong + timedelta(hours=1))
        # The network comes up and the clock is set.
        pi.tick(datetime(2026, 11, 23, 12, 0, tzinfo=UTC) - pi.shown)
        pi.until(datetime(2026, 11, 24, 12, 0, tzinfo=UTC))
        pi.power_off()
    runs = [job_history.start_of(r) for r in job_history.read_runs() if r.job == "nightly_refresh"]
    assert [run.year for run in runs] == [2036, 2026]


def test_a_clock_set_back_over_a_digest_does_not_send_it_twice(in_zone, workspace, sent):
    in_zone("UTC")
    start = datetime(2026, 11, 23, 8, 59, tzinfo=UTC)
    with time_machine.travel(start, tick=False) as travel:
        pi = Pi(with_digest(workspace.config), travel, start)
        pi.power_on()
        pi.until(start + timedelta(minutes=5))
        assert len(sent) == 1
        pi.tick(timedelta(minutes=-30))
        pi.until(pi.shown + timedelta(days=2))
        pi.power_off()
    assert len(sent) == 1


def test_the_first_missed_run_of_all_is_noticed_too(in_zone, workspace):
    in_zone("UTC")
    config = replace(workspace.config, source=None)
    evening = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
    with time_machine.travel(evening, tick=False) as travel:
        pi = Pi(config, travel, evening)
        pi.power_on()
        pi.power_off()
        pi.tick(timedelta(hours=12))
        pi.power_on()
        runs = [r for r in job_history.read_runs() if r.job == "nightly_refresh"]
        assert len(runs) == 1
