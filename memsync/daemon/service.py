"""The daemon as a service: systemd on Linux, launchd on macOS."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from memsync.daemon.services import launchd as launch_agent
from memsync.daemon.services.prepare import Prepared
from memsync.errors import MemsyncError

if sys.platform != "win32":  # Windows has no pwd, and no systemd
    from memsync.daemon.services import systemd

BOOTED = Path("/run/systemd/system")


@dataclass(frozen=True)
class Installed:
    """What an installation did: the file it put in place, and what was prepared for it."""

    path: Path
    prepared: Prepared


def install_service(*, user: bool = False, ask: bool = False) -> Installed:
    """Install the service for this machine, start it, and have it start at boot.

    Args:
        user: a service of the user's own, without root; launchd has no other.
        ask: whether a person is there who can be asked for the API key.

    Raises:
        MemsyncError: it cannot be done here; the message says what can.
    """
    return Installed(*_manager().install(user=user, ask=ask))


def uninstall_service(*, user: bool = False) -> Path:
    """Stop the service, remove all that `install_service` put in place, and return its file's path.

    The config, the state and the memory belong to the person and stay.

    Raises:
        MemsyncError: it is not installed, or cannot be removed.
    """
    return Path(_manager().uninstall(user=user))


def render_unit(*, user: bool = False, launchd: bool = False) -> str:
    """Return the unit that would be installed here; changes nothing.

    Raises:
        MemsyncError: memsync is not set up, its sync folder is not found, or it is a systemd unit
            on Windows.
    """
    if launchd:
        return launch_agent.render()
    if sys.platform == "win32":
        raise _no_manager()
    return systemd.render(user=user)


def _manager() -> ModuleType:
    """Return the module of this machine's service manager.

    Raises:
        MemsyncError: memsync knows none here.
    """
    if sys.platform == "darwin":
        return launch_agent
    if sys.platform == "linux" and BOOTED.is_dir() and shutil.which("systemctl"):
        return systemd
    raise _no_manager()


def _no_manager() -> MemsyncError:
    return MemsyncError(
        "there is no systemd and no launchd on this machine",
        hint="let the Task Scheduler, or whatever starts programs here, run"
        " memsync daemon start --detach at log-on",
    )
