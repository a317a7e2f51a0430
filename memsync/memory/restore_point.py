"""Which text a restore means: the backup that is named, or the text before the last change.

Backups are named by the clocks of their machines. A wrong clock sorts them wrongly, so the log of
which text was made from which counts first.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from memsync import clock
from memsync.config.sync_folder import folder_at
from memsync.config.workspace import Workspace
from memsync.errors import MemsyncError
from memsync.files.opener import SkippedFile
from memsync.memory import store
from memsync.memory.history import backups, publish_log
from memsync.memory.history.ancestry import Ancestry
from memsync.memory.history.backups import Backup
from memsync.memory.store import Memory
from memsync.text.digest import digest


@dataclass(frozen=True)
class RestorePoint:
    """A backup, and those that cannot be read now and may be the one that is meant."""

    entry: Backup
    unread: tuple[SkippedFile, ...] = ()

    @property
    def doubt(self) -> str:
        """Why another backup may be meant, in a sentence; empty if none may."""
        if not self.unread:
            return ""
        one, more = self.unread[0], len(self.unread) - 1
        others = f" (and {more} more)" if more else ""
        return f"{one.path.name}{others} cannot be read ({one.why})"


def find_restore_point(
    workspace: Workspace, name: str | None, memory: Memory | None, *, differing: bool = False
) -> RestorePoint:
    """Return the backup called `name`; without a name, the text to go back to.

    That is the newest good backup that can be read. If the memory is damaged and no backup has the
    text that was last seen here, it is that text.

    Args:
        workspace: where.
        name: a backup's name, as `backups.find_backup` takes it.
        memory: the present memory; None if it is damaged.
        differing: skip backups that hold the present text, if there are others.

    Raises:
        WrongUsageError: no backup has this name.
        MemsyncError: there is no backup yet, or none that can be read.
        OSError: the backups cannot be listed.
    """
    if name is not None:
        return RestorePoint(backups.find_backup(workspace.backups, name))
    last = last_seen_point(workspace) if memory is None else None
    if last is not None:
        return RestorePoint(last)
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
    # A backup named by a wrong clock may be of any age; without a log only the names count.
    unread = _unread(listed if origins or entry is None else [one for one in listed if one > entry])
    if entry is not None:
        return RestorePoint(entry, unread)
    if unread:
        raise MemsyncError(
            f"no backup can be read: {unread[0].why}",
            hint="check that the sync client runs and the files are yours",
        )
    raise MemsyncError("there is no backup yet", hint="one is made before each change")


def last_seen_point(workspace: Workspace) -> Backup | None:
    """Return the text last seen here, if the memory is damaged and no backup has that text."""
    path = store.last_seen_file(workspace)
    return Backup(clock.now(), 1, path) if path else None


def _newest_first(
    workspace: Workspace, graph: Ancestry, origins: list[str], listed: list[Backup]
) -> Iterator[Backup]:
    """Yield the backups: the parents of the present text, then the newest versions by the log.

    Then all by their names, because some have no log entry.
    """
    if origins and listed and _is_good(listed[0]) and _digest_of(listed[0]) == origins[0]:
        yield listed[0]  # the usual case, if the clocks are right; no other is read
    kept = backups.texts_by_digest(workspace.backups)
    files = folder_at(workspace.root)
    for name in (*origins, *graph.all()):
        entry = backups.backup_at(kept[name], files) if name in kept else None
        if entry is not None:
            yield entry
    yield from listed


def _digest_of(entry: Backup) -> str:
    return digest(entry.read())


def _is_good(entry: Backup) -> bool:
    with contextlib.suppress(OSError):  # `_why_unread` says why
        return entry.is_good()
    return False


def _unread(listed: list[Backup]) -> tuple[SkippedFile, ...]:
    whys = ((one.path, _why_unread(one)) for one in listed)
    return tuple(SkippedFile(path, why) for path, why in whys if why)


def _why_unread(entry: Backup) -> str:
    try:
        entry.is_good()
    except OSError as error:
        return error.strerror or str(error)
    return ""
