"""The jobs: which there are, that none ever raises, and that the model is asked elsewhere."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest
import time_machine
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.schedulers.blocking import BlockingScheduler

from memsync import clock
from memsync import config as settings
from memsync.config import Config, writer
from memsync.config.workspace import Workspace
from memsync.daemon import job_history, jobs, scheduler, watchdog
from memsync.daemon.job_history import Run
from memsync.daemon.jobs import runs
from memsync.daemon.jobs.job import Job
from memsync.daemon.jobs.runs import run_job
from memsync.daemon.scheduler import build_scheduler, find_job, jobs_of
from memsync.errors import FolderAwayError
from memsync.notes import log
from memsync.refresh import pending
from memsync.text.mark import CAPTURED
from memsync.text.note import make_note
from tests.support.messages_server import edits, slow
from tests.support.net import until

ADD = {"op": "add", "section": "Identity", "text": "- Lives in Oslo"}
IDS = ["nightly_refresh", "backup_mirror", "drift_check", "weekly_digest"]


def changed(**values: object) -> Config:
    path = settings.get_config_path()
    writer.change(path, {f"daemon.{key}": value for key, value in values.items()})
    return settings.load(path)


def job(name: str) -> Job:
    found = find_job(name)
    assert found is not None
    return found


def last(name: str) -> Run:
    return job_history.last_runs()[name]


def take(workspace: Workspace, text: str = "Moved to Oslo") -> None:
    log.append(workspace, make_note(text, clock.now(), CAPTURED))


def children() -> list[psutil.Process]:
    return psutil.Process().children()


@pytest.fixture
def everything_on(workspace: Workspace, tmp_path: Path) -> Config:
    return changed(backup_mirror_path=str(tmp_path / "mirror"), digest_enabled=True)


@pytest.fixture
def no_anthropic(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget that another test imported it."""
    for name in list(sys.modules):
        if name.partition(".")[0] == "anthropic":
            monkeypatch.delitem(sys.modules, name)


def test_out_of_the_box_there_are_refresh_and_drift(config):
    made = build_scheduler(config)
    assert [entry.id for entry in made.get_jobs()] == ["nightly_refresh", "drift_check"]


def test_all_four_jobs_have_the_ids_that_others_hold_on_to(everything_on):
    made = build_scheduler(everything_on)
    assert sorted(entry.id for entry in made.get_jobs()) == sorted(IDS)
    assert [entry.id for entry in jobs_of(everything_on)] == IDS


@pytest.mark.parametrize(
    ("values", "gone"),
    [
        ({"refresh_enabled": False}, {"nightly_refresh"}),
        ({"backup_mirror_path": ""}, {"backup_mirror"}),
        ({"drift_check_enabled": False}, {"drift_check"}),
        ({"digest_enabled": False}, {"weekly_digest"}),
        ({"enabled": False}, set(IDS)),
    ],
)
def test_each_job_can_be_switched_off_on_its_own(everything_on, values, gone):
    made = build_scheduler(changed(**values))
    assert {entry.id for entry in made.get_jobs()} == set(IDS) - gone


def test_runs_never_overlap_or_pile_up_and_late_ones_are_run(everything_on):
    made = build_scheduler(everything_on)
    made.start(paused=True)
    try:
        for entry in made.get_jobs():
            assert entry.coalesce is True
            assert entry.max_instances == 1
            assert entry.misfire_grace_time is None
    finally:
        made.shutdown(wait=False)


def test_it_blocks_only_where_asked(config):
    assert type(build_scheduler(config)) is BackgroundScheduler
    assert type(build_scheduler(config, blocking=True)) is BlockingScheduler


def test_the_digest_is_planned_for_monday(everything_on):
    made = build_scheduler(everything_on)
    trigger = next(entry.trigger for entry in made.get_jobs() if entry.id == "weekly_digest")
    sunday = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
    assert trigger.get_next_fire_time(sunday, sunday).strftime("%A %H:%M") == "Monday 09:00"


def test_a_run_missed_while_the_machine_was_off_is_made_up_for_once(everything_on):
    monday = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    with time_machine.travel(monday - timedelta(days=3), tick=False):
        job_history.record_failure("nightly_refresh", "the last before the power cut")
    with time_machine.travel(monday, tick=False):
        trigger = scheduler.trigger_for(job("refresh"), everything_on)
        assert trigger.get_next_fire_time(None, monday) == monday
        assert trigger.get_next_fire_time(monday, monday) > monday


def test_a_started_scheduler_runs_what_is_due(workspace):
    made = build_scheduler(workspace.config)
    made.start()
    try:
        assert until(lambda: job_history.last_runs().get("drift_check")).outcome == "ok"
    finally:
        made.shutdown()
    assert "nightly_refresh" not in job_history.last_runs()


@pytest.mark.parametrize("name", IDS)
@pytest.mark.parametrize("error", [ZeroDivisionError("no"), SystemExit(2)])
def test_whatever_a_job_meets_it_is_a_line_and_not_an_exception(
    everything_on, monkeypatch, name, error
):
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("memsync.daemon.scheduler.Workspace.open", fail)
    run_job(job(name), everything_on)
    assert last(name).outcome == "failed"
    assert last(name).message.startswith(type(error).__name__)


def test_a_folder_that_is_away_fails_each_job_with_its_exit_code(everything_on, workspace):
    workspace.root.rename(workspace.root.with_name("unplugged"))
    for entry in jobs_of(everything_on):
        run = entry.act(everything_on)
        assert (run.outcome, run.exit_code) == ("failed", 4)
        assert last(entry.id).message.startswith("there is no memory folder")


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look at a folder that was away is made up for at once."""
    monkeypatch.setattr(scheduler, "AGAIN", timedelta(milliseconds=10))


@pytest.fixture
def away(workspace: Workspace) -> Path:
    """Where the folder is that is not in its place."""
    return workspace.root.rename(workspace.root.with_name("not mounted"))


def test_drift_is_looked_for_again_when_the_folder_is_back(soon, away, workspace, monkeypatch):
    """It was looked for six hours later, and until then nobody heard of an agent adrift."""
    real, looks = scheduler._is_away, list[bool]()

    def is_away(config: Config) -> bool:
        looks.append(real(config))
        return looks[-1]

    monkeypatch.setattr(scheduler, "_is_away", is_away)
    made = build_scheduler(changed(refresh_enabled=False))
    made.start()
    try:
        until(lambda: looks[:3] == [True, True, True])
        away.rename(workspace.root)
        until(lambda: last("drift_check").outcome == "ok")
    finally:
        made.shutdown()
    assert made.get_job("drift_check_again") is None
    assert [run.outcome for run in job_history.read_runs()] == ["failed", "ok"]


def test_a_daemon_that_starts_anew_knows_that_the_last_look_met_no_folder(away, workspace):
    config = changed(refresh_enabled=False)
    run_job(job("drift"), config)
    planned = build_scheduler(config).get_job("drift_check_again")
    assert planned is not None
    assert planned.trigger.run_date <= clock.now() + scheduler.AGAIN
    assert build_scheduler(changed(drift_check_enabled=False)).get_jobs() == []
    away.rename(workspace.root)
    run_job(job("drift"), config)
    assert build_scheduler(config).get_job("drift_check_again") is None


def test_a_look_that_fails_at_a_folder_that_is_there_is_made_up_for_once(
    soon, workspace, monkeypatch
):
    def fail(_config: Config) -> None:
        raise FolderAwayError("the log cannot be read")

    monkeypatch.setattr(watchdog, "look", fail)
    made = build_scheduler(changed(refresh_enabled=False))
    made.start()
    try:
        until(lambda: len(job_history.read_runs()) == 2)
    finally:
        made.shutdown()
    assert made.get_job("drift_check_again") is None


def test_the_mirror_job_makes_the_copy_and_says_so(everything_on, workspace):
    assert job("mirror").act(replace_path(everything_on, "")).outcome == "skipped"
    run = job("mirror").act(everything_on)
    copy = Path(everything_on.daemon.backup_mirror_path) / "GLOBAL_MEMORY.md"
    assert run.outcome == "ok"
    assert run.message
    assert copy.read_bytes() == workspace.memory.read_bytes()


def replace_path(config: Config, path: str) -> Config:
    return replace(config, daemon=replace(config.daemon, backup_mirror_path=path))


def test_without_a_model_the_refresh_runs_right_here(workspace, monkeypatch):
    monkeypatch.setattr("subprocess.Popen", None)
    take(workspace)
    run_job(job("refresh"), workspace.config)
    assert last("nightly_refresh").message.startswith("1 note merged")
    assert "Moved to Oslo" in workspace.memory.read_text()


def test_the_process_of_a_job_runs_no_module_of_the_folder_the_daemon_was_started_in(
    with_claude, claude, no_anthropic, tmp_path, monkeypatch
):
    (tmp_path / "click.py").write_text("raise SystemExit('not memsync')\n")
    monkeypatch.chdir(tmp_path)
    take(with_claude)
    claude.script(edits(ADD, summary="moved"))
    run_job(job("refresh"), with_claude.config)
    assert last("nightly_refresh").message == "1 note merged: moved"


def test_the_model_is_asked_by_a_process_of_its_own(with_claude, claude, no_anthropic):
    seen: list[list[str]] = []

    def answer(_request: object) -> object:
        seen.extend(child.cmdline() for child in children())
        return edits(ADD, summary="moved")

    take(with_claude)
    claude.script(answer)
    run_job(job("refresh"), with_claude.config)
    assert [words[-3:] for words in seen] == [["daemon", "run", "refresh"]]
    assert (last("nightly_refresh").outcome, last("nightly_refresh").message) == (
        "ok",
        "1 note merged: moved",
    )
    assert "- Lives in Oslo" in with_claude.memory.read_text()
    assert "anthropic" not in sys.modules
    assert len(job_history.read_runs()) == 1


def test_no_pending_notes_are_no_call(with_claude, claude):
    run_job(job("refresh"), with_claude.config)
    assert last("nightly_refresh").message == "no pending notes"
    assert claude.requests == []


@pytest.fixture
def at_work(with_claude, claude) -> Iterator[threading.Thread]:
    """A refresh whose model takes a minute to answer."""
    take(with_claude)
    claude.script(slow(edits(ADD), 60))
    thread = threading.Thread(target=run_job, args=(job("refresh"), with_claude.config))
    thread.start()
    until(lambda: claude.requests)
    yield thread
    thread.join(10)
    assert not thread.is_alive()


def test_a_job_whose_process_is_killed_is_recorded_as_failed(at_work, with_claude):
    (child,) = children()
    child.send_signal(signal.SIGKILL)
    at_work.join(10)
    assert last("nightly_refresh").outcome == "failed"
    assert "ended by signal 9" in last("nightly_refresh").message
    assert [note.text for note in pending.pending_notes(with_claude)] == ["Moved to Oslo"]


def test_stopping_the_daemon_ends_the_processes_of_its_jobs(at_work):
    runs.end_children()
    at_work.join(10)
    assert children() == []
    assert "ended by signal 15" in last("nightly_refresh").message


def test_a_job_that_takes_too_long_is_ended(with_claude, claude, monkeypatch):
    monkeypatch.setattr(runs, "CHILD_SECONDS", 1)
    take(with_claude)
    claude.script(slow(edits(ADD), 60))
    run_job(job("refresh"), with_claude.config)
    assert last("nightly_refresh").outcome == "failed"
    assert children() == []


def test_a_job_that_cannot_even_begin_is_a_failed_line(with_claude):
    source = with_claude.config.source
    source.write_text(source.read_text() + "\nnot toml")
    run_job(job("refresh"), with_claude.config)
    assert last("nightly_refresh").outcome == "failed"
    assert "memsync daemon run refresh says why" in last("nightly_refresh").message


def test_a_child_that_fails_writes_its_own_line_and_no_second_one(with_claude, claude):
    take(with_claude)
    with_claude.memory.write_bytes(b"\xff\x00")
    run_job(job("refresh"), with_claude.config)
    (run,) = job_history.read_runs()
    assert (run.outcome, run.exit_code) == ("failed", 6)


def test_jobs_are_found_by_either_name():
    assert find_job("refresh") is find_job("nightly_refresh")
    assert job("refresh").id == "nightly_refresh"
    assert find_job("nonsense") is None


def test_a_new_job_is_one_file(tmp_path, monkeypatch):
    (tmp_path / "backup_moon.py").write_text(
        "from dataclasses import replace\n"
        "from memsync.daemon.jobs.mirror import JOB as MIRROR\n"
        "JOB = replace(MIRROR, id='moon', name='moon', order=MIRROR.order + 1)\n"
    )
    monkeypatch.setattr(jobs, "__path__", [*jobs.__path__, str(tmp_path)])
    found = [entry.name for entry in scheduler._find_jobs()]
    assert found == ["sync", "refresh", "mirror", "moon", "drift", "digest"]


def test_a_job_that_does_not_catch_up_waits_for_its_schedule(everything_on):
    monday = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    with time_machine.travel(monday - timedelta(days=3), tick=False):
        job_history.record_failure("nightly_refresh", "the last before the power cut")
    with time_machine.travel(monday, tick=False):
        trigger = scheduler.trigger_for(replace(job("refresh"), catches_up=False), everything_on)
        assert trigger.get_next_fire_time(None, monday) > monday
