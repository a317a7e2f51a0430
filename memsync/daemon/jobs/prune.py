"""The daemon's part in thinning out the backups: when to believe its own clock."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from memsync import clock
from memsync.config.workspace import Workspace
from memsync.errors import MemsyncError
from memsync.memory.history import backups, publish_log

STEADY = timedelta(days=3)
"""A nightly run this long after the one before it comes at the right time, or after a week-end."""

LEAP = timedelta(days=366)
"""How far ahead of the backups a clock may be that nobody looks at."""

log = logging.getLogger(__name__)


def prune_expired(workspace: Workspace, last_run: datetime | None) -> str:
    """Remove the backups that may go, and say how many in words; never raises.

    Nobody is there to see that a clock went wrong, as a Pi's does at boot. So nothing is removed
    by a clock that says something odd for the first time: it has until the next night to come
    right, and a night more of backups costs little.

    Args:
        workspace: whose backups.
        last_run: when this was last asked for; None where that is not known.
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
