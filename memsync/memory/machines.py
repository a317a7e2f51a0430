"""This machine's report in the sync folder, and everybody's: who has which memory where."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import tomli_w

from memsync import __version__, clock
from memsync.config.machine_log import MachineLog
from memsync.config.state import machine_name
from memsync.config.sync_folder import folder_at, own_folder
from memsync.config.workspace import Workspace
from memsync.errors import WrongUsageError
from memsync.files.opener import RootFolder
from memsync.targets import TargetState

REPORT_NAME = "report.toml"
FORGOTTEN = MachineLog("forgotten.log")
FORMAT = 2
"""The number of the format of notes: since 2 an entry says by its mark whose word it is."""
FRESH_FOR = timedelta(hours=12)
"""A report that says the same is written again only after this long: each write is synced."""


@dataclass(frozen=True)
class Report:
    """What a machine says of itself."""

    machine: str
    version: str
    time: datetime | None
    digest: str
    targets: tuple[dict[str, str], ...]
    format: int = 1


def write_report(workspace: Workspace, digest: str, states: Sequence[TargetState]) -> None:
    """Write this machine's report where it would say something new.

    Args:
        workspace: where.
        digest: of the memory that the targets were compared with.
        states: of this machine's targets.

    Raises:
        OSError: the report could not be written.
    """
    moment = clock.now()
    path = own_folder(workspace.machines) / REPORT_NAME
    files = folder_at(workspace.root)
    present = _parse(path.parent.name, _read(files, path))
    targets = state_tables(states, present, moment)
    said = (present.version, present.digest, present.targets, present.format)
    same = said == (__version__, digest, targets, FORMAT)
    if same and present.time and timedelta(0) <= moment - present.time < FRESH_FOR:
        return
    table = {
        "version": __version__,
        "format": FORMAT,
        "time": moment.replace(microsecond=0),
        "memory_digest": digest,
        "targets": list(targets),
    }
    files.sweep(path)
    files.replace(path, tomli_w.dumps(table).encode())


def state_tables(
    states: Sequence[TargetState], present: Report, moment: datetime
) -> tuple[dict[str, str], ...]:
    """Return the states as a report has them, each since when by the report that is `present`."""
    before = {
        (t.get("name"), t.get("path"), t.get("state")): t["since"]
        for t in present.targets
        if in_state_since(t) is not None
    }
    now = moment.isoformat(timespec="seconds")
    return tuple(
        {
            "name": s.name,
            "path": str(s.path),
            "mode": s.mode,
            "state": s.state,
            "since": before.get((s.name, str(s.path), s.state), now),
        }
        for s in states
    )


def in_state_since(target: dict[str, str]) -> datetime | None:
    """Return since when a reported target is in its state; None where the report does not tell."""
    try:
        moment = datetime.fromisoformat(target.get("since", ""))
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def read_reports(workspace: Workspace) -> list[Report]:
    """Return every machine's report, by name; one that cannot be read is empty but named."""
    files = folder_at(workspace.root)
    return [
        _parse(path.parent.name, _read(files, path))
        for path in files.below(workspace.machines, REPORT_NAME)
    ]


def forget_machine(workspace: Workspace, name: str) -> None:
    """Note in this machine's own folder that a machine is no more; a new report brings it back.

    Its notes, its ledger and what it spent still count.

    Raises:
        WrongUsageError: there is no such machine, or it is this one.
        OSError: it cannot be noted.
    """
    reported = {report.machine: report.time for report in read_reports(workspace)}
    if name not in reported:
        raise WrongUsageError(f"no machine {name!r} has reported", hint="memsync machines")
    if name == this_machine():
        raise WrongUsageError("this machine cannot forget itself", hint="memsync machines")
    # A report from a clock that was ahead is forgotten, too.
    last = max(filter(None, (clock.now(), reported[name])))
    moment = last.isoformat(timespec="seconds")
    FORGOTTEN.append(workspace, f"{moment} {name}")


def forgotten_machines(workspace: Workspace) -> dict[str, list[datetime]]:
    """Return which machines were forgotten on any machine, each with the moments of that.

    Where its report was of a clock that was ahead, the moment is that report's.
    """
    found: dict[str, list[datetime]] = {}
    for _, line in FORGOTTEN.lines(workspace):
        moment, name = line.partition(" ")[::2]
        when = in_state_since({"since": moment})
        if when is not None:
            found.setdefault(name, []).append(when)
    return found


def this_machine() -> str:
    """Return this machine's name in the sync folder."""
    return machine_name()


def _read(files: RootFolder, path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(files.read(path).decode("utf-8"))
    except (OSError, ValueError):
        return {}


def _parse(machine: str, table: dict[str, Any]) -> Report:
    moment = table.get("time")
    listed = table.get("targets")
    targets = [t for t in listed if isinstance(t, dict)] if isinstance(listed, list) else []
    return Report(
        machine,
        str(table.get("version", "")),
        moment if isinstance(moment, datetime) and moment.tzinfo else None,
        str(table.get("memory_digest", "")),
        tuple({str(key): str(value) for key, value in target.items()} for target in targets),
        known if isinstance(known := table.get("format"), int) else 1,
    )
