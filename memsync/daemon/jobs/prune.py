"""When the nightly refresh prunes old backups: only if the clock can be believed."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from memsync import clock
from memsync.config.workspace import Workspace
from memsync.errors import MemsyncError
from memsync.memory.history import backups, publish_log

STEADY = timedelta(days=3)
"""At most this long after the run before, a nightly run is on time, or comes after a weekend."""

LEAP = timedelta(days=366)
"""How far ahead of the newest backup a clock may be if nobody watches it."""

log = logging.getLogger(__name__)


def prune_expired(workspace: Workspace, last_run: datetime | None) -> str:
    """Remove the backups that may go, and return how many, in words; never raises.

    A clock can be wrong, as a Pi's is at boot, and nobody is there to see it. So if it says
    something odd for the first time, nothing is removed: it has until the next night to be set,
    and one more night of backups costs little.

    Args:
        workspace: whose backups.
        last_run: when the job last ran; None if that is not known.
    """
    if last_run is None or not timedelta(0) <= clock.now() - last_run <= STEADY:
        return ""
    try:
        replaced = publish_log.replaced_at(workspace)
        gone = backups.prune_backups(workspace.backups, workspace.config.keep_days, LEAP, replaced)
    except (MemsyncError, OSError) as error:
        log.warning("old backups stay: %s", error)
        return ""
    return f"{len(gone)} old backup{'' if len(gone) == 1 else 's'} removed" if gone else ""
