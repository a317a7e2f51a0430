"""Jobs on the page: what they do, how they went, and one run at once by hand."""

from __future__ import annotations

import json
import threading
from dataclasses import asdict, replace
from datetime import timedelta

import pytest
import time_machine
from flask import Flask

from memsync import clock
from memsync.config import Config
from memsync.config.state import state_folder
from memsync.config.workspace import Workspace
from memsync.daemon import job_history, web
from memsync.daemon.jobs import runs as runner
from memsync.daemon.jobs.job import Job
from memsync.daemon.jobs.runs import run_job
from memsync.daemon.presenters import jobs
from memsync.daemon.scheduler import find_job
from memsync.errors import MemsyncError
from tests.daemon.conftest import PASSWORD
from tests.support.browser import Browser, Page
from tests.support.net import until


class Gate:
    """Jobs that begin, wait here, and are then done."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.began, self.go = threading.Event(), threading.Event()
        monkeypatch.setattr(jobs, "run_now", self._run)

    def _run(self, job: Job, _config: Config) -> None:
        self.began.set()
        self.go.wait(10)
        with job_history.recording(job.id) as run:
            run.message = "done by hand"

    def finish(self) -> None:
        self.go.set()
        for thread in threading.enumerate():
            if thread.name.startswith("run "):
                thread.join(10)


def section(page: Page, job: str) -> str:
    return next(e.text for e in page.all("section") if e.attributes.get("aria-labelledby") == job)


def test_each_job_is_told_with_its_schedule_in_words_and_its_next_run(browser: Browser) -> None:
    page = browser.get("/jobs")
    assert page.status == 200
    refresh = section(page, "nightly_refresh")
    assert "Merge pending notes" in refresh
    assert "At 23:55" in refresh
    assert "Next t" in refresh
    assert "It has not run yet." in refresh
    assert "off" in section(page, "backup_mirror")
    assert "Every 6 hours" in section(page, "drift_check")
    assert "Monday" in section(page, "weekly_digest")


def test_the_last_run_is_told_with_its_outcome_duration_and_sentence(browser: Browser) -> None:
    with job_history.recording("nightly_refresh") as run:
        run.message = "2 notes merged: importer first"
    with job_history.recording("drift_check"):
        raise MemsyncError("the folder is away", hint="start your sync client")
    page = browser.get("/jobs")
    refresh = section(page, "nightly_refresh")
    assert "ok" in refresh
    assert "2 notes merged: importer first" in refresh
    assert "took under 0.1 s" in refresh
    drift = section(page, "drift_check")
    assert "failed" in drift
    assert "the folder is away" in drift
    assert "Try: start your sync client" in drift


def test_earlier_runs_are_kept_at_hand_but_not_all_of_them(browser: Browser) -> None:
    for number in range(30):
        with job_history.recording("nightly_refresh") as run:
            run.message = f"run number {number}."
    text = section(browser.get("/jobs"), "nightly_refresh")
    assert "run number 29." in text
    assert "run number 19." in text
    assert "run number 18." not in text


def test_a_job_run_by_hand_shows_that_it_runs_and_then_how_it_went(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(monkeypatch)
    browser = Browser(app)
    page = browser.submit(browser.get("/jobs").form("/jobs/refresh/run"))
    assert page.headers["Location"] == "/jobs?said=started"
    gate.began.wait(10)
    running = browser.follow(page)
    assert "running" in section(running, "nightly_refresh")
    assert running.all("noscript")
    assert [f.action for f in running.forms if "refresh" in f.action] == []
    gate.finish()
    done = browser.get("/jobs")
    assert "done by hand" in section(done, "nightly_refresh")
    assert not done.all("noscript")


def test_a_run_in_hand_shows_how_far_it_is_by_how_long_it_takes_as_a_rule(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, browser = Gate(monkeypatch), Browser(app)
    form = browser.get("/jobs").form("/jobs/drift/run")
    browser.submit(form)
    gate.began.wait(10)
    [bar] = browser.get("/jobs").all("progress")
    assert "max" not in bar.attributes  # nobody knows yet how long it takes
    gate.finish()
    with (state_folder() / "history.jsonl").open("a") as file:
        for seconds in (60.0, 20.0, 40.0, 40.0):
            run = job_history.Run("drift_check", clock.now().isoformat(), seconds)
            file.write(json.dumps(asdict(run)) + "\n")
    with time_machine.travel(clock.now() + timedelta(hours=1)) as moment:
        gate = Gate(monkeypatch)
        browser.submit(form)
        gate.began.wait(10)
        moment.shift(15)
        page = browser.get("/jobs")
        text = section(page, "drift_check")
        [bar] = page.all("progress")
        gate.finish()
    assert "Running for 15 s" in text
    assert "usually 40 s" in text
    assert 15 <= float(bar.attributes["value"]) < float(bar.attributes["max"]) == 40


def test_a_run_by_the_schedule_is_seen_too_and_not_started_twice(
    app: Flask, workspace: Workspace
) -> None:
    seen: list[str] = []

    def act(_config: Config) -> job_history.Run:
        browser = Browser(app)
        seen.append(section(browser.get("/jobs"), "drift_check"))
        form = browser.get("/jobs").form("/jobs/mirror/run")
        seen.append(browser.submit(form, to="/jobs/drift/run").headers["Location"])
        return job_history.Run("drift_check", clock.now().isoformat())

    job = find_job("drift")
    assert job is not None
    run_job(replace(job, act=act), workspace.config)
    assert "running" in seen[0]
    assert seen[1] == "/jobs?said=runs-already"
    assert "running" not in section(Browser(app).get("/jobs"), "drift_check")


def test_a_job_that_runs_is_not_started_twice(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate(monkeypatch)
    browser = Browser(app)
    form = browser.get("/jobs").form("/jobs/drift/run")
    assert browser.submit(form).headers["Location"] == "/jobs?said=started"
    gate.began.wait(10)
    assert browser.submit(form).headers["Location"] == "/jobs?said=runs-already"
    gate.finish()
    assert [run.job for run in job_history.read_runs()] == ["drift_check"]
    assert browser.submit(form).headers["Location"] == "/jobs?said=started"
    gate.finish()


def test_a_job_really_runs_in_a_process_of_its_own(browser: Browser) -> None:
    browser.submit(browser.get("/jobs").form("/jobs/drift/run"))
    until(lambda: not runner.running_since("drift_check"), seconds=30)
    [run] = job_history.read_runs()
    assert (run.job, run.outcome) == ("drift_check", "ok")


def test_a_job_nobody_knows_is_a_page(browser: Browser) -> None:
    form = browser.get("/jobs").form("/jobs/drift/run")
    assert browser.submit(form, to="/jobs/nope/run").status == 404


def test_a_run_that_cannot_begin_leaves_the_page_usable(
    app: Flask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_job: Job, _config: Config) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(jobs, "run_now", fail)
    browser = Browser(app)
    browser.submit(browser.get("/jobs").form("/jobs/drift/run"))
    Gate.finish(type("Done", (), {"go": threading.Event()})())  # type: ignore[arg-type]
    assert "could not be run" in caplog.text
    assert browser.get("/jobs").form("/jobs/drift/run")


def test_with_the_schedule_off_no_next_run_is_promised(workspace: Workspace) -> None:
    daemon = replace(workspace.config.daemon, enabled=False)
    page = Browser(web.create_app(replace(workspace.config, daemon=daemon))).get("/jobs")
    assert "Next" not in page.text


def test_a_run_of_yesterday_is_told_so(browser: Browser) -> None:
    with time_machine.travel(clock.now() - timedelta(days=1)), job_history.recording("drift_check"):
        pass
    assert "Ran yesterday at" in section(browser.get("/jobs"), "drift_check")


def test_with_a_password_a_stranger_runs_nothing(locked: Config) -> None:
    browser = Browser(web.create_app(locked))
    token = browser.get("/login").form("/login").fields["csrf_token"]
    page = browser.post("/jobs/drift/run", {"csrf_token": token})
    assert page.headers["Location"] == "/login"
    assert browser.log_in(PASSWORD).status == 303
    assert job_history.read_runs() == []
