"""The nightly refresh: pending notes become part of the memory, old backups go."""

from __future__ import annotations

import logging

from memsync.config import Config
from memsync.config.credentials import has_model
from memsync.config.workspace import Workspace
from memsync.daemon import job_history
from memsync.daemon.job_history import Run
from memsync.daemon.jobs import prune
from memsync.daemon.jobs.job import Job
from memsync.daemon.jobs.rclone_sync import synced
from memsync.daemon.jobs.runs import recorded
from memsync.daemon.notify import notify
from memsync.errors import BudgetError
from memsync.files.locks import BusyError
from memsync.memory.publish import require_written
from memsync.refresh import usage
from memsync.refresh.run import merge_pending

log = logging.getLogger(__name__)


def job_nightly_refresh(config: Config) -> Run:
    """Prune backups, then merge all pending notes."""
    last_run = job_history.last_start(JOB.id)
    with synced(config), recorded(config, JOB.id) as run:
        workspace = Workspace.open(config)
        if words := usage.budget_notice(workspace, "daemon"):
            log.info(words)
        pruned = prune.prune_expired(workspace, last_run)
        try:
            outcome = merge_pending(workspace, command=JOB.id)
            run.message = "; ".join(filter(None, (outcome.sentence, pruned)))
            if outcome.proposals:  # each is made once, so the person hears of each once
                notify(config, "changes wait for your approval", outcome.sentence)
            require_written(outcome.targets)
        except BusyError as error:
            run.skip(error.message)
        except BudgetError as error:
            run.skip(error.message, error.hint)
    return run


JOB = Job(
    id="nightly_refresh",
    name="refresh",
    purpose="merge pending notes",
    order=20,
    act=job_nightly_refresh,
    schedule=lambda config: config.daemon.refresh_schedule,
    is_on=lambda config: config.daemon.refresh_enabled,
    in_child=has_model,
)
