"""Which backup a command means: the one that is named, else the text from before the last change.

Backups are named by their makers' clocks. One that was wrong sorts them wrongly, so what the
machines wrote down of which text was made from which is asked first.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from memsync.config.workspace import Workspace
from memsync.errors import MemsyncError
from memsync.files.regular import SkippedFile
from memsync.memory.history import backups, publish_log
from memsync.memory.history.ancestry import Ancestry
from memsync.memory.history.backups import Backup
from memsync.memory.store import Memory
from memsync.text.digest import digest


@dataclass(frozen=True)
class RestorePoint:
    """A backup, and those that cannot be read just now and may be the one that is meant."""

    entry: Backup
    unread: tuple[SkippedFile, ...] = ()

    @property
    def doubt(self) -> str:
        """Why another one may be meant, in a sentence; empty where none may."""
        if not self.unread:
            return ""
        one, more = self.unread[0], len(self.unread) - 1
        others = f" (and {more} more)" if more else ""
        return f"{one.path.name}{others} cannot be read ({one.why})"


def find_restore_point(
    workspace: Workspace, name: str | None, memory: Memory | None, *, differing: bool = False
) -> RestorePoint:
    """Return the backup called `name`; where none is named, the newest good one that can be read.

    Args:
        workspace: where.
        name: as `backups.find` takes it.
        memory: the memory as it stands; None where it is damaged.
        differing: True passes over those that hold this very text, if there are others.

    Raises:
        WrongUsageError: none is called so.
        MemsyncError: there is none yet, or none that can be read.
        OSError: the backups cannot be listed.
    """
    if name is not None:
        return RestorePoint(backups.find_backup(workspace.backups, name))
    present = memory.digest if memory else ""
    graph = publish_log.read_ancestry(workspace)
    origins = [text.partition("@")[0] for text in graph.origins(present)]
    listed = backups.list_backups(workspace.backups)
    newest_first = _newest_first(workspace, graph, origins, listed)
    good = (entry for entry in newest_first if _is_good(entry))
    fit = (entry for entry in good if not (differing and _digest_of(entry) == present))
    entry = next(fit, None) or next(filter(_is_good, listed), None)
    if entry is not None and origins and _digest_of(entry) == origins[0]:
        return RestorePoint(entry)
    # What a wrong clock named may be of any age; where nothing is written down the names count.
    doubted = listed if origins or entry is None else [one for one in listed if one > entry]
    whys = ((one.path, _why_unread(one)) for one in doubted)
    unread = tuple(SkippedFile(path, why) for path, why in whys if why)
    if entry is not None:
        return RestorePoint(entry, unread)
    if unread:
        raise MemsyncError(
            f"no backup can be read: {unread[0].why}",
            hint="check that the sync client runs and the files are yours",
        )
    raise MemsyncError("there is no backup yet", hint="one is made before each change")


def _newest_first(
    workspace: Workspace, graph: Ancestry, origins: list[str], listed: list[Backup]
) -> Iterator[Backup]:
    """Return the backups: what the present text was made from, then by when each text came to be.

    At last by their names: of some nobody wrote anything down.
    """
    if origins and listed and _is_good(listed[0]) and _digest_of(listed[0]) == origins[0]:
        yield listed[0]  # as it is wherever the clocks are right: the others need not be read
    kept = backups.texts_by_digest(workspace.backups)
    for name in (*origins, *graph.all()):
        entry = backups.backup_at(kept[name]) if name in kept else None
        if entry is not None:
            yield entry
    yield from listed


def _digest_of(entry: Backup) -> str:
    return digest(entry.path.read_bytes())


def _is_good(entry: Backup) -> bool:
    with contextlib.suppress(OSError):  # `_why_unread` tells
        return entry.is_good()
    return False


def _why_unread(entry: Backup) -> str:
    try:
        entry.is_good()
    except OSError as error:
        return error.strerror or str(error)
    return ""
