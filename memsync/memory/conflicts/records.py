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
from memsync.config.machine_log import MachineLog
from memsync.config.state import machine_name
from memsync.config.sync_folder import folder_at, own_folder
from memsync.config.workspace import Workspace
from memsync.files.opener import RootFolder
from memsync.memory.conflicts.merge import Conflict, name_of_text
from memsync.text.diff3 import Resolution

FOLDER_NAME = "conflicts"
DECISIONS = MachineLog("settled.log")


def record_conflicts(workspace: Workspace, found: Iterable[Conflict]) -> None:
    """Write down the conflicts this machine found and nobody knows of yet.

    Raises:
        OSError: not all are written.
    """
    files = folder_at(workspace.root)
    known = {path.stem for path in _files(workspace)}
    folder = own_folder(workspace.machines) / FOLDER_NAME
    for conflict in found:
        if conflict.id not in known:
            files.make_folder(folder)
            moment = clock.now().isoformat(timespec="seconds")
            table = {**asdict(conflict), "time": moment, "machine": machine_name()}
            data = json.dumps(table, indent=1, ensure_ascii=False).encode("utf-8", "replace")
            files.replace(folder / f"{conflict.id}.json", data)


def unresolved(workspace: Workspace) -> list[Conflict]:
    """Return the conflicts that nobody has decided yet, of all machines, oldest first."""
    decided, files = resolutions(workspace), folder_at(workspace.root)
    found: dict[str, Conflict] = {}
    for path in _files(workspace):
        conflict = _read(files, path)
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
    DECISIONS.append(workspace, f"{moment} {conflict.id} {pick}")


def resolutions(workspace: Workspace) -> dict[str, str]:
    """Return for each decided conflict which text was picked: its name, or ``both``."""
    found: dict[str, str] = {}
    for _, line in sorted(DECISIONS.lines(workspace)):
        parts = line.split(" ")
        if len(parts) == 3:
            found[parts[1]] = parts[2]
    return found


def _files(workspace: Workspace) -> list[Path]:
    return folder_at(workspace.root).below_all(workspace.machines, FOLDER_NAME, "*.json")


def _read(files: RootFolder, path: Path) -> Conflict | None:
    try:
        table = json.loads(files.read(path).decode("utf-8"))
        sides = [tuple(str(line) for line in table[name]) for name in ("base", "ours", "theirs")]
        words = {name: str(table[name]) for name in ("source", "section", "time", "machine")}
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return Conflict(sides[0], sides[1], sides[2], **words)
