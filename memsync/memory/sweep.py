"""Remove the temp files that a killed memsync left behind."""

from __future__ import annotations

import contextlib

from memsync.config.state import machine_name, state_folder
from memsync.config.sync_folder import folder_at
from memsync.config.workspace import Workspace
from memsync.files.temps import sweep_temps


def sweep(workspace: Workspace) -> int:
    """Remove what killed processes left, and return the number of files; never raises.

    `targets` sweeps the agents' folders, and the mirror sweeps itself.
    """
    swept = 0
    with contextlib.suppress(OSError):
        files = folder_at(workspace.root)
        own = workspace.machines / machine_name()
        folders = (workspace.backups, workspace.backups / "copies", workspace.sessions, own)
        swept = files.sweep(workspace.memory)
        swept += sum(files.sweep(folder / "any") for folder in (*folders, own / "conflicts"))
        state = state_folder()
        places = [state, *(path for path in state.iterdir() if path.is_dir())]
        places += state.glob("lineage/*")
        if workspace.config.source is not None:
            places.append(workspace.config.source.parent)
        swept += sum(map(sweep_temps, places))
    return swept
