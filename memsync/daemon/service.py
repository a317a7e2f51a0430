"""Starting with the machine: a systemd service on Linux, a launchd agent on macOS."""

from __future__ import annotations

import importlib
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from memsync import config as settings
from memsync.config.state import state_path
from memsync.daemon.services import secrets, units
from memsync.daemon.services.commands import interpreter
from memsync.daemon.services.prepare import Prepared
from memsync.daemon.services.units import UnitPlan
from memsync.errors import MemsyncError

BOOTED = Path("/run/systemd/system")


@dataclass(frozen=True)
class Installed:
    """What an installation did: the file it put in place, and what was prepared for it."""

    path: Path
    prepared: Prepared


def install_service(*, user: bool = False, ask: bool = False) -> Installed:
    """Install the service for this machine, start it, and have it start at boot.

    Args:
        user: a service of the user's own, without root.
        ask: whether someone can be asked for the API key.

    Raises:
        MemsyncError: it cannot be done here; the message says what can.
    """
    manager = _manager()
    if manager == "launchd":
        return Installed(*_keeper(manager).install())
    keeper = _keeper(manager)
    return Installed(*(keeper.install_for_user if user else keeper.install_for_system)(ask=ask))


def uninstall_service(*, user: bool = False) -> Path:
    """Stop the service and take away all that `install_service` put there; return the file's path.

    The config, the state and the memory are the person's and stay.

    Raises:
        MemsyncError: it is not installed, or cannot be removed.
    """
    manager = _manager()
    keeper = _keeper(manager)
    path = keeper.uninstall() if manager == "launchd" else keeper.uninstall(user=user)
    return Path(path)


def render_unit(*, user: bool = False, launchd: bool = False) -> str:
    """Return the unit that would be installed here; changes nothing.

    Raises:
        MemsyncError: memsync is not set up, or its sync folder is not found.
    """
    systemd = None if launchd else _keeper("systemd")
    if systemd is not None and systemd.is_sudo():
        os.environ["HOME"] = systemd.owner_of_service().pw_dir  # his config and state, not root's
    config = settings.load()
    source = (config.source or settings.get_config_path()).absolute()
    if systemd is None:
        plan = UnitPlan(interpreter(), source, Path.home())
        return units.launch_agent(plan, state_path() / "launchd.log").decode()
    owner = systemd.owner_of_service()
    plan = UnitPlan(
        python=interpreter(),
        config=source,
        home=Path(owner.pw_dir) if systemd.is_sudo() else Path.home(),
        user=owner.pw_name,
        group=str(owner.pw_gid),
        writable=units.writable_folders(config, state_path()),
        credentials=secrets.stored_secrets(systemd.secrets_folder(user=user)),
    )
    return units.user_unit(plan) if user else units.system_unit(plan)


def _manager() -> str:
    """Return which service manager this machine has.

    Raises:
        MemsyncError: it has none that memsync knows.
    """
    if sys.platform == "darwin":
        return "launchd"
    if sys.platform == "linux" and BOOTED.is_dir() and shutil.which("systemctl"):
        return "systemd"
    raise MemsyncError(
        "there is no systemd and no launchd on this machine",
        hint="have the Task Scheduler, or whatever starts programs here, run"
        " memsync daemon start --detach at log-on",
    )


def _keeper(manager: str) -> ModuleType:
    """Return the module of a service manager; by name, for neither can be imported everywhere."""
    return importlib.import_module(f"memsync.daemon.services.{manager}")
