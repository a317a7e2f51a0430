"""Send the files that this machine alone writes to the remote; they never come back from there.

For bisync both sides are equal. If a run was cut off, or the remote's file is older, it would
replace this machine's ledger by one that knows less.
"""

from __future__ import annotations

from collections.abc import Collection

from memsync.config.state import machine_name
from memsync.config.workspace import MEMORY_NAME, Workspace
from memsync.memory.rclone import client
from memsync.memory.rclone.client import Listing


def left_to_memsync(workspace: Workspace) -> tuple[str, ...]:
    """Return rclone patterns of what bisync leaves alone: the memory and this machine's files."""
    return MEMORY_NAME, f"{_own(workspace)}/**"


def is_left_to_memsync(workspace: Workspace, path: str) -> bool:
    """Must bisync leave this path of the folder alone?"""
    return path == MEMORY_NAME or path.startswith(f"{_own(workspace)}/")


def send_own_files(
    workspace: Workspace, remote: str, here: Listing, there: Collection[str], before: Listing
) -> None:
    """Copy to the remote what this machine wrote since; nothing is removed there.

    Args:
        workspace: where.
        remote: the remote's folder.
        here: the files here as they are.
        there: the paths that the remote has.
        before: the files here as they were when the last run ended.

    Raises:
        FolderAwayError: not everything was copied; the next run tries again.
    """
    own = _own(workspace)
    mine = [path for path in here if path.startswith(f"{own}/")]
    if any(here[path] != before.get(path) or path not in there for path in mine):
        client.copy_folder(str(workspace.root / own), client.remote_path(remote, own))


def _own(workspace: Workspace) -> str:
    return f"{workspace.machines.name}/{machine_name()}"
