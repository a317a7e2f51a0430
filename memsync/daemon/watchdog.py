"""Drift: does every agent of this machine have the memory as it is now?

One alert when the answer changes and one when all is well again, not one at every look.
"""

from __future__ import annotations

import json
from pathlib import Path

from memsync import machines, store, targets
from memsync.config import Config
from memsync.daemon.notify import notify
from memsync.files import atomic_write
from memsync.state import state_folder
from memsync.targets import TargetState
from memsync.workspace import Workspace


def run_drift_check(config: Config) -> list[TargetState]:
    """Look at this machine's targets, report, and alert where something changed.

    Returns:
        The targets that do not have the memory as it is now.

    Raises:
        MemsyncError: the memory cannot be read.
    """
    workspace = Workspace.open(config)
    memory = store.read(workspace)
    data = memory.text.encode("utf-8")
    states = targets.inspect_all(targets.resolve(config), data, workspace.memory)
    machines.report(workspace, memory.digest, states)
    adrift = [state for state in states if state.state != "in-sync"]
    now = {f"{state.name}: {state.state}" for state in adrift}
    before = _read()
    if now != before:
        _alert(config, adrift)
        atomic_write(_path(), json.dumps(sorted(now)).encode())
    return adrift


def sentence(adrift: list[TargetState]) -> str:
    """Return what a drift check found, in one sentence."""
    if not adrift:
        return "every agent has the memory"
    return "; ".join(f"{state.name} is {state.state}" for state in adrift)


def _alert(config: Config, adrift: list[TargetState]) -> None:
    if not adrift:
        notify(config, "all well again", "Every agent on this machine has the memory.")
        return
    lines = [f"{s.name} ({s.path}): {s.state}. {s.advice}".rstrip(". ") for s in adrift]
    advice = "memsync targets sync brings them in step."
    notify(config, sentence(adrift), "\n".join([*lines, "", advice]))


def _read() -> set[str]:
    try:
        return set(json.loads(_path().read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return set()


def _path() -> Path:
    return state_folder() / "drift.json"
