"""What stays on this machine: the state folder, the files in it, and this machine's own name.

Nothing here is ever put into the sync folder. The folder is the platform's for state
(``platformdirs``; ``$XDG_STATE_HOME`` is honoured), 0700.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import socket
from pathlib import Path

import platformdirs

from memsync.files.atomic import atomic_write, create_new
from memsync.text.digest import digest

_PRIVATE = 0o700
_OTHERS = 0o077
_NAME = re.compile(r"[a-z0-9-]+")


def state_path() -> Path:
    """Return where memsync's state folder is, whether it exists or not."""
    return Path(platformdirs.user_state_dir("memsync", appauthor=False))


def state_folder() -> Path:
    """Return memsync's state folder, made where it is missing, and closed to other users."""
    folder = state_path()
    try:
        mode = folder.stat().st_mode
    except FileNotFoundError:
        folder.mkdir(parents=True, exist_ok=True, mode=_PRIVATE)
    else:
        if mode & _OTHERS and os.name != "nt":
            with contextlib.suppress(PermissionError):  # it is somebody else's
                folder.chmod(_PRIVATE)
    return folder


def remember_machine(name: str) -> None:
    """Keep `name` as this machine's if the state folder has none, because it was removed."""
    create_new(state_folder() / "machine", f"{name}\n".encode())


def machine_name() -> str:
    """Return this machine's name in the sync folder: the host name as a slug and a short id.

    The id is made once and kept in the state folder, because host names repeat and change; the
    slug is kept with it, so that a renamed machine stays the same one. A file that holds no such
    name (emptied, damaged) is replaced.
    """
    path = state_folder() / "machine"
    new = f"{slug(socket.gethostname())}-{secrets.token_hex(2)}"
    if not path.exists() and create_new(path, f"{new}\n".encode()):
        return new
    kept = path.read_text(encoding="utf-8", errors="replace").strip()
    if _NAME.fullmatch(kept):
        return kept
    atomic_write(path, f"{new}\n".encode())
    return new


def slug(host: str) -> str:
    """Return a host name as lower-case letters, digits and hyphens; ``machine`` if none is left."""
    short = host.split(".", 1)[0].lower()
    return re.sub(r"[^a-z0-9]+", "-", short).strip("-")[:40] or "machine"


def carrying_mark(root: Path) -> Path:
    """Return the file that stands while rclone writes into a memory root, and after it was killed.

    rclone before 1.63 writes a file where it stands, so what it brought may be a piece.
    """
    return lock_path(root, "carrying").with_suffix(".mark")


def lock_path(root: Path, purpose: str) -> Path:
    """Return the lock file for one purpose and one memory root."""
    name = digest(str(root).encode("utf-8", "surrogateescape"))[:12]
    return state_folder() / "locks" / f"{purpose}-{name}.lock"


def seen_folder(root: Path) -> Path:
    """Return the folder for what this machine saw of one memory root; not made here."""
    name = digest(str(root).encode("utf-8", "surrogateescape"))[:12]
    return state_folder() / "lineage" / name
