"""The job history: each run a line, and nothing that happens to it stops a job."""

from __future__ import annotations

import errno
import json
import logging
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
import time_machine

from memsync.config.state import state_folder
from memsync.daemon import job_history
from memsync.daemon.job_history import Run
from memsync.errors import RefusedError


def file() -> Path:
    return state_folder() / "history.jsonl"


def test_a_run_is_a_line_with_its_start_duration_outcome_and_sentence():
    early = time_machine.travel(datetime(2026, 11, 23, 4, 55, tzinfo=UTC), tick=False)
    with early, job_history.recording("nightly_refresh") as run:
        run.message = "2 notes merged"
    (line,) = file().read_text().splitlines()
    table = json.loads(line)
    assert table["job"] == "nightly_refresh"
    assert table["outcome"] == "ok"
    assert table["message"] == "2 notes merged"
    assert datetime.fromisoformat(table["start"]) == datetime(2026, 11, 23, 4, 55, tzinfo=UTC)
    assert datetime.fromisoformat(table["start"]).tzinfo is not None
    assert table["duration"] >= 0
    assert job_history.read_runs() == [run]


def test_a_run_with_nothing_to_do_is_skipped():
    with job_history.recording("backup_mirror") as run:
        run.skip("no path")
    assert (run.outcome, run.exit_code) == ("skipped", 0)


@pytest.mark.parametrize(
    "error",
    [
        ValueError("two\nlines"),
        MemoryError(),
        RecursionError("deep"),
        SystemExit(3),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_whatever_a_job_raises_becomes_a_failed_line(error, caplog):
    with job_history.recording("drift_check") as run:
        raise error
    assert (run.outcome, run.exit_code) == ("failed", 1)
    assert run.message.startswith(type(error).__name__)
    assert "\n" not in run.message
    assert job_history.last_runs()["drift_check"] == run
    assert "Traceback" in caplog.text


def test_what_the_disk_refuses_a_job_is_told_in_words_with_a_way_out():
    with job_history.recording("drift_check") as run:
        raise OSError(errno.EIO, "Input/output error", "/mnt/a file")
    assert (run.outcome, run.exit_code) == ("failed", 1)
    assert run.message == "/mnt/a file cannot be used: Input/output error"
    assert run.hint


def test_an_error_with_a_way_out_keeps_its_words_and_exit_code(caplog):
    with job_history.recording("nightly_refresh") as run:
        raise RefusedError("it would shrink", hint="memsync edit")
    assert (run.message, run.hint, run.exit_code) == ("it would shrink", "memsync edit", 6)
    assert "Traceback" not in caplog.text


def test_ctrl_c_is_no_outcome():
    with pytest.raises(KeyboardInterrupt), job_history.recording("nightly_refresh"):
        raise KeyboardInterrupt
    assert job_history.read_runs() == []


@pytest.mark.parametrize(
    "message", ["caf\udce9.txt cannot be read", "one\u2028two\x85three", "a\nb\r\nc", "日本語 🦔"]
)
def test_any_words_are_one_line_that_can_be_read_again(message):
    with job_history.recording("backup_mirror") as run:
        run.message = message
    (again,) = job_history.read_runs()
    assert again == run
    assert len(again.message.splitlines()) == 1
    again.message.encode("utf-8")


def test_damaged_lines_hide_no_others(caplog):
    job_history.record_failure("nightly_refresh", "first")
    with file().open("ab") as damaged:
        damaged.write(b"\x00\xff\n{}\nnull\n[1]\n")
        damaged.write(b'{"job": "x", "start": "yesterday"}\n')
        damaged.write(b'{"job": "x", "start": "2026-11-23T05:00:00"}\n')  # no offset
        damaged.write(b'{"job": "x", "start": 5}\n{"job": "x", "start": "2026-')
    job_history.record_failure("nightly_refresh", "second")
    assert [run.message for run in job_history.read_runs()] == ["first", "second"]


def test_a_history_that_grew_too_long_keeps_its_newest_runs():
    for number in range(3):
        job_history.record_failure("old", f"{number}")
    lines = file().read_bytes().splitlines(keepends=True)
    file().write_bytes(b"".join(lines) * 800)
    assert file().stat().st_size > job_history.MOST_BYTES
    job_history.record_failure("new", "the newest")
    kept = job_history.read_runs()
    assert len(kept) == job_history.KEPT_LINES + 1
    assert (kept[-1].job, kept[-2].message) == ("new", "2")
    assert file().stat().st_size < job_history.MOST_BYTES


def test_a_full_disk_costs_the_line_and_not_the_job(monkeypatch, caplog):
    job_history.record_failure("drift_check", "before")
    before = file().read_bytes()

    def full(descriptor: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr("memsync.files.atomic.os.write", full)
        with job_history.recording("drift_check") as run:
            run.message = "done all the same"
    assert run.outcome == "ok"
    assert file().read_bytes() == before
    assert "the job history cannot be written" in caplog.text
    assert "No space left" in caplog.text


def test_a_history_that_cannot_be_read_is_an_empty_one():
    file().mkdir()
    assert job_history.read_runs() == []
    assert job_history.last_runs() == {}


def test_the_last_run_of_each_job_is_the_newest_line(caplog):
    caplog.set_level(logging.INFO)
    for job, message in (("a", "1"), ("b", "2"), ("a", "3")):
        job_history.record_failure(job, message)
    assert {job: run.message for job, run in job_history.last_runs().items()} == {
        "a": "3",
        "b": "2",
    }
    assert "a failed: 3" in caplog.text


def test_since_when_a_job_is_known_is_noted_once_so_that_a_missed_first_run_shows():
    with time_machine.travel(datetime(2026, 11, 20, tzinfo=UTC), tick=False):
        job_history.remember_jobs(["weekly_digest"])
    with time_machine.travel(datetime(2026, 11, 23, tzinfo=UTC), tick=False):
        job_history.remember_jobs(["weekly_digest", "backup_mirror"])
    assert job_history.last_start("weekly_digest") == datetime(2026, 11, 20, tzinfo=UTC)
    assert job_history.last_start("backup_mirror") == datetime(2026, 11, 23, tzinfo=UTC)
    assert job_history.last_start("unheard_of") is None
    (state_folder() / "jobs.json").write_text("\x00")
    assert job_history.last_start("weekly_digest") is None


def test_a_run_knows_when_it_started():
    run = Run("a", "2026-11-23T05:00:00+01:00")
    assert job_history.start_of(run) == datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
