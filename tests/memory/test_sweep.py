"""What a killed process left is swept wherever memsync makes temp files, and nothing else is."""

from __future__ import annotations

import subprocess
import sys

import pytest

from memsync.config import get_config_path
from memsync.config.state import machine_name, state_folder
from memsync.memory import store, sweep
from memsync.memory.publish import update_targets


@pytest.fixture
def gone() -> int:
    """The number of a process that has ended."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def test_strays_are_swept_from_every_folder_memsync_writes_in(workspace, gone):
    state = state_folder()
    (state / "spool").mkdir()
    (workspace.machines / machine_name()).mkdir(exist_ok=True)
    folders = [
        workspace.root,
        workspace.backups,
        workspace.sessions,
        workspace.machines / machine_name(),
        state,
        state / "spool",
        get_config_path().parent,
    ]
    for folder in folders:
        (folder / f".x.memsync-{gone}-abc.tmp").touch()
        (folder / "somebody's.tmp").touch()
    assert sweep.sweep(workspace) == len(folders)
    assert all((folder / "somebody's.tmp").exists() for folder in folders)
    assert sweep.sweep(workspace) == 0


def test_bringing_targets_in_step_sweeps_too(workspace, gone):
    stray = workspace.root / f".GLOBAL_MEMORY.md.memsync-{gone}-abc.tmp"
    stray.touch()
    update_targets(workspace)
    assert not stray.exists()
    assert store.read(workspace).text


def test_a_folder_that_is_away_is_no_error(workspace, gone):
    workspace.root.rename(workspace.root.with_name("away"))
    assert sweep.sweep(workspace) == 0
