"""The first contact with an rclone remote: looked at, then brought here, before anything starts."""

from __future__ import annotations

from memsync import rclone, reading
from memsync.errors import DamagedMemoryError, FolderAwayError, WrongUsageError
from memsync.files import unlink_quietly
from memsync.workspace import MEMORY_NAME, Workspace


def pull(workspace: Workspace) -> None:
    """Bring what the remote has into the folder here; make the remote's where there is none.

    Raises:
        WrongUsageError: no remote is named.
        DamagedMemoryError: the remote's memory is damaged, and nothing was brought; or the one
            that stands here is.
        FolderAwayError: the remote cannot be reached, or not all was brought.
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
        # Elsewhere notes and edits go on with the copy here; there is none yet.
        is_unknown = isinstance(error, rclone.UnknownRemoteError)
        way = error.hint if is_unknown else f"rclone lsf {remote} shows whether it answers"
        hint = f"{way}; then memsync init again, nothing was set up here"
        raise error.reworded(error.message, hint) from error


def _pull(workspace: Workspace, remote: str) -> None:
    there = rclone.listing(remote)
    if there is None:
        rclone.make(remote)
        return
    theirs, had = rclone.place_of(remote, MEMORY_NAME), workspace.memory.exists()
    if MEMORY_NAME in there:
        reading.check(rclone.read_bytes(remote, MEMORY_NAME), theirs, _cure(remote))
    rclone.fetch(remote, str(workspace.root))
    if MEMORY_NAME in there:
        _look_at_ours(workspace, remote, had=had)


def _look_at_ours(workspace: Workspace, remote: str, *, had: bool) -> None:
    """Refuse a memory that was damaged or taken away there since the look, or here before it."""
    try:
        reading.read_bytes(workspace.memory)
    except DamagedMemoryError as error:
        if had:
            hint = f"move it elsewhere, then memsync init again: {remote} has a sound one"
            raise error.reworded(error.message, hint) from error
        unlink_quietly(workspace.memory)  # the next init would take it for ours and keep it
        theirs = rclone.place_of(remote, MEMORY_NAME)
        words = f"the memory {theirs} was damaged or deleted just now"
        raise error.reworded(words, _cure(remote)) from error


def _cure(remote: str) -> str:
    backups = rclone.place_of(remote, "backups")
    return (
        "memsync restore on a machine that has it, then memsync init again;"
        f" rclone lsf {backups} lists what it was before"
    )
