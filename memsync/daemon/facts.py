"""What the page says about the memory beside its text: how old it is, and what waits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from memsync import backups, clock, sessions
from memsync.errors import MemsyncError
from memsync.workspace import Workspace


@dataclass(frozen=True)
class Facts:
    """When the memory last changed, the newest backup, how many notes are pending.

    None where that cannot be told just now, or where there is none.
    """

    changed: datetime | None
    backup: datetime | None
    pending: int | None


def gather(workspace: Workspace) -> Facts:
    """Return the facts; what cannot be read is no reason not to show the memory."""
    try:
        stamp = workspace.memory.stat().st_mtime
        changed = datetime.fromtimestamp(stamp, clock.now().tzinfo)
    except (OSError, ValueError, OverflowError):
        changed = None
    kept = next(iter(backups.list_backups(workspace.backups)), None)
    try:
        pending = len(sessions.pending(workspace))
    except MemsyncError:
        pending = None
    return Facts(changed, kept.moment if kept else None, pending)


def in_words(moment: datetime) -> str:
    """Return a moment as a person would say it: ``today at 05:04``, ``23 November at 05:04``."""
    today = clock.now().date()
    days = (today - moment.date()).days
    time = f"{moment:%H:%M}"
    if days in {0, 1}:
        return f"{'yesterday' if days else 'today'} at {time}"
    year = "" if moment.year == today.year else f" {moment.year}"
    return f"{moment.day} {moment:%B}{year} at {time}"
