"""The scheduler: finds the jobs, plans their runs, and makes up for runs that were missed.

It knows no job by name: what differs between jobs, each job says itself (`jobs.job.Job`).
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.schedulers.base import BaseScheduler
from apscheduler.schedulers.blocking import BlockingScheduler
from tzlocal import get_localzone

from memsync import clock
from memsync.config import Config
from memsync.config.workspace import Workspace
from memsync.daemon import job_history
from memsync.daemon import jobs as package
from memsync.daemon.jobs import triggers
from memsync.daemon.jobs.digest import job_weekly_digest
from memsync.daemon.jobs.drift import job_drift_check
from memsync.daemon.jobs.job import Job
from memsync.daemon.jobs.mirror import job_backup_mirror
from memsync.daemon.jobs.refresh import job_nightly_refresh
from memsync.daemon.jobs.runs import run_job
from memsync.daemon.jobs.triggers import CrontabTrigger, EveryHoursTrigger
from memsync.errors import FolderAwayError

# The four job functions are promised to be found here; a new job needs no line of its own.
__all__ = [
    "job_backup_mirror",
    "job_drift_check",
    "job_nightly_refresh",
    "job_weekly_digest",
]

AGAIN = timedelta(minutes=5)
"""How soon a run that failed because the folder was away is tried again."""

EARLY_SECONDS = 60
"""How often a job is asked whether it is due before its schedule says so."""


def _find_jobs() -> tuple[Job, ...]:
    """Return the `JOB` of every module in `memsync.daemon.jobs` that has one, in their order."""
    names = [module.name for module in pkgutil.iter_modules(package.__path__)]
    modules = [importlib.import_module(f"{package.__name__}.{name}") for name in names]
    found = [module.JOB for module in modules if hasattr(module, "JOB")]
    return tuple(sorted(found, key=lambda job: job.order))


JOBS = _find_jobs()


@dataclass(frozen=True)
class JobPlan:
    """When a job runs: its schedule, also in words, whether it is on, and its next run if it is."""

    job: Job
    schedule: str
    words: str
    is_on: bool
    next_run: datetime | None


def jobs_of(config: Config) -> tuple[Job, ...]:
    """Return the jobs a machine has under `config`, whether they are switched on or not."""
    return tuple(job for job in JOBS if job.is_here(config))


def find_job(name: str) -> Job | None:
    """Return the job called `name`, by short name or id."""
    return next((job for job in JOBS if name in {job.id, job.name}), None)


def enabled_jobs(config: Config) -> list[Job]:
    """Return the jobs that run by themselves under `config`."""
    return [job for job in jobs_of(config) if config.daemon.enabled and job.is_on(config)]


def plan_jobs(config: Config, in_force: Mapping[str, str] | None = None) -> list[JobPlan]:
    """Return when each job runs.

    Args:
        config: the settings.
        in_force: the schedules of a running daemon by job id, which may have read older settings;
            None if none runs.
    """
    if in_force is None:
        in_force = {job.id: job.schedule(config) for job in enabled_jobs(config)}
    return [_plan(job, config, in_force) for job in jobs_of(config)]


def _plan(job: Job, config: Config, in_force: Mapping[str, str]) -> JobPlan:
    line = in_force.get(job.id, job.schedule(config))
    is_on = job.id in in_force
    due = triggers.next_by_schedule(line, _last_start(job)) if is_on else None
    return JobPlan(job, line, triggers.describe(line), is_on, due)


def build_scheduler(config: Config, blocking: bool = False) -> BaseScheduler:
    """Return a scheduler with the enabled jobs, not yet started.

    Args:
        config: which jobs, and when.
        blocking: True for a scheduler whose `start` does not return.
    """
    scheduler = (BlockingScheduler if blocking else BackgroundScheduler)(
        timezone=get_localzone(),
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
    )
    add_jobs(scheduler, config)
    return scheduler


def add_jobs(scheduler: BaseScheduler, config: Config) -> None:
    """Give a scheduler the enabled jobs; the history tells when each runs next."""
    enabled = enabled_jobs(config)
    # A job that runs every N hours runs at once if it never ran, so it has no first run to miss.
    by_cron = [job for job in enabled if not triggers.is_interval(job.schedule(config))]
    job_history.remember_jobs(job.id for job in by_cron)
    for job in enabled:
        trigger = trigger_for(job, config)
        scheduler.add_job(_run, trigger, args=[scheduler, job, config], id=job.id, name=job.name)
        _plan_retry(scheduler, job, config)
        if job.is_due_early is not None:
            scheduler.add_job(
                run_early, "interval", seconds=EARLY_SECONDS, args=[job, config], id=_early(job)
            )


def reschedule(scheduler: BaseScheduler, config: Config) -> None:
    """Work out all next runs from the history, after the clock was set back."""
    for job in enabled_jobs(config):
        scheduler.reschedule_job(job.id, trigger=trigger_for(job, config))
        _plan_retry(scheduler, job, config)


def trigger_for(job: Job, config: Config) -> CrontabTrigger | EveryHoursTrigger:
    """Return when `job` is to run."""
    return triggers.trigger_of(job.schedule(config), _last_start(job))


def _last_start(job: Job) -> datetime | None:
    """Return the start from which missed runs of `job` count; None if they do not count."""
    return job_history.last_start(job.id) if job.catches_up else None


def _run(scheduler: BaseScheduler, job: Job, config: Config) -> None:
    run_job(job, config)
    _plan_retry(scheduler, job, config)


def run_early(job: Job, config: Config) -> None:
    """Run a job before its schedule says so, if it is due."""
    if job.is_due_early is not None and job.is_due_early(config):
        run_job(job, config)


def _retry(scheduler: BaseScheduler, job: Job, config: Config) -> None:
    """Run a job again if the folder is back; while it is away there is nothing to record.

    If the folder is there and the run still fails (a log that cannot be read), the schedule is
    soon enough.
    """
    if not _is_away(config):
        run_job(job, config)
        if not _is_away(config):
            return
    _plan_retry(scheduler, job, config)


def _plan_retry(scheduler: BaseScheduler, job: Job, config: Config) -> None:
    """Plan another run within minutes, if the last one failed because the folder was away."""
    last = job_history.last_result(job.id) if job.retries_when_back else None
    if last is not None and last.exit_code == FolderAwayError.exit_code:
        scheduler.add_job(
            _retry,
            "date",
            run_date=clock.now() + AGAIN,
            args=[scheduler, job, config],
            id=f"{job.id}_again",
            replace_existing=True,
        )


def _early(job: Job) -> str:
    return f"{job.id}_early"


def _is_away(config: Config) -> bool:
    try:
        Workspace.open(config)
    except FolderAwayError:
        return True
    return False
