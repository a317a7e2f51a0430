"""What the memory was: its backups as steps in time, each with what changed after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from memsync.config.sync_folder import folder_at
from memsync.config.workspace import Workspace
from memsync.daemon.presenters.lines import steps
from memsync.errors import MemsyncError
from memsync.files.opener import RootFolder
from memsync.memory import store
from memsync.memory.history import backups
from memsync.memory.history.backups import Backup
from memsync.text.document import split_lines

PER_PAGE = 20


@dataclass(frozen=True)
class Step:
    """A backup, and how many lines the change after it added and removed.

    The counts are None where one of the two texts cannot be read.
    """

    backup: Backup
    name: str
    counts: tuple[int, int] | None


@dataclass(frozen=True)
class Steps:
    """Some steps, newest first; `older` names the one the next page begins with, if any."""

    steps: tuple[Step, ...]
    older: str


def steps_from(workspace: Workspace, start: str = "") -> Steps:
    """Return the steps from the backup called `start` on, or the newest ones."""
    listed = backups.list_backups(workspace.backups)
    names = [short_name(entry) for entry in listed]
    first = names.index(start) if start in names else 0
    shown = range(first, min(first + PER_PAGE, len(listed)))
    found = (Step(listed[at], names[at], _counts(workspace, listed, at)) for at in shown)
    return Steps(tuple(found), "".join(names[shown.stop : shown.stop + 1]))


def short_name(entry: Backup) -> str:
    """Return a backup's name as addresses have it: the moment, and its number if it has one."""
    return entry.path.stem.removeprefix("GLOBAL_MEMORY_")


def text_of(entry: Backup) -> str | None:
    """Return a backup's text; None if it has none, or if the text is not on this machine."""
    if entry.is_evicted() or not entry.is_good():
        return None
    try:
        return entry.read().decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def text_after(workspace: Workspace, entry: Backup) -> str | None:
    """Return what the memory became after a backup: the next backup's text, else the memory."""
    listed = backups.list_backups(workspace.backups)
    newer = [other for other in listed if other > entry]
    return text_of(newer[-1]) if newer else _memory(workspace)


def _memory(workspace: Workspace) -> str | None:
    try:
        return store.read(workspace).text
    except MemsyncError:
        return None


def _counts(workspace: Workspace, listed: Sequence[Backup], at: int) -> tuple[int, int] | None:
    """Return how many lines were added and removed after a backup."""
    files = folder_at(workspace.root)
    newer = listed[at - 1].path if at else workspace.memory
    try:
        return _count(files, listed[at].path, newer, files.look(newer).st_mtime_ns)
    except (OSError, UnicodeDecodeError):
        return None


@lru_cache(maxsize=256)  # a backup never changes; the memory does, and has another time then
def _count(files: RootFolder, old: Path, new: Path, _changed: int) -> tuple[int, int]:
    if files.is_evicted(old) or files.is_evicted(new):
        raise OSError(0, "only a placeholder is here")
    before, after = (split_lines(files.read(path).decode("utf-8")) for path in (old, new))
    changed = [step for step in steps(before, after) if step[0] != "equal"]
    removed = sum(i2 - i1 for _, i1, i2, _, _ in changed)
    return sum(j2 - j1 for _, _, _, j1, j2 in changed), removed


def neighbours(workspace: Workspace, entry: Backup) -> tuple[str, str]:
    """Return the names of the backups before and after one; empty if there is none."""
    names = [short_name(other) for other in backups.list_backups(workspace.backups)]
    around = ["", *names, ""]
    at = around.index(short_name(entry)) if short_name(entry) in names else 0
    return (around[at + 1], around[at - 1]) if at else ("", "")
