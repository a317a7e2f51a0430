"""The drift check: does every agent on every machine have the memory as it is now?"""

from __future__ import annotations

from memsync.config import Config
from memsync.daemon import watchdog
from memsync.daemon.job_history import Run
from memsync.daemon.jobs.job import Job
from memsync.daemon.jobs.runs import recorded
from memsync.files.locks import BusyError


def job_drift_check(config: Config) -> Run:
    """Check that every agent has the memory."""
    with recorded(config, JOB.id) as run:
        try:
            run.message = watchdog.look(config).sentence
        except BusyError as error:
            run.skip(error.message)
    return run


JOB = Job(
    id="drift_check",
    name="drift",
    purpose="check that every agent has the memory",
    order=40,
    act=job_drift_check,
    schedule=lambda config: f"every {config.daemon.drift_check_interval_hours} hours",
    is_on=lambda config: config.daemon.drift_check_enabled,
    retries_when_back=True,
)
