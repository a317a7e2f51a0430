"""What this machine last saw as the memory, and texts it had that the memory may lack since.

Kept in the local state, with their texts: a sync client may put another machine's file over ours
and keep no copy. Whoever finds the memory changed compares it with what is kept here.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from memsync import clock
from memsync.config.state import lock_path, seen_folder
from memsync.files.atomic import atomic_write, create_new
from memsync.files.locks import exclusive_lock
from memsync.text.digest import digest


@dataclass(frozen=True)
class LastSeen:
    """The digest of the memory as last seen, empty if never; of texts it may lack, since when."""

    memory: str = ""
    missing: Mapping[str, datetime] = field(default_factory=dict)


def load_seen(root: Path) -> LastSeen:
    """Return what was last seen of the memory in `root`; nothing where that is not known."""
    try:
        table = json.loads((seen_folder(root) / "seen.json").read_text(encoding="utf-8"))
        missing = {
            str(name): datetime.fromisoformat(since) for name, since in table["missing"].items()
        }
        return LastSeen(str(table["memory"]), missing)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return LastSeen()


def seen_text(root: Path, name: str) -> str | None:
    """Return the kept text with this digest, or None."""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        data = (seen_folder(root) / f"{name}.md").read_bytes()
        if digest(data) == name:
            return data.decode("utf-8")
    return None


def newest_seen(root: Path) -> Path | None:
    """Return the file that holds the memory as this machine last saw it; None where none does."""
    name = load_seen(root).memory
    return seen_folder(root) / f"{name}.md" if seen_text(root, name) else None


def remember_seen(root: Path, memory: str, *, included: tuple[str, ...] = ()) -> None:
    """Keep `memory` as what was last seen; what was seen before may be missing in it now.

    Args:
        root: the memory root.
        memory: the text of the memory.
        included: digests of texts that are known to be in it, so not missing.

    Raises:
        OSError: what was kept before is still kept.
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
    atomic_write(folder / "seen.json", json.dumps(table).encode())
    for path in folder.glob("*.md"):
        if path.stem != seen.memory and path.stem not in seen.missing:
            path.unlink(missing_ok=True)
