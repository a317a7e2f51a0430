"""What the page says about the memory beside its text: how old it is, and what waits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from memsync import clock
from memsync.config.sync_folder import folder_at
from memsync.config.workspace import Workspace
from memsync.daemon.presenters import origin
from memsync.errors import MemsyncError
from memsync.memory.history import backups
from memsync.memory.last_change import LastChange
from memsync.memory.store import Memory
from memsync.refresh.pending import pending_notes


@dataclass(frozen=True)
class Facts:
    """When the memory last changed and by whom, the newest backup, how many notes are pending.

    None where that cannot be told just now, or where there is none.
    """

    changed: datetime | None
    origin: LastChange
    backup: datetime | None
    pending: int | None


def gather_facts(workspace: Workspace, memory: Memory) -> Facts:
    """Return the facts; what cannot be read is no reason not to show the memory."""
    found = origin.find_origin(workspace, memory.digest)
    try:
        stamp = folder_at(workspace.root).look(workspace.memory).st_mtime
        changed = datetime.fromtimestamp(stamp, clock.now().tzinfo)
    except (OSError, ValueError, OverflowError):
        changed = None
    kept = next(iter(backups.list_backups(workspace.backups)), None)
    try:
        pending = len(pending_notes(workspace))
    except MemsyncError:
        pending = None
    return Facts(found.moment or changed, found, kept.moment if kept else None, pending)


def moment_in_words(moment: datetime) -> str:
    """Return a moment as a person would say it: ``today at 05:04``, ``23 November at 05:04``."""
    here = moment.astimezone(clock.now().tzinfo)
    return f"{day_in_words(here.date())} at {here:%H:%M}"


def day_in_words(day: date) -> str:
    """Return a day as a person would say it: ``today``, ``23 November``, ``tomorrow``."""
    today = clock.now().date()
    near = {0: "today", 1: "yesterday", -1: "tomorrow"}.get((today - day).days)
    year = "" if day.year == today.year else f" {day.year}"
    return near or f"{day.day} {day:%B}{year}"
