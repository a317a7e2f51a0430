"""Remove the temp files that a killed memsync left behind."""

from __future__ import annotations

import contextlib

from memsync.config.state import machine_name, state_folder
from memsync.config.workspace import Workspace
from memsync.files.temps import sweep_temps


def sweep(workspace: Workspace) -> int:
    """Remove what killed processes left, and return the number of files; never raises.

    `targets` sweeps the agents' folders, and the mirror sweeps itself.
    """
    swept = 0
    with contextlib.suppress(OSError):
        state = state_folder()
        folders = [state, *(path for path in state.iterdir() if path.is_dir())]
        folders += [workspace.memory.resolve().parent, workspace.backups, workspace.sessions]
        folders += [*state.glob("lineage/*"), workspace.backups / "copies"]
        own = workspace.machines / machine_name()
        folders += [own, own / "conflicts"]
        if workspace.config.source is not None:
            folders.append(workspace.config.source.parent)
        swept = sum(map(sweep_temps, folders))
    return swept
