"""The rclone sync: changes go to the remote and come from it, if rclone is the provider."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from memsync.config import Config
from memsync.daemon.job_history import Run
from memsync.daemon.jobs.job import Job
from memsync.daemon.jobs.runs import recorded
from memsync.files.locks import BusyError
from memsync.memory.rclone import carry


def job_rclone_sync(config: Config) -> Run:
    """Carry changes between this machine's copy and the remote, both ways."""
    with recorded(config, JOB.id) as run:
        if not JOB.is_here(config):
            run.skip("core.provider is not rclone")
            return run
        try:
            run.message = carry.carry(config)
        except BusyError as error:
            run.skip(error.message)
    return run


@contextmanager
def synced(config: Config) -> Iterator[None]:
    """Sync before the body and after it, if rclone is the provider; a failure is the sync's own."""
    if JOB.is_here(config):
        job_rclone_sync(config)
    yield
    if JOB.is_here(config):
        job_rclone_sync(config)


JOB = Job(
    id="rclone_sync",
    name="sync",
    purpose="carry changes to the remote and from it",
    order=10,
    act=job_rclone_sync,
    schedule=lambda config: config.daemon.rclone_schedule,
    is_on=lambda config: config.provider == "rclone",
    is_here=lambda config: config.provider == "rclone",
    is_due_early=carry.has_changed,
)
