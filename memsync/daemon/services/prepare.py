"""What an installation does as the service's user: settings, secrets, and a trial of the folders.

`sudo memsync daemon install` runs this in a process of that user, so that none of the user's files
belongs to root afterwards.
"""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass
from pathlib import Path

from memsync import config as settings
from memsync.config import KEYS, Config, writer
from memsync.config.first_secrets import unseen_secrets
from memsync.config.state import state_folder
from memsync.config.workspace import Workspace
from memsync.daemon.http import addresses
from memsync.daemon.services.first_start import create_secrets
from memsync.daemon.services.units import writable_folders
from memsync.errors import FolderAwayError, refused
from memsync.files.atomic import atomic_write
from memsync.memory import store
from memsync.targets import configured_targets

WRITTEN_KEYS = ("enabled", "refresh_schedule", "web_ui_port", "capture_port")
"""The keys that a new ``[daemon]`` section has: those that people look for first."""

_MAC_GUARDED = ("Library/Mobile Documents", "Library/CloudStorage", "Documents", "Desktop")


@dataclass(frozen=True)
class Prepared:
    """What the service needs to know; plain values, because one process tells them to another."""

    config: str
    state: str
    writable: list[str]
    has_key: bool
    made: dict[str, str]
    web_url: str | None
    capture_url: str | None
    remarks: list[str]


def prepare() -> Prepared:
    """Write the ``[daemon]`` section, secure the ports, and try the folders.

    Raises:
        MemsyncError: memsync is not set up, or the sync folder cannot be read and written.
    """
    config = settings.load()
    source = config.source or settings.get_config_path()
    absent = [key for key in WRITTEN_KEYS if f"daemon.{key}" not in config.given]
    changes = {f"daemon.{key}": KEYS[f"daemon.{key}"].default for key in absent}
    if changes:
        writer.change(source, changes)
    config, _ = create_secrets(settings.load(source))
    check_access(config)
    return Prepared(
        config=str(source.absolute()),
        state=str(state_folder()),
        writable=[str(path) for path in writable_folders(config, state_folder())],
        has_key=bool(config.api_key),
        made={key: one.plain for key, one in unseen_secrets(config).items()},
        web_url=addresses.web_url(config),
        capture_url=addresses.capture_url(config),
        remarks=_remarks(config),
    )


def check_access(config: Config) -> None:
    """Read the memory, and write beside it, beside each target and in the state folder.

    Raises:
        MemsyncError: one of these is not possible here.
    """
    workspace = Workspace.open(config)
    store.read(workspace)
    folders = [
        workspace.root,
        state_folder(),
        *(target.path.parent for target in configured_targets(config)),
    ]
    for folder in folders:
        if folder.is_dir():
            _try_write(folder)


def _try_write(folder: Path) -> None:
    probe = folder / f".memsync-probe-{os.getpid()}.tmp"
    hint = _mac_hint(folder) or "check its owner, and that it is no read-only mount"
    try:
        with refused(f"the service cannot write {folder}", hint, FolderAwayError):
            atomic_write(probe, b"a trial; it may be removed\n")
    finally:
        with contextlib.suppress(OSError):
            probe.unlink()


def _mac_hint(folder: Path) -> str:
    if any(part in str(folder) for part in _MAC_GUARDED) and (Path("/System/Library")).is_dir():
        return "System Settings, Privacy & Security, Full Disk Access: add this Python"
    return ""


def _remarks(config: Config) -> list[str]:
    """Return what the person should know although it is no error."""
    found = []
    if time.tzname[0] in {"UTC", "Etc/UTC"} and not time.daylight:
        found.append(
            f"this machine's time zone is UTC, so {config.daemon.refresh_schedule!r} means UTC:"
            " sudo timedatectl set-timezone Europe/Rome (yours) changes that"
        )
    return found
