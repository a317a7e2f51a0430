"""What this machine alone writes goes to the remote and never comes back from there.

To bisync its folder in `machines/` would be one of two equal sides: where a run was cut off, or the
remote's is older, what the remote has would take the place of a ledger that knows more.
"""

from __future__ import annotations

from collections.abc import Collection

from memsync.config.state import machine_name
from memsync.config.workspace import MEMORY_NAME, Workspace
from memsync.memory.rclone import client
from memsync.memory.rclone.client import Listing


def left_to_memsync(workspace: Workspace) -> tuple[str, ...]:
    """Return what bisync leaves as it is on both sides, as rclone's patterns: the memory, too."""
    return MEMORY_NAME, f"{_own(workspace)}/**"


def is_left_to_memsync(workspace: Workspace, path: str) -> bool:
    """Tell whether a path in the folder is one of these."""
    return path == MEMORY_NAME or path.startswith(f"{_own(workspace)}/")


def send_own_files(
    workspace: Workspace, remote: str, here: Listing, there: Collection[str], before: Listing
) -> None:
    """Copy to the remote what this machine wrote since; nothing is ever removed of it.

    Args:
        workspace: where.
        remote: the remote's folder.
        here: the files here as they are.
        there: the paths that the remote has.
        before: the files here as they were when the last carrying ended.

    Raises:
        FolderAwayError: not all of it is there; the next run sends it again.
    """
    own = _own(workspace)
    mine = [path for path in here if path.startswith(f"{own}/")]
    if any(here[path] != before.get(path) or path not in there for path in mine):
        client.copy_folder(str(workspace.root / own), client.remote_path(remote, own))


def _own(workspace: Workspace) -> str:
    return f"{workspace.machines.name}/{machine_name()}"
