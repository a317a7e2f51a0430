"""`memsync daemon …` as a person or a script calls it, each command a process of its own."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from click import Context

from memsync import clock
from memsync import config as settings
from memsync.config import writer
from memsync.config.state import state_folder
from memsync.daemon import job_history
from memsync.daemon.cli import COMMANDS, daemon
from memsync.notes import log
from memsync.text.note import make_note
from tests.support.daemons import Done, memsync
from tests.support.messages_server import http_error

IDS = ["nightly_refresh", "backup_mirror", "drift_check", "weekly_digest"]
JOB_KEYS = {
    "id", "name", "schedule", "description", "last_run", "last_outcome", "last_message", "next_run",
}  # fmt: skip


def changed(**values: object) -> None:
    path = settings.get_config_path()
    writer.change(path, {f"daemon.{key}": value for key, value in values.items()})


def told(done: Done) -> list[str]:
    """The lines of an error, which are all there is on stderr."""
    lines = done.err.splitlines()
    assert [line.partition(": ")[0] for line in lines] == ["Error", "Try"][: len(lines)]
    assert done.out == ""
    return [line.partition(": ")[2] for line in lines]


@pytest.fixture
def no_extra(tmp_path: Path) -> dict[str, str]:
    """The environment of a core-only installation."""
    for name in ("apscheduler", "flask", "waitress", "psutil", "cron_descriptor", "segno"):
        words = f"raise ModuleNotFoundError(\"No module named '{name}'\", name='{name}')\n"
        (tmp_path / "core-only").mkdir(exist_ok=True)
        (tmp_path / "core-only" / f"{name}.py").write_text(words)
    return {"PYTHONPATH": str(tmp_path / "core-only")}


@pytest.mark.parametrize(
    "words", [["start"], ["start", "--detach"], ["schedule"], ["run", "refresh"]]
)
def test_without_the_extra_the_way_to_it_is_shown(workspace, no_extra, words):
    done = memsync("daemon", *words, more=no_extra)
    assert done.code == 1
    message, way_out = told(done)
    assert "which is not installed" in message
    assert way_out == "pip install 'memsync[daemon]'"


def test_without_the_extra_the_help_of_all_commands_is_there(workspace, no_extra):
    done = memsync("daemon", "--help", more=no_extra)
    assert (done.code, done.err) == (0, "")
    assert "uninstall" in done.out
    assert "check-access" not in done.out


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_what_their_own_help_says(name):
    command = daemon.get_command(Context(daemon), name)
    assert command.hidden == (not COMMANDS[name][1])
    assert command.hidden or command.get_short_help_str(100) == COMMANDS[name][1]


def test_without_the_extra_stop_and_status_still_work(workspace, no_extra):
    job_history.record_failure("drift_check", "from better days")
    done = memsync("daemon", "status", "--json", more=no_extra)
    assert (done.code, done.err) == (0, "")
    assert done.json["running"] is False
    assert [job["last_message"] for job in done.json["jobs"]] == ["from better days"]
    shown = memsync("daemon", "status", more=no_extra)
    assert shown.code == 0
    assert "from better days" in shown.out
    done = memsync("daemon", "stop", more=no_extra)
    assert done.code == 1
    assert told(done) == ["no daemon is running", "memsync daemon start --detach"]


def test_status_of_a_daemon_that_does_not_run_is_no_error(workspace):
    done = memsync("daemon", "status", "--json")
    assert done.code == 0
    assert {key: done.json[key] for key in ("running", "pid", "started")} == {
        "running": False,
        "pid": None,
        "started": None,
    }
    assert {"web_url", "capture_url", "jobs"} <= set(done.json)
    assert "Not running" in memsync("daemon", "status").out


def test_the_schedule_says_what_would_run_when(workspace):
    last = job_history.record_failure("nightly_refresh", "the API was away")
    done = memsync("daemon", "schedule", "--json")
    jobs = {job["id"]: job for job in done.json["jobs"]}
    assert list(jobs) == IDS
    assert all(set(job) >= JOB_KEYS for job in jobs.values())
    refresh = jobs["nightly_refresh"]
    assert (refresh["name"], refresh["schedule"]) == ("refresh", "55 23 * * *")
    assert refresh["description"] == "At 23:55"
    assert (refresh["last_run"], refresh["last_outcome"]) == (last.start, "failed")
    assert refresh["last_message"] == "the API was away"
    following = datetime.fromisoformat(refresh["next_run"])
    assert following.tzinfo is not None
    assert timedelta(0) < following - clock.now() <= timedelta(days=1, hours=1)
    assert jobs["weekly_digest"]["next_run"] is None
    assert jobs["weekly_digest"]["description"].startswith("off")
    assert jobs["drift_check"]["last_run"] is None
    words = memsync("daemon", "schedule").out
    assert "not running" in words
    assert "refresh: At 23:55" in words


def test_what_is_switched_off_has_no_next_run(workspace):
    changed(enabled=False)
    jobs = memsync("daemon", "schedule", "--json").json["jobs"]
    assert [job["next_run"] for job in jobs] == [None] * 4


def test_a_job_that_went_well_says_so_on_stdout_alone(workspace):
    log.append(workspace, make_note("Moved to Oslo", clock.now()))
    done = memsync("daemon", "run", "refresh")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("ok: 1 note merged")
    assert "Moved to Oslo" in workspace.memory.read_text()
    assert memsync("daemon", "run", "nightly_refresh").out == "ok: no pending notes\n"
    assert memsync("daemon", "run", "mirror").out.startswith("skipped: ")
    assert [run.outcome for run in job_history.read_runs()] == ["ok", "ok", "skipped"]


def test_a_job_fails_with_the_exit_code_of_its_fault(with_claude, claude):
    log.append(with_claude, make_note("Moved to Oslo", clock.now()))
    claude.script(http_error(401, "authentication_error", "invalid x-api-key"))
    done = memsync("daemon", "run", "refresh")
    assert (done.code, "invalid x-api-key" in told(done)[0]) == (5, True)
    with_claude.memory.write_bytes(b"\x00")
    assert memsync("daemon", "run", "drift").code == 6
    with_claude.root.rename(with_claude.root.with_name("unplugged"))
    done = memsync("daemon", "run", "drift")
    assert (done.code, told(done)[0].startswith("there is no memory folder")) == (4, True)


def test_what_a_job_run_by_hand_logs_is_in_the_daemons_log(workspace):
    workspace.memory.write_bytes(b"\x00")
    done = memsync("daemon", "run", "drift")
    assert "the job drift_check failed" not in done.err
    shown = memsync("daemon", "logs")
    assert "the job drift_check failed" in shown.out


def test_a_state_folder_that_refuses_is_told_and_no_traceback_for_the_person(workspace):
    (state_folder() / "drift.json").mkdir()
    (Path.home() / ".claude" / "CLAUDE.md").write_text("mine")
    done = memsync("daemon", "run", "drift")
    assert done.code == 1
    assert told(done)[0].startswith("the result of the drift check cannot be saved")
    assert "Traceback" not in done.err + memsync("daemon", "logs").out


def test_a_job_nobody_knows_is_wrong_usage_with_the_names(workspace):
    done = memsync("daemon", "run", "nonsense")
    assert done.code == 2
    assert told(done) == ["there is no job 'nonsense'", "one of refresh, mirror, drift, digest"]


def test_the_digest_can_be_looked_at_before_it_is_sent(workspace):
    log.append(workspace, make_note("Moved to Oslo", clock.now()))
    done = memsync("daemon", "run", "digest", "--dry-run")
    assert (done.code, done.err) == (0, "")
    assert "Moved to Oslo" in done.out
    assert job_history.read_runs() == []
    assert memsync("daemon", "run", "refresh", "--dry-run").code == 2


def test_a_machine_that_is_not_set_up_is_told_so(home):
    for words in (["start"], ["status"], ["schedule"], ["run", "refresh"]):
        done = memsync("daemon", *words)
        assert done.code == 3
        assert told(done)[1] == "memsync init"


def test_the_log_is_shown_from_its_end(workspace):
    assert told(memsync("daemon", "logs")) == [
        "there is no log yet",
        "memsync daemon start --detach",
    ]
    lines = [f"line {number}\n" for number in range(100)]
    (state_folder() / "daemon.log").write_text("".join(lines))
    assert memsync("daemon", "logs").out == "".join(lines[-50:])
    assert memsync("daemon", "logs", "-n", "2").out == "".join(lines[-2:])


def test_the_page_has_no_address_while_nobody_serves_it(workspace):
    done = memsync("daemon", "web")
    assert done.code == 1
    assert told(done) == ["the daemon is not running", "memsync daemon start --detach"]


def test_json_is_json_whatever_a_job_said(workspace):
    job_history.record_failure("drift_check", 'quote " \x1b[31m red \udce9 日本 \\')
    done = memsync("daemon", "status", "--json")
    jobs = {job["id"]: job for job in json.loads(done.out)["jobs"]}
    assert "日本" in jobs["drift_check"]["last_message"]
    assert "\x1b" not in done.out
    assert "\x1b" not in memsync("daemon", "status").out
