"""Join an rclone remote: look at it, then copy what it has, before memsync starts here."""

from __future__ import annotations

from memsync.config.state import lock_path
from memsync.config.sync_folder import folder_at
from memsync.config.workspace import MEMORY_NAME, Workspace
from memsync.errors import DamagedMemoryError, FolderAwayError, WrongUsageError
from memsync.files.locks import exclusive_lock
from memsync.memory import reading, store
from memsync.memory.rclone import client


def join_remote(workspace: Workspace) -> None:
    """Copy what the remote has into the folder here; make the remote's folder if there is none.

    Raises:
        WrongUsageError: no remote is named.
        DamagedMemoryError: the remote's memory is damaged, and nothing was copied; or the memory
            that is here already is damaged.
        FolderAwayError: the remote cannot be reached, or not everything was copied.
        MemsyncError: the remote keeps no modification times.
    """
    remote = workspace.config.rclone_remote
    if not remote:
        raise WrongUsageError(
            "rclone needs to know where to",
            hint="memsync init --provider rclone --rclone-remote NAME:PATH",
        )
    try:
        _pull(workspace, remote)
    except FolderAwayError as error:
        # The usual hint says that work goes on with the copy here; there is none yet.
        is_unknown = isinstance(error, client.UnknownRemoteError)
        way = error.hint if is_unknown else f"rclone lsf {remote} shows whether it answers"
        hint = f"{way}; then memsync init again, nothing was set up here"
        raise error.reworded(error.message, hint) from error


def _pull(workspace: Workspace, remote: str) -> None:
    client.require_times(remote)
    there = client.list_files(remote)
    if there is None:
        client.make_folder(remote)
        return
    theirs = None
    if MEMORY_NAME in there:
        theirs = client.read_remote(remote, MEMORY_NAME)
        reading.require_memory(theirs, client.remote_path(remote, MEMORY_NAME), _cure(remote))
    client.fetch(remote, str(workspace.root), without=[MEMORY_NAME])
    if theirs is None:
        return
    if folder_at(workspace.root).exists(workspace.memory):
        _look_at_ours(workspace, remote)
        return
    # Not by rclone: if it were killed while it writes, a piece of the memory would stay here.
    with exclusive_lock(lock_path(workspace.root, "publish"), "the memory"):
        store.take_over(workspace, theirs)


def _look_at_ours(workspace: Workspace, remote: str) -> None:
    """Refuse a damaged memory that was here before: it would hide the remote's."""
    try:
        reading.read_bytes(folder_at(workspace.root))
    except DamagedMemoryError as error:
        hint = f"move it elsewhere, then memsync init again: {remote} has a sound one"
        raise error.reworded(error.message, hint) from error


def _cure(remote: str) -> str:
    backups = client.remote_path(remote, "backups")
    return (
        "memsync restore on a machine that has it, then memsync init again;"
        f" rclone lsf {backups} lists what it was before"
    )
