"""Every job with its schedule, as ``daemon status`` and ``daemon schedule`` tell it."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import click

from memsync import config as settings
from memsync.config import Config
from memsync.daemon.extra import EXTRA, late
from memsync.daemon.jobs import history
from memsync.daemon.process import Status
from memsync.errors import MemsyncError, NotSetUpError


def job_table(present: Status | None) -> list[dict[str, Any]]:
    """Return every job with its schedule: the running daemon's own, else what the config says."""
    try:
        config = settings.load()
        scheduler, triggers = late("scheduler"), late("jobs.triggers")
    except NotSetUpError:
        raise
    except MemsyncError as error:
        if error.hint == EXTRA:
            return _past_jobs()
        raise
    last = history.last_runs()
    return [
        _job_table(job, *_plan(job, config, present, scheduler), last.get(job.id), triggers)
        for job in scheduler.jobs_of(config)
    ]


def _past_jobs() -> list[dict[str, Any]]:
    """Return what the history alone knows, where the extra is not installed."""
    return [
        {
            "id": run.job,
            "last_run": run.start,
            "last_outcome": run.outcome,
            "last_message": run.message,
        }
        for run in history.last_runs().values()
    ]


def _plan(
    job: Any,  # noqa: ANN401 - a job_runs.Job, whose module is loaded late
    config: Config,
    present: Status | None,
    scheduler: ModuleType,
) -> tuple[str, bool]:
    """Return a job's schedule and whether it is on, by the running daemon or else the config."""
    if present is not None:
        return present.schedules.get(job.id, job.schedule(config)), job.id in present.schedules
    return job.schedule(config), job in scheduler.enabled_jobs(config)


def _job_table(
    job: Any,  # noqa: ANN401
    line: str,
    is_on: bool,
    last: history.Run | None,
    triggers: ModuleType,
) -> dict[str, Any]:
    return {
        "id": job.id,
        "name": job.name,
        "schedule": line,
        "description": triggers.describe(line) if is_on else f"off ({triggers.describe(line)})",
        "purpose": job.purpose,
        "enabled": is_on,
        "last_run": last.start if last else None,
        "last_outcome": last.outcome if last else None,
        "last_message": last.message if last else None,
        "last_duration": last.duration if last else None,
        "next_run": _next(line, job.id, triggers) if is_on else None,
    }


def _next(line: str, job: str, triggers: ModuleType) -> str:
    moment = triggers.next_by_schedule(line, history.last_start(job))
    return str(moment.isoformat(timespec="seconds"))


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
