"""Every job with its schedule, as ``daemon status`` and ``daemon schedule`` tell it."""

from __future__ import annotations

from typing import Any

import click

from memsync import config as settings
from memsync.daemon.extra import late
from memsync.daemon.jobs import history
from memsync.daemon.process import Status
from memsync.errors import MemsyncError


def job_table(present: Status | None) -> list[dict[str, Any]]:
    """Return every job with its schedule: the running daemon's own, else what the config says."""
    config = settings.load()
    try:
        scheduler = late("scheduler")
    except MemsyncError:
        return _past_jobs()
    last = history.last_runs()
    plans = scheduler.plan_jobs(config, present.schedules if present else None)
    return [_job_table(plan, last.get(plan.job.id)) for plan in plans]


def _past_jobs() -> list[dict[str, Any]]:
    """Return what the history alone knows, if the extra is not installed."""
    return [
        {
            "id": run.job,
            "last_run": run.start,
            "last_outcome": run.outcome,
            "last_message": run.message,
        }
        for run in history.last_runs().values()
    ]


def _job_table(plan: Any, last: history.Run | None) -> dict[str, Any]:  # noqa: ANN401
    due = plan.next_run
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
        "next_run": due.isoformat(timespec="seconds") if due else None,
    }


def print_jobs(tables: list[dict[str, Any]]) -> None:
    """Print the jobs as a person reads them."""
    for job in tables:
        click.echo(f"{job.get('name', job['id'])}: {job.get('description', '')}".rstrip(": "))
        if job["last_run"]:
            took = f" in {job['last_duration']} s" if job.get("last_duration") is not None else ""
            said = f"{job['last_outcome']}{took}: {job['last_message']}"
            click.echo(f"  last {job['last_run']} {said}")
        if job.get("next_run"):
            click.echo(f"  next {job['next_run']}")
