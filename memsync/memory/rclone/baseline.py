"""The baseline of carrying: how both sides were after the last run; ``rclone.json`` in the state.

A file that differs from it was changed on that side since.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memsync.config.state_file import StateFile
from memsync.config.sync_folder import folder_at
from memsync.config.workspace import MEMORY_NAME, Workspace
from memsync.files.atomic import TEMP_SUFFIX
from memsync.memory.rclone import client
from memsync.memory.rclone.client import Listing

_FILE = StateFile("rclone.json")


@dataclass(frozen=True)
class Baseline:
    """Both sides after the last run, and the digest of the memory that both had."""

    here: Listing
    there: Listing
    memory: str


def read_baseline(remote: str) -> Baseline | None:
    """Return how both sides were after the last run; None if there was none."""

    def parse(table: dict[str, Any]) -> Baseline | None:
        if table["remote"] != remote:
            return None
        here, there = (
            {path: (int(size), str(time)) for path, (size, time) in table[side].items()}
            for side in ("here", "there")
        )
        return Baseline(here, there, str(table["memory"]))

    return _FILE.load(parse, None)


def write_baseline(workspace: Workspace, remote: str, there: Listing, memory: str) -> None:
    """Write down how both sides are now, and `memory`, the digest that both have of it.

    The remote's memory is noted as it is in `there`, the listing from before, so that the next run
    sees if it is gone.

    Raises:
        OSError: it cannot be written.
    """
    after = client.list_files(remote)
    if after is not None:
        had = {name: there[name] for name in (MEMORY_NAME,) if name in there}
        sides = {"here": list_here(workspace.root), "there": {**had, **after}}
        _FILE.save({"remote": remote, "memory": memory, **sides})


def list_here(root: Path) -> dict[str, tuple[int, str]]:
    """Return size and time of each file here, by path, as `Baseline.here` has them."""
    files, found = folder_at(root), {}
    for path in files.all_files():
        if path.suffix != TEMP_SUFFIX:
            info = files.look(path)
            found[path.relative_to(root).as_posix()] = (info.st_size, str(info.st_mtime_ns))
    return found
