"""Jobs as the page, the API and ``memsync daemon status`` show them: schedule, runs, next run."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from memsync import clock
from memsync.config import Config
from memsync.daemon import job_history
from memsync.daemon.extra import late
from memsync.daemon.job_history import Run
from memsync.daemon.jobs import runs
from memsync.daemon.jobs.runs import run_now

if TYPE_CHECKING:
    from memsync.daemon.scheduler import JobPlan

MOST_EARLIER = 10
RECENT = 5
"""How many of the last successful runs tell how long a job takes."""


@dataclass(frozen=True)
class JobView:
    """A job: its plan, its last runs, newest first, and since when it is running.

    `running_since` is None if it is not running in this process. `usual` is the seconds that a run
    takes, None if no run succeeded yet.
    """

    plan: JobPlan
    runs: tuple[Run, ...]
    running_since: datetime | None
    usual: float | None

    @property
    def elapsed(self) -> float:
        """How many seconds it has been running."""
        began = self.running_since
        return max(0.0, (clock.now() - began).total_seconds()) if began else 0.0


def list_jobs(config: Config, in_force: Mapping[str, str] | None = None) -> list[JobView]:
    """Return all jobs of this machine, also those that are off.

    Args:
        config: the settings.
        in_force: the schedules of a running daemon by job id; None takes them from `config`.

    Raises:
        MemsyncError: the extra is not installed.
    """
    plans: list[JobPlan] = late("scheduler").plan_jobs(config, in_force)
    past = job_history.read_runs()[::-1]
    return [_view(plan, past) for plan in plans]


def start_job(name: str, config: Config) -> bool | None:
    """Run a job now, beside the schedule.

    Returns:
        False if it is running already, None if there is no such job.
    """
    job = late("scheduler").find_job(name)
    if job is None:
        return None
    return runs.start_in_thread(job.id, lambda: run_now(job, config))


def job_table(view: JobView) -> dict[str, Any]:
    """Return a job as ``memsync daemon status --json`` gives it; the API adds what runs now."""
    plan, last = view.plan, view.runs[0] if view.runs else None
    return {
        "id": plan.job.id,
        "name": plan.job.name,
        "schedule": plan.schedule,
        "description": plan.words if plan.is_on else f"off ({plan.words})",
        "purpose": plan.job.purpose,
        "enabled": plan.is_on,
        "last_run": last.start if last else None,
        "last_outcome": last.outcome if last else None,
        "last_message": last.message if last else None,
        "last_duration": last.duration if last else None,
        "next_run": plan.next_run.isoformat(timespec="seconds") if plan.next_run else None,
        "usual_duration": view.usual,
        "runs": [_run_table(run) for run in view.runs],
    }


def _view(plan: JobPlan, past: list[Run]) -> JobView:
    own = tuple(run for run in past if run.job == plan.job.id)[: MOST_EARLIER + 1]
    durations = [run.duration for run in own if run.outcome == "ok"][:RECENT]
    usual = statistics.median(durations) if durations else None
    return JobView(plan, own, runs.running_since(plan.job.id), usual)


def _run_table(run: Run) -> dict[str, Any]:
    return {
        "start": job_history.start_of(run).isoformat(timespec="seconds"),
        "duration": run.duration,
        "outcome": run.outcome,
        "message": run.message,
        "hint": run.hint or None,
    }
