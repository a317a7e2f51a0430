"""Which backup a command means: the one that is named, else the text from before the last change.

Backups are named by their makers' clocks. One that was wrong sorts them wrongly, so what the
machines wrote down of which text was made from which is asked first.
"""

from __future__ import annotations

from collections.abc import Iterator

from memsync import backups, lineage
from memsync.backups import Backup
from memsync.digests import digest
from memsync.errors import MemsyncError
from memsync.store import Memory
from memsync.workspace import Workspace


def choose_backup(
    workspace: Workspace, name: str | None, memory: Memory | None, *, differing: bool = False
) -> Backup:
    """Return the backup called `name`; where none is named, the newest good one.

    Args:
        workspace: where.
        name: as `backups.find` takes it.
        memory: the memory as it stands; None where it is damaged.
        differing: True passes over those that hold this very text, if there are others.

    Raises:
        WrongUsageError: none is called so.
        MemsyncError: there is none yet.
        OSError: one cannot be read just now.
    """
    if name is not None:
        return backups.find(workspace.backups, name)
    present = memory.digest if memory else ""
    for entry in _newest_first(workspace, present):
        if entry.is_good() and not (differing and digest(entry.path.read_bytes()) == present):
            return entry
    newest = backups.newest_good(workspace.backups)
    if newest is None:
        raise MemsyncError("there is no backup yet", hint="one is made before each change")
    return newest


def _newest_first(workspace: Workspace, present: str) -> Iterator[Backup]:
    """Return the backups: what the present text was made from, then by when each text came to be.

    At last by their names: of some nobody wrote anything down.
    """
    graph = lineage.read(workspace)
    origins = [name.partition("@")[0] for name in graph.origins(present)]
    listed = backups.list_backups(workspace.backups)
    newest = listed[0] if listed and listed[0].is_good() else None
    if origins and newest and digest(newest.path.read_bytes()) == origins[0]:
        yield newest  # as it is wherever the clocks are right: the others need not be read
    kept = backups.by_digest(workspace.backups)
    for name in (*origins, *graph.all()):
        entry = backups.by_name(kept[name]) if name in kept else None
        if entry is not None:
            yield entry
    yield from listed
