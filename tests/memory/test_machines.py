"""Every machine says what it has, writes only its own report, and only when there is news."""

import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine

from memsync import __version__
from memsync.memory import machines
from memsync.memory.machines import Report
from memsync.targets import TargetState
from tests.files.test_atomic import names

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
STATES = [
    TargetState("claude", Path("/home/ada/.claude/CLAUDE.md"), "block", "in-sync"),
    TargetState("codex", Path('/home/ada/"odd" \\ é/AGENTS.md'), "copy", "edited"),
]


@pytest.fixture
def noon():
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


def own_report(workspace):
    return workspace.machines / machines.this_machine() / "report.toml"


def test_a_report_tells_version_time_digest_and_targets(workspace, noon):
    machines.write_report(workspace, "abc", STATES)
    told = machines.read_reports(workspace)
    assert told == [
        Report(
            machines.this_machine(),
            __version__,
            NOON,
            "abc",
            tuple(
                {
                    "name": s.name,
                    "path": str(s.path),
                    "mode": s.mode,
                    "state": s.state,
                    "since": NOON.astimezone().isoformat(timespec="seconds"),
                }
                for s in STATES
            ),
            machines.FORMAT,
        )
    ]
    assert names(own_report(workspace).parent) == ["published.log", "report.toml"]


def test_a_report_that_says_nothing_new_is_not_written_again_for_half_a_day(workspace, noon):
    machines.write_report(workspace, "abc", STATES)
    written = own_report(workspace).stat()
    noon.shift(timedelta(hours=11, minutes=59))
    machines.write_report(workspace, "abc", STATES)
    assert own_report(workspace).stat().st_ino == written.st_ino
    assert own_report(workspace).stat().st_mtime_ns == written.st_mtime_ns
    noon.shift(timedelta(minutes=1))
    machines.write_report(workspace, "abc", STATES)
    assert machines.read_reports(workspace)[0].time == NOON + timedelta(hours=12)


@pytest.mark.parametrize(("digest", "states"), [("def", STATES), ("abc", STATES[:1]), ("abc", [])])
def test_news_is_written_at_once(workspace, noon, digest, states):
    machines.write_report(workspace, "abc", STATES)
    noon.shift(timedelta(seconds=1))
    machines.write_report(workspace, digest, states)
    (told,) = machines.read_reports(workspace)
    assert (told.digest, len(told.targets)) == (digest, len(states))
    assert told.time == NOON + timedelta(seconds=1)


def test_each_state_is_told_with_when_it_began(workspace, noon):
    machines.write_report(workspace, "abc", STATES)
    noon.shift(timedelta(days=2))
    machines.write_report(workspace, "def", [STATES[0], replace(STATES[1], state="stale")])
    (told,) = machines.read_reports(workspace)
    assert [machines.in_state_since(target) for target in told.targets] == [
        NOON,
        NOON + timedelta(days=2),
    ]


def test_a_report_from_a_clock_that_was_wrong_is_written_again(workspace, noon):
    with time_machine.travel(NOON + timedelta(days=3650), tick=False):
        machines.write_report(workspace, "abc", STATES)
    machines.write_report(workspace, "abc", STATES)
    assert machines.read_reports(workspace)[0].time == NOON


DAMAGE = {
    "empty": b"",
    "NULs": b"\0" * 40,
    "torn": b'version = "0.1.0"\n[[targe',
    "no text": b"\xff\xfe",
    "odd types": b'version = 1\ntime = "noon"\nmemory_digest = 5\ntargets = 7\n',
    "odd targets": b'time = 2026-11-23T12:00:00\ntargets = ["claude", 5]\n',
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_report_is_named_and_hides_no_other(workspace, noon, damage):
    machines.write_report(workspace, "abc", STATES)
    damaged = workspace.machines / "a-damaged-one" / "report.toml"
    damaged.parent.mkdir()
    damaged.write_bytes(damage)
    (workspace.machines / "without-a-report").mkdir()
    (workspace.machines / "with-a-folder" / "report.toml").mkdir(parents=True)
    told = machines.read_reports(workspace)
    there = ["a-damaged-one", "with-a-folder", machines.this_machine()]
    assert [report.machine for report in told] == sorted(there)
    broken = next(report for report in told if report.machine == "a-damaged-one")
    assert broken.time is None
    assert broken.targets == ()
    assert next(report for report in told if report.digest == "abc").time == NOON
    assert damaged.read_bytes() == damage  # it is that machine's own


def test_an_own_report_that_is_damaged_is_written_anew(workspace, noon):
    machines.write_report(workspace, "abc", STATES)
    own_report(workspace).write_bytes(b"\0" * 40)
    machines.write_report(workspace, "abc", STATES)
    assert machines.read_reports(workspace)[0].digest == "abc"


def test_no_machines_no_reports(workspace):
    shutil.rmtree(workspace.machines)
    assert machines.read_reports(workspace) == []
