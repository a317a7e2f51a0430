"""Carry changes between this machine's copy and an rclone remote, both ways, without loss.

`rclone bisync` carries everything but the memory (see `memory`) and the files that this machine
alone writes (see `own`). What bisync does to a file that both sides changed depends on its version,
and older versions take the file's name away on both sides. So memsync acts before it: the copy here
is renamed to a conflict copy, and the remote's file keeps the name.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from memsync.config import Config
from memsync.config.state import carrying_mark, lock_path, state_folder
from memsync.config.sync_folder import folder_at
from memsync.config.workspace import MEMORY_NAME, Workspace
from memsync.errors import MemsyncError, RefusedError
from memsync.files.atomic import create_new
from memsync.files.locks import BusyError, exclusive_lock
from memsync.memory import reading, store
from memsync.memory.rclone import client, names, own
from memsync.memory.rclone import memory as carry_memory
from memsync.memory.rclone.baseline import Baseline, list_here, read_baseline, write_baseline
from memsync.memory.rclone.client import Listing

MUST_RESYNC = "Must run --resync"
_SECOND = len("2026-11-23T10:11:12")
LEAST_FILES = 8
"""With fewer files, losing half of them does not count as a great loss."""

log = logging.getLogger(__name__)


def carry(config: Config) -> str:
    """Sync the copy with the remote; return what was done, in one sentence.

    Raises:
        BusyError: another process does so now, or writes, or the memory changed meanwhile.
        FolderAwayError: the remote cannot be reached; work goes on with the copy here.
        RefusedError: the remote has lost the memory or most of what it had, or the memory is
            damaged here or there; nothing was done.
    """
    remote = config.rclone_remote
    if not remote:
        raise MemsyncError(
            "there is no remote to carry to",
            hint="memsync config set paths.rclone_remote NAME:PATH",
        )
    workspace = Workspace.open(config)
    with exclusive_lock(lock_path(workspace.root, "carry"), "the remote", timeout=0):
        with _no_other_writer(workspace):
            names.take_back(workspace.root)  # renamed by a run that was cut off
        store.read(workspace)  # a damaged memory goes nowhere
        there = client.list_files(remote)
        before = read_baseline(remote)
        _brake(remote, there, before)
        theirs = carry_memory.read_theirs(workspace, remote, there or {})
        if there is None:
            client.make_folder(remote)
        with _no_other_writer(workspace):
            return _carry(workspace, remote, there or {}, theirs, before)


@contextmanager
def _no_other_writer(workspace: Workspace) -> Iterator[None]:
    """Keep other memsync processes from writing here while the body runs."""
    with (
        exclusive_lock(lock_path(workspace.root, "sessions"), "the day's log"),
        exclusive_lock(lock_path(workspace.root, "publish"), "the memory"),
    ):
        yield


def has_changed(config: Config) -> bool:
    """Did something change here since the last run? False if the folder is away."""
    before = read_baseline(config.rclone_remote)
    try:
        return before is None or list_here(Workspace.open(config).root) != before.here
    except (MemsyncError, OSError):
        return False


def _carry(
    workspace: Workspace,
    remote: str,
    there: Listing,
    theirs: bytes | None,
    before: Baseline | None,
) -> str:
    mine = reading.read_bytes(folder_at(workspace.root))
    sides = carry_memory.BothSides(mine, theirs, before.memory if before else "")
    changed = _changed_on_both(workspace, remote, there, before)
    try:
        aside = [MEMORY_NAME] if sides.are_both_new else []
        if aside:
            free = names.free_name(workspace.root, workspace.memory)
            folder_at(workspace.root).create(free, mine)
        aside += _keep_both(workspace.root, remote, changed, _unseen(changed, there, before))
        renamed, again = _bring_in_step(workspace, remote, first=before is None)
    finally:
        names.take_back(workspace.root)
    here = list_here(workspace.root)
    own.send_own_files(workspace, remote, here, there.keys(), before.here if before else {})
    # Last of all, so that the other side has the log entry of this version before the memory.
    agreed = carry_memory.carry_memory(workspace, remote, sides)
    write_baseline(workspace, remote, there, sides.agreed if agreed is None else agreed)
    if agreed is None:
        raise BusyError(
            f"the memory changed here or in {remote} while all else was carried",
            hint="memsync daemon run sync carries it",
        )
    return _sentence(remote, [*aside, *renamed], again=again)


def _keep_both(root: Path, remote: str, changed: list[str], unseen: list[str]) -> list[str]:
    """Keep both texts of the files that both sides changed, one as a conflict copy; return them."""
    if carrying_mark(root).exists():
        changed = [p for p in changed if p in unseen or not _drop_piece(root, remote, p)]
    for path in unseen:  # bisync would take a renamed file for deleted, and delete it there, too
        theirs = client.read_remote(remote, path)
        folder_at(root).create(names.free_name(root, root / path), theirs)
    return [*unseen, *(names.step_aside(root, path) for path in changed if path not in unseen)]


def _bring_in_step(workspace: Workspace, remote: str, *, first: bool) -> tuple[list[str], bool]:
    """Run bisync until it is done.

    Returns:
        The files of which both texts were kept meanwhile, and whether bisync had to begin anew.
    """
    root, again = workspace.root, False
    aside: list[str] = []
    ended = _bisync(workspace, remote, first=first)
    if ended.code and MUST_RESYNC in ended.said + ended.out and not first:
        aside += [names.step_aside(root, path) for path in _different(workspace, remote)]
        ended, again = _bisync(workspace, remote, first=True), True
    while not ended.code and (found := names.give_names_back(root)):
        aside += found
        ended = _bisync(workspace, remote, first=False)
    if ended.code:
        raise _failed(remote, ended)
    return aside, again


def _bisync(workspace: Workspace, remote: str, *, first: bool) -> client.Result:
    files, mark = folder_at(workspace.root), workspace.root / client.MARK
    if not files.exists(mark):
        files.create(mark, b"memsync: both sides have this file, or rclone carries nothing\n")
    workdir = state_folder() / "rclone"
    workdir.mkdir(exist_ok=True, mode=0o700)
    client.drop_dead_locks(workdir)
    at_work = carrying_mark(workspace.root)
    at_work.parent.mkdir(exist_ok=True, mode=0o700)
    create_new(at_work, b"")
    ended = client.bisync(
        str(workspace.root),
        remote,
        str(workdir),
        without=own.left_to_memsync(workspace),
        first=first,
    )
    if not _is_under_way(ended):  # it ended by itself and removed its half-written files
        at_work.unlink(missing_ok=True)
    return ended


def _sentence(remote: str, aside: list[str], *, again: bool) -> str:
    words = [f"in step with {remote}"]
    if aside:
        words.append(f"changed on both sides: {', '.join(aside)}; both texts are kept")
    if again:
        words.append("rclone had lost its listing: what one side lacked it has from the other")
    return "; ".join(words)


def _brake(remote: str, there: Listing | None, before: Baseline | None) -> None:
    """Refuse a remote that lost most of its files: nobody meant to delete them all."""
    if before is None:
        return
    now, had = there or {}, before.there
    lost = [path for path in had if path not in now]
    if (MEMORY_NAME in lost and not _stands_aside(now)) or (
        len(had) >= LEAST_FILES and len(lost) > len(had) / 2
    ):
        raise RefusedError(
            f"{remote} has lost {len(lost)} of {len(had)} files; nothing was carried",
            hint=f"put them back there, or rclone copy the memory folder to {remote}",
        )


def _brake_here(root: Path, before: Baseline) -> None:
    """Refuse if most files are gone here: nobody meant to delete them all."""
    lost = before.here.keys() - list_here(root).keys()
    if len(before.here) >= LEAST_FILES and len(lost) > len(before.here) / 2:
        raise RefusedError(
            f"{root} has lost {len(lost)} of {len(before.here)} files; nothing was carried",
            hint="memsync log and memsync doctor show what is here; put back what is missing",
        )


def _stands_aside(listing: Listing) -> bool:
    """Is the memory there under the names that an older bisync gives to both texts?"""
    return any(path.startswith(f"{MEMORY_NAME}..path") for path in listing)


def _changed_on_both(
    workspace: Workspace, remote: str, there: Listing, before: Baseline | None
) -> list[str]:
    """Return the files that both sides changed since the last run, of those bisync carries.

    Raises:
        RefusedError: most files are gone here.
    """
    if before is None:
        return _different(workspace, remote)
    _brake_here(workspace.root, before)
    here = list_here(workspace.root)
    return [
        path
        for path in sorted(here.keys() & there.keys())
        if not own.is_left_to_memsync(workspace, path)
        and here[path] != before.here.get(path)
        and there[path] != before.there.get(path)
    ]


def _unseen(changed: list[str], there: Listing, before: Baseline | None) -> list[str]:
    """Return the files whose change on the remote an older bisync would not see.

    It compares times only, in whole seconds in most clouds, and these were changed twice within a
    second. So the file here keeps the name, and the remote's text is kept as the conflict copy.
    """
    if before is None:
        return []
    had = before.there
    return [p for p in changed if p in had and had[p][1][:_SECOND] == there[p][1][:_SECOND]]


def _drop_piece(root: Path, remote: str, path: str) -> bool:
    """Remove a file here if it is only the beginning of the remote's; return True if it was.

    A run that was cut off leaves such files; as a conflict copy one would look like a real text.
    """
    mine, theirs = folder_at(root).read(root / path), client.read_remote(remote, path)
    # If both are the same it is no piece, and bisync would delete it on the remote, too.
    if len(mine) >= len(theirs) or not theirs.startswith(mine):
        return False
    folder_at(root).unlink(root / path)
    return True


def _different(workspace: Workspace, remote: str) -> list[str]:
    """Return the files that differ between both sides, for the first run."""
    without = own.left_to_memsync(workspace)
    return client.differing_files(str(workspace.root), remote, without=without)


def _failed(remote: str, ended: client.Result) -> MemsyncError:
    if _is_under_way(ended):
        return BusyError(
            f"rclone is still carrying to {remote} for a process that was ended",
            hint="wait ten minutes, then memsync daemon run sync",
        )
    return client.away_error(remote, ended)


def _is_under_way(ended: client.Result) -> bool:
    return "prior lock file found" in ended.said + ended.out
