"""No damaged memory is carried: both sides are looked at before, and this one once more after.

The remote may be damaged between the look and the carrying. So the memory here is held while rclone
works, and put back where rclone leaves a damaged one; what rclone left is kept as a backup.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from memsync import backups, rclone, reading, store
from memsync.digests import digest
from memsync.errors import DamagedMemoryError, MemsyncError
from memsync.files import atomic_write
from memsync.rclone import Listing
from memsync.state import state_folder
from memsync.workspace import MEMORY_NAME, Workspace


def workdir() -> Path:
    """Return the folder of this machine's own notes on the carrying, made where it is missing."""
    folder = state_folder() / "rclone"
    folder.mkdir(exist_ok=True, mode=0o700)
    return folder


def look_at_theirs(workspace: Workspace, remote: str, there: Listing) -> None:
    """Refuse a remote whose memory is damaged: carried, it would replace the sound one here.

    It is read each time: it may have been damaged just before the last listing was taken.

    Raises:
        DamagedMemoryError: it is damaged.
        FolderAwayError: it cannot be read.
    """
    if MEMORY_NAME in there:
        theirs = rclone.place_of(remote, MEMORY_NAME)
        reading.check(rclone.read_bytes(remote, MEMORY_NAME), theirs, _cure(workspace, remote))


@contextmanager
def held(workspace: Workspace, remote: str) -> Iterator[None]:
    """Have a sound memory here after the body, as there was before it, whatever the body brought.

    The caller holds the publish lock. The memory is held on disk: a process that is killed in the
    body leaves it to `mend`.

    Raises:
        DamagedMemoryError: the memory is damaged before; or after, and then it is put back.
        OSError: it cannot be held, or not be put back; what is held stays.
    """
    path = _held(workspace.root)
    atomic_write(path, reading.read_bytes(workspace.memory))
    try:
        yield
    finally:
        if _put_back(workspace, remote) is not None:
            path.unlink()


def mend(workspace: Workspace, remote: str) -> None:
    """Finish what a carrying that was cut off left: put the held memory back, or keep it.

    The caller holds the publish lock. Where the memory is sound, what was held becomes a backup
    if it is another text.

    Raises:
        DamagedMemoryError: the memory was damaged; it is put back.
        OSError: it is still held.
    """
    path = _held(workspace.root)
    present = _put_back(workspace, remote) if path.exists() else None
    if present is not None:
        if present != path.read_bytes():
            backups.backup(path, workspace.backups)
        path.unlink()


def _put_back(workspace: Workspace, remote: str) -> bytes | None:
    """Return the memory's bytes; where they are damaged, put the held ones back and say so.

    None where an older bisync gave both sides' texts other names, which reconciling knows.
    """
    path = _held(workspace.root)
    try:
        return reading.read_bytes(workspace.memory)
    except DamagedMemoryError as error:
        if not workspace.memory.exists() and any(workspace.root.glob(f"{MEMORY_NAME}..path*")):
            return None
        kept = store.put_back(workspace, path.read_bytes())
        path.unlink()
        aside = f", what rclone left is kept as {kept.name}" if kept else ""
        raise DamagedMemoryError(
            f"{error.message} as rclone left it; the one from before is put back{aside}",
            hint=_what_next(workspace, remote),
        ) from error


def _what_next(workspace: Workspace, remote: str) -> str:
    """Return what is to be done about the remote: not where it is sound, and newer than ours."""
    try:
        there = rclone.listing(remote) or {}
        look_at_theirs(workspace, remote, there)
    except MemsyncError as error:
        return error.hint
    return "memsync daemon run sync" if MEMORY_NAME in there else _cure(workspace, remote)


def _cure(workspace: Workspace, remote: str) -> str:
    theirs = rclone.place_of(remote, MEMORY_NAME)
    return f"rclone copyto {workspace.memory} {theirs} puts the one from here there"


def _held(root: Path) -> Path:
    name = digest(str(root).encode("utf-8", "surrogateescape"))[:12]
    return workdir() / f"{name}.held"
