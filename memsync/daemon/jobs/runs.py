"""How a job runs: here or in a process of its own, one line in the history, an alert if it is news.

A job never raises and never takes the daemon down. A job that calls the model runs in a process of
its own, so the daemon stays small. Which jobs run at the moment is known as well.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from memsync import clock
from memsync.config import Config
from memsync.daemon import job_history
from memsync.daemon.job_history import Run
from memsync.daemon.jobs.job import Job
from memsync.daemon.notify import notify

CHILD_SECONDS = 3600

log = logging.getLogger(__name__)
_children: set[subprocess.Popen[bytes]] = set()
_running: dict[str, datetime] = {}
_lock = threading.Lock()
"""WaitingEdit for a moment, to look at the two above or to change them."""


@contextmanager
def recorded(config: Config, job: str) -> Iterator[Run]:
    """Record a run, and alert if it brings news; see `alert_on_change`."""
    before = job_history.last_result(job)
    with job_history.recording(job) as run:
        yield run
    alert_on_change(config, before, run)


def alert_on_change(config: Config, before: Run | None, run: Run) -> None:
    """Alert once when a job begins to fail or to be held up, and once when it works again.

    The same trouble is reported again only if its remedy has changed. Waiting for another process
    is no trouble.

    Args:
        config: which channel takes the alert.
        before: the job's last run before this one; None if there was none.
        run: the run that has just ended.
    """
    was, now = _trouble(before), _trouble(run)
    if now is not None and now != was:
        what = "failed" if run.outcome == "failed" else "is held up"
        notify(config, f"the job {run.job} {what}", f"{run.message}\n{run.hint}".strip())
    elif run.outcome == "ok" and was is not None:
        notify(config, f"the job {run.job} is well again", run.message)


def _trouble(run: Run | None) -> tuple[str, str] | None:
    """Return what is wrong with a job after `run`: its outcome and remedy; None if nothing."""
    if run is None or run.outcome == "ok" or (run.outcome == "skipped" and not run.hint):
        return None
    return run.outcome, run.hint


def run_job(job: Job, config: Config) -> None:
    """Run a job here, or in a process of its own if it calls the model."""
    with mark_running(job.id):
        if config.source is not None and job.in_child(config):
            _run_in_child(job, config, config.source)
        else:
            job.act(config)


def run_now(job: Job, config: Config) -> None:
    """Run a job because a person asked, in a process of its own, for it may take long."""
    if config.source is not None:
        _run_in_child(job, config, config.source)
    else:
        job.act(config)


def end_children() -> None:
    """End the processes of running jobs; the next run does their work."""
    with _lock:
        for child in _children:
            child.terminate()


def _run_in_child(job: Job, config: Config, source: Path) -> None:
    """Run ``memsync daemon run JOB``; the child writes its own line in the history."""
    before = job_history.last_runs().get(job.id)
    failure = ""
    try:
        code = _run_process(job.name, source)
    except OSError as error:
        failure = f"the job's process could not be started: {error.strerror}"
    else:
        if code < 0:
            failure = f"the job's process was ended by signal {-code}"
        elif code and job_history.last_runs().get(job.id) == before:
            failure = f"it could not begin; memsync daemon run {job.name} says why"
    if failure:
        alert_on_change(config, before, job_history.record_failure(job.id, failure))


def _run_process(name: str, source: Path) -> int:
    """Run ``memsync daemon run NAME`` to its end, or for an hour; return its exit code."""
    child = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-P", "-m", "memsync", "daemon", "run", name],
        env={**os.environ, "MEMSYNC_CONFIG": str(source)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    with _lock:
        _children.add(child)
    try:
        return child.wait(CHILD_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        return child.wait()
    finally:
        with _lock:
            _children.discard(child)


def running_since(name: str) -> datetime | None:
    """Return when `name` began to run; None if it does not run."""
    with _lock:
        return _running.get(name)


@contextmanager
def mark_running(name: str) -> Iterator[None]:
    """Count `name` as running while the body runs."""
    is_first = _claim(name)  # if a person started it before, it counts from that start
    try:
        yield
    finally:
        if is_first:
            _release(name)


def start_in_thread(name: str, act: Callable[[], object]) -> bool:
    """Call `act` in a thread of its own; return False if `name` runs already."""
    if not _claim(name):
        return False
    threading.Thread(target=_run, args=(name, act), name=f"run {name}", daemon=True).start()
    return True


def _run(name: str, act: Callable[[], object]) -> None:
    try:
        act()
    except Exception:
        log.exception("%s could not be run", name)
    finally:
        _release(name)


def _claim(name: str) -> bool:
    with _lock:
        if name in _running:
            return False
        _running[name] = clock.now()
        return True


def _release(name: str) -> None:
    with _lock:
        del _running[name]
