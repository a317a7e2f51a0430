"""What stays on this machine: the state folder, the files in it, and this machine's own name.

Nothing here is ever put into the sync folder. The folder is the platform's for state
(``platformdirs``; ``$XDG_STATE_HOME`` is honoured), 0700.
"""

from __future__ import annotations

import re
import secrets
import socket
from pathlib import Path

import platformdirs

from memsync.files import create_new, digest


def state_folder() -> Path:
    """Return memsync's state folder, made where it is missing."""
    folder = Path(platformdirs.user_state_dir("memsync", appauthor=False))
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def machine_name() -> str:
    """Return this machine's name in the sync folder: the host name as a slug and a short id.

    The id is made once and kept in the state folder, because host names repeat and change; the
    slug is kept with it, so that a renamed machine stays the same one.
    """
    path = state_folder() / "machine"
    if not path.exists():
        name = f"{slug(socket.gethostname())}-{secrets.token_hex(2)}"
        create_new(path, f"{name}\n".encode())
    return path.read_text(encoding="utf-8").strip()


def own_folder(machines: Path) -> Path:
    """Return this machine's own folder in the sync folder, made where it is missing.

    Args:
        machines: the folder of all machines' folders (`Workspace.machines`).
    """
    folder = machines / machine_name()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def slug(host: str) -> str:
    """Return a host name as lower-case letters, digits and hyphens; ``machine`` if none is left."""
    short = host.split(".", 1)[0].lower()
    return re.sub(r"[^a-z0-9]+", "-", short).strip("-")[:40] or "machine"


def lock_path(root: Path, purpose: str) -> Path:
    """Return the lock file for one purpose and one memory root."""
    name = digest(str(root).encode("utf-8", "surrogateescape"))[:12]
    return state_folder() / "locks" / f"{purpose}-{name}.lock"
