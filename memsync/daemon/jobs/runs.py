"""How a job runs: here or in a process of its own, a line in the history, told where it is news.

A job never raises and never takes the daemon down. Those that call the model run in a process of
their own, so the daemon stays small.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from memsync.config import Config
from memsync.daemon.jobs import history, running
from memsync.daemon.jobs.history import Run
from memsync.daemon.notify import notify

CHILD_SECONDS = 3600

_children: set[subprocess.Popen[bytes]] = set()
_children_lock = threading.Lock()


@dataclass(frozen=True)
class Job:
    """One job: its id, its short name, what it is for, when it runs, and by what."""

    id: str
    name: str
    purpose: str
    is_on: Callable[[Config], bool]
    schedule: Callable[[Config], str]
    act: Callable[[Config], Run]
    in_child: Callable[[Config], bool] = lambda _config: False


@contextmanager
def recorded(config: Config, job: str) -> Iterator[Run]:
    """Record a run, and alert where it brings news: see `tell_change`."""
    before = history.last_result(job)
    with history.recording(job) as run:
        yield run
    alert_on_change(config, before, run)


def alert_on_change(config: Config, before: Run | None, run: Run) -> None:
    """Alert once when a job begins to fail or to be held up, and once when it is well again.

    A trouble is told once, and again when its cure is another. What only waits for another
    process is no trouble.
    """
    was, now = _trouble(before), _trouble(run)
    if now is not None and now != was:
        what = "failed" if run.outcome == "failed" else "is held up"
        notify(config, f"the job {run.job} {what}", f"{run.message}\n{run.hint}".strip())
    elif run.outcome == "ok" and was is not None:
        notify(config, f"the job {run.job} is well again", run.message)


def _trouble(run: Run | None) -> tuple[str, str] | None:
    """Return what is wrong with a job after `run`: its outcome and the cure; None if nothing."""
    if run is None or run.outcome == "ok" or (run.outcome == "skipped" and not run.hint):
        return None
    return run.outcome, run.hint


def run_job(job: Job, config: Config) -> None:
    """Run a job here, or in a process of its own where it calls the model."""
    with running.mark_running(job.id):
        if config.source is not None and job.in_child(config):
            _run_in_child(job, config, config.source)
        else:
            job.act(config)


def run_now(job: Job, config: Config) -> None:
    """Run a job because a person asked, in a process of its own: it may take its time."""
    if config.source is not None:
        _run_in_child(job, config, config.source)
    else:
        job.act(config)


def end_children() -> None:
    """End the processes of running jobs; what they were doing is done by the next run."""
    with _children_lock:
        for child in _children:
            child.terminate()


def _run_in_child(job: Job, config: Config, source: Path) -> None:
    """Run ``memsync daemon run JOB``; the child writes its own line in the history."""
    before = history.last_runs().get(job.id)
    try:
        child = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-P", "-m", "memsync", "daemon", "run", job.name],
            env={**os.environ, "MEMSYNC_CONFIG": str(source)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    except OSError as error:
        run = history.record_failure(
            job.id, f"the job's process could not be started: {error.strerror}"
        )
        alert_on_change(config, before, run)
        return
    with _children_lock:
        _children.add(child)
    try:
        child.wait(CHILD_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    finally:
        with _children_lock:
            _children.discard(child)
    if child.returncode < 0:
        run = history.record_failure(
            job.id, f"the job's process was ended by signal {-child.returncode}"
        )
        alert_on_change(config, before, run)
    elif child.returncode and history.last_runs().get(job.id) == before:
        words = f"it could not begin; memsync daemon run {job.name} says why"
        alert_on_change(config, before, history.record_failure(job.id, words))
