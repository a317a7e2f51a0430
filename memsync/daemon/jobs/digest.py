"""The weekly digest: a mail on what happened in the last seven days."""

from __future__ import annotations

from memsync.config import Config
from memsync.config.credentials import has_model
from memsync.config.workspace import Workspace
from memsync.daemon import digest
from memsync.daemon.job_history import Run
from memsync.daemon.jobs.job import Job
from memsync.daemon.jobs.runs import recorded


def job_weekly_digest(config: Config) -> Run:
    """Write the digest and mail it."""
    with recorded(config, JOB.id) as run:
        run.message = digest.generate_and_send(config)
    return run


def _preview(config: Config) -> str:
    return digest.generate_digest(Workspace.open(config).root, config)


JOB = Job(
    id="weekly_digest",
    name="digest",
    purpose="mail the digest",
    order=50,
    act=job_weekly_digest,
    schedule=lambda config: config.daemon.digest_schedule,
    is_on=lambda config: config.daemon.digest_enabled,
    in_child=has_model,
    preview=_preview,
)
