"""The keeper of conflicts: lines that two machines changed, each in its own way.

The memory holds both until a person decides. A conflict is a file in the folder of the machine that
found it, under a name made of its texts, so that two machines which find the same one find one;
a decision is a line in the folder of the machine where it was made.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from memsync import clock
from memsync.config.state import machine_name, own_folder
from memsync.config.workspace import Workspace
from memsync.files.append import append_line
from memsync.files.atomic import atomic_write
from memsync.files.folders import make_subfolder
from memsync.memory.conflicts.merge import Conflict, name_of_text
from memsync.text.diff3 import Resolution

FOLDER_NAME = "conflicts"
DECISIONS_NAME = "settled.log"


def record_conflicts(workspace: Workspace, found: Iterable[Conflict]) -> None:
    """Write down the conflicts this machine found and nobody knows of yet.

    Raises:
        OSError: not all are written.
    """
    known = {path.stem for path in _files(workspace)}
    folder = own_folder(workspace.machines) / FOLDER_NAME
    for conflict in found:
        if conflict.id not in known:
            make_subfolder(workspace.root, workspace.machines.name, machine_name(), FOLDER_NAME)
            moment = clock.now().isoformat(timespec="seconds")
            table = {**asdict(conflict), "time": moment, "machine": machine_name()}
            data = json.dumps(table, indent=1, ensure_ascii=False).encode("utf-8", "replace")
            atomic_write(folder / f"{conflict.id}.json", data)


def unresolved(workspace: Workspace) -> list[Conflict]:
    """Return the conflicts that nobody has decided yet, of all machines, oldest first."""
    decided = resolutions(workspace)
    found: dict[str, Conflict] = {}
    for path in _files(workspace):
        conflict = _read(path)
        if conflict is not None and conflict.id not in decided:
            found.setdefault(conflict.id, conflict)
    return sorted(found.values(), key=lambda one: (one.time, one.id))


def record_resolution(workspace: Workspace, conflict: Conflict, choice: Resolution) -> None:
    """Write down what a person decided; the memory is the caller's to change, before this.

    Raises:
        OSError: nothing was written.
    """
    moment = clock.now().isoformat(timespec="seconds")
    pick = choice.value if choice is Resolution.BOTH else name_of_text(conflict.text(choice))
    append_line(own_folder(workspace.machines) / DECISIONS_NAME, f"{moment} {conflict.id} {pick}")


def resolutions(workspace: Workspace) -> dict[str, str]:
    """Return for each decided conflict which text was picked: its name, or ``both``."""
    found: dict[str, str] = {}
    for path in sorted(workspace.machines.glob(f"*/{DECISIONS_NAME}")):
        try:
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            continue
        for line in sorted(lines):
            parts = line.split(" ")
            if len(parts) == 3:
                found[parts[1]] = parts[2]
    return found


def _files(workspace: Workspace) -> list[Path]:
    return sorted(workspace.machines.glob(f"*/{FOLDER_NAME}/*.json"))


def _read(path: Path) -> Conflict | None:
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
        sides = [tuple(str(line) for line in table[name]) for name in ("base", "ours", "theirs")]
        words = {name: str(table[name]) for name in ("source", "section", "time", "machine")}
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return Conflict(sides[0], sides[1], sides[2], **words)
