"""The jobs, what each does, and when they run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.schedulers.base import BaseScheduler
from apscheduler.schedulers.blocking import BlockingScheduler
from tzlocal import get_localzone

from memsync import clock
from memsync.config import Config
from memsync.config.credentials import has_model
from memsync.config.workspace import Workspace
from memsync.daemon import digest, watchdog
from memsync.daemon.jobs import history, mirror, prune
from memsync.daemon.jobs.history import Run
from memsync.daemon.jobs.runs import Job, recorded, run_job
from memsync.daemon.jobs.triggers import CrontabTrigger, EveryHoursTrigger
from memsync.daemon.notify import notify
from memsync.errors import BudgetError, FolderAwayError
from memsync.files.locks import BusyError
from memsync.memory.publish import require_written
from memsync.memory.rclone import carry
from memsync.refresh.run import merge_pending


def job_nightly_refresh(config: Config) -> Run:
    """Merge all pending notes; before it, thin out the backups, which makes room for one more."""
    last_run = history.last_start("nightly_refresh")
    with _carried(config), recorded(config, "nightly_refresh") as run:
        workspace = Workspace.open(config)
        thinned = prune.prune_expired(workspace, last_run)
        try:
            outcome = merge_pending(workspace, command="nightly_refresh")
            run.message = "; ".join(filter(None, (outcome.sentence, thinned)))
            if outcome.proposals:  # each is made once, so each is told once
                notify(config, "changes wait for your word", outcome.sentence)
            require_written(outcome.targets)
        except BusyError as error:
            run.skip(error.message)
        except BudgetError as error:
            run.skip(error.message, error.hint)
    return run


def job_rclone_sync(config: Config) -> Run:
    """Carry changes between this machine's copy and the remote, both ways."""
    with recorded(config, "rclone_sync") as run:
        if config.provider != "rclone":
            run.skip("core.provider is not rclone")
            return run
        try:
            run.message = carry.carry(config)
        except BusyError as error:
            run.skip(error.message)
    return run


def job_backup_mirror(
    config: Config,
    *,
    verify: bool = False,
    accept: bool = False,
    tell: Callable[[str], object] = lambda _line: None,
) -> Run:
    """Bring the independent copy of the memory folder up to date; see `mirror_job.run`."""
    with recorded(config, "backup_mirror") as run:
        if not config.daemon.backup_mirror_path:
            run.skip("daemon.backup_mirror_path is not set")
        else:
            run.message = mirror.run_mirror(config, verify=verify, accept=accept, tell=tell)
    return run


def job_drift_check(config: Config) -> Run:
    """Look whether every agent has the memory."""
    with recorded(config, "drift_check") as run:
        try:
            run.message = watchdog.look(config).sentence
        except BusyError as error:
            run.skip(error.message)
    return run


def job_weekly_digest(config: Config) -> Run:
    """Make and mail the digest."""
    with recorded(config, "weekly_digest") as run:
        run.message = digest.generate_and_send(config)
    return run


@contextmanager
def _carried(config: Config) -> Iterator[None]:
    """Pull before the body and push after it, where rclone carries; what fails is that job's."""
    if config.provider == "rclone":
        job_rclone_sync(config)
    yield
    if config.provider == "rclone":
        job_rclone_sync(config)


DRIFT = Job(
    "drift_check",
    "drift",
    "check that every agent has the memory",
    lambda c: c.daemon.drift_check_enabled,
    lambda c: f"every {c.daemon.drift_check_interval_hours} hours",
    job_drift_check,
)

JOBS: tuple[Job, ...] = (
    Job(
        "nightly_refresh",
        "refresh",
        "merge pending notes",
        lambda c: c.daemon.refresh_enabled,
        lambda c: c.daemon.refresh_schedule,
        job_nightly_refresh,
        has_model,
    ),
    Job(
        "backup_mirror",
        "mirror",
        "copy the memory folder",
        lambda c: bool(c.daemon.backup_mirror_path),
        lambda c: c.daemon.backup_mirror_schedule,
        job_backup_mirror,
    ),
    DRIFT,
    Job(
        "weekly_digest",
        "digest",
        "mail the digest",
        lambda c: c.daemon.digest_enabled,
        lambda c: c.daemon.digest_schedule,
        job_weekly_digest,
        has_model,
    ),
)


SYNC = Job(
    "rclone_sync",
    "sync",
    "carry changes to the remote and from it",
    lambda c: c.provider == "rclone",
    lambda c: c.daemon.rclone_schedule,
    job_rclone_sync,
)
"""Only machines whose copy rclone carries have this one."""

AGAIN = timedelta(minutes=5)
"""How soon a look for drift that met no folder is made up for once the folder is back."""

PUSH_SECONDS = 60
"""How soon what changed here is carried, whoever changed it."""


def jobs_of(config: Config) -> tuple[Job, ...]:
    """Return the jobs a machine has under `config`, whether they are switched on or not."""
    return (SYNC, *JOBS) if config.provider == "rclone" else JOBS


def find_job(name: str) -> Job | None:
    """Return the job called `name`, by short name or id."""
    return next((job for job in (*JOBS, SYNC) if name in {job.id, job.name}), None)


def enabled_jobs(config: Config) -> list[Job]:
    """Return the jobs that run by themselves under `config`."""
    return [job for job in jobs_of(config) if config.daemon.enabled and job.is_on(config)]


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
    """Give a scheduler the enabled jobs, each with its next run worked out from the history."""
    jobs = enabled_jobs(config)
    history.remember_jobs(job.id for job in jobs if job.id != "drift_check")
    for job in jobs:
        act, args = (_look, [scheduler, config]) if job is DRIFT else (run_job, [job, config])
        scheduler.add_job(act, trigger_for(job, config), args=args, id=job.id, name=job.name)
    _plan_again(scheduler, config)
    if SYNC in jobs:
        scheduler.add_job(_push, "interval", seconds=PUSH_SECONDS, args=[config], id="rclone_push")


def _look(scheduler: BaseScheduler, config: Config) -> None:
    """Look for drift; where the folder is away, again when it is back."""
    run_job(DRIFT, config)
    _plan_again(scheduler, config)


def _look_again(scheduler: BaseScheduler, config: Config) -> None:
    """Look for drift if the folder is back; as long as it is not there is nothing to record.

    A look at a folder that is there and fails all the same (a log that cannot be read) has time
    until the next by the schedule.
    """
    if not _is_away(config):
        run_job(DRIFT, config)
        if not _is_away(config):
            return
    _plan_again(scheduler, config)


def _plan_again(scheduler: BaseScheduler, config: Config) -> None:
    """Plan to look for drift within minutes, if the last look failed because of the folder."""
    last = history.last_result(DRIFT.id)
    failed_so = last is not None and last.exit_code == FolderAwayError.exit_code
    if failed_so and DRIFT in enabled_jobs(config):
        scheduler.add_job(
            _look_again,
            "date",
            run_date=clock.now() + AGAIN,
            args=[scheduler, config],
            id="drift_again",
            replace_existing=True,
        )


def _is_away(config: Config) -> bool:
    try:
        Workspace.open(config)
    except FolderAwayError:
        return True
    return False


def _push(config: Config) -> None:
    """Carry what changed here since the last time, be it by the page, a command or a job."""
    if carry.has_changed(config):
        run_job(SYNC, config)


def trigger_for(job: Job, config: Config) -> CrontabTrigger | EveryHoursTrigger:
    """Return when `job` is to run."""
    last_run = history.last_start(job.id)
    if job.id == "drift_check":
        return EveryHoursTrigger(config.daemon.drift_check_interval_hours, last_run)
    return CrontabTrigger(job.schedule(config), last_run)


def reschedule(scheduler: BaseScheduler, config: Config) -> None:
    """Work out all next runs from the history, after the clock was set back."""
    for job in enabled_jobs(config):
        scheduler.reschedule_job(job.id, trigger=trigger_for(job, config))
    _plan_again(scheduler, config)
