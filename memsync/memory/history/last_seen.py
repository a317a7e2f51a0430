"""The memory as this machine last saw it, and older versions that may be missing from it now.

Their texts are kept in the local state, because a sync client may replace our file by another
machine's and keep no copy. If the memory changed, it is compared with what is kept here.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from memsync import clock
from memsync.config.state import lock_path, seen_folder
from memsync.config.state_file import StateFile
from memsync.files.atomic import create_new
from memsync.files.locks import exclusive_lock
from memsync.text.digest import digest


@dataclass(frozen=True)
class LastSeen:
    """Digests: of the memory as last seen (empty if never), and of versions missing since when."""

    memory: str = ""
    missing: Mapping[str, datetime] = field(default_factory=dict)


def load_seen(root: Path) -> LastSeen:
    """Return what was last seen of the memory in `root`; an empty `LastSeen` if nothing was."""
    return _file(root).load(_parse, LastSeen())


def _file(root: Path) -> StateFile:
    return StateFile("seen.json", seen_folder(root))


def _parse(table: dict[str, Any]) -> LastSeen:
    missing = {str(name): datetime.fromisoformat(since) for name, since in table["missing"].items()}
    return LastSeen(str(table["memory"]), missing)


def seen_text(root: Path, name: str) -> str | None:
    """Return the kept text with this digest; None if it is not kept."""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        data = (seen_folder(root) / f"{name}.md").read_bytes()
        if digest(data) == name:
            return data.decode("utf-8")
    return None


def newest_seen(root: Path) -> Path | None:
    """Return the file with the memory as this machine last saw it; None if there is none."""
    name = load_seen(root).memory
    return seen_folder(root) / f"{name}.md" if seen_text(root, name) else None


def remember_seen(root: Path, memory: str, *, included: tuple[str, ...] = ()) -> None:
    """Keep `memory` as last seen; the version seen before may be missing from it.

    Args:
        root: the memory root.
        memory: the text of the memory.
        included: digests of versions that the memory is known to contain.

    Raises:
        OSError: it is not kept; what was kept before still is.
    """
    data = memory.encode("utf-8")
    name = digest(data)
    with exclusive_lock(lock_path(root, "seen"), "what was last seen"):
        before = load_seen(root)
        now = clock.now()
        missing = {
            d: since for d, since in before.missing.items() if seen_text(root, d) is not None
        }
        if before.memory:
            missing.setdefault(before.memory, now)
        for known in (name, *included):
            missing.pop(known, None)
        _save(root, LastSeen(name, missing), data)


def _save(root: Path, seen: LastSeen, data: bytes) -> None:
    folder = seen_folder(root)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if seen == load_seen(root) and seen_text(root, seen.memory) is not None:
        return
    if seen_text(root, seen.memory) is None:
        (folder / f"{seen.memory}.md").unlink(missing_ok=True)
        create_new(folder / f"{seen.memory}.md", data)
    missing = {name: since.isoformat() for name, since in seen.missing.items()}
    table = {"memory": seen.memory, "missing": missing}
    _file(root).save(table)
    for path in folder.glob("*.md"):
        if path.stem != seen.memory and path.stem not in seen.missing:
            path.unlink(missing_ok=True)
