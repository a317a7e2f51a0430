"""A launchd agent on macOS: starts at log-in, and again if it ends with an error."""

from __future__ import annotations

import os
from pathlib import Path

from memsync import config as settings
from memsync.config.state import state_path
from memsync.daemon.services import prepare, units
from memsync.daemon.services.commands import interpreter, run_program
from memsync.daemon.services.prepare import Prepared
from memsync.daemon.services.units import LABEL, UnitPlan
from memsync.errors import MemsyncError
from memsync.files.atomic import atomic_write


def install(*, user: bool, ask: bool) -> tuple[Path, Prepared]:
    """Install the agent and start it; return its file and what was prepared.

    An agent is always the user's own and takes its key from the keychain: `user` and `ask` change
    nothing.
    """
    del user, ask
    prepared = prepare.prepare()
    plan = UnitPlan(interpreter(), Path(prepared.config), Path.home())
    path = _agent_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    run_program(["launchctl", "bootout", f"{_gui()}/{LABEL}"], check=False)
    atomic_write(path, units.launch_agent(plan, Path(prepared.state) / "launchd.log"), mode=0o644)
    run_program(["launchctl", "bootstrap", _gui(), str(path)])
    return path, prepared


def uninstall(*, user: bool) -> Path:
    """Stop the agent, remove its file, and return where it was; `user` changes nothing."""
    del user
    path = _agent_path()
    if not path.exists():
        raise MemsyncError(f"no agent is installed: there is no {path}", "memsync daemon status")
    run_program(["launchctl", "bootout", f"{_gui()}/{LABEL}"], check=False)
    path.unlink()
    return path


def render() -> str:
    """Return the property list that would be installed here.

    Raises:
        MemsyncError: memsync is not set up.
    """
    config = settings.load()
    source = (config.source or settings.get_config_path()).absolute()
    plan = UnitPlan(interpreter(), source, Path.home())
    return units.launch_agent(plan, state_path() / "launchd.log").decode()


def _agent_path() -> Path:
    return Path.home() / "Library" / "LaunchAgents" / f"{LABEL}.plist"


def _gui() -> str:
    return f"gui/{os.getuid()}"
