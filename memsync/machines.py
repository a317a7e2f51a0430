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
from memsync.files import atomic_write, sweep_temps
from memsync.state import machine_name, own_folder
from memsync.targets import TargetState
from memsync.workspace import Workspace

REPORT_NAME = "report.toml"
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


def report(workspace: Workspace, digest: str, states: Sequence[TargetState]) -> None:
    """Write this machine's report where it would say something new.

    Args:
        workspace: where.
        digest: of the memory that the targets were compared with.
        states: of this machine's targets.

    Raises:
        OSError: the report could not be written.
    """
    targets = [
        {"name": s.name, "path": str(s.path), "mode": s.mode, "state": s.state} for s in states
    ]
    moment = clock.now()
    path = own_folder(workspace.machines) / REPORT_NAME
    present = _parse(path.parent.name, _read(path))
    same = (present.version, present.digest, list(present.targets)) == (
        __version__,
        digest,
        targets,
    )
    if same and present.time and timedelta(0) <= moment - present.time < FRESH_FOR:
        return
    table = {
        "version": __version__,
        "time": moment.replace(microsecond=0),
        "memory_digest": digest,
        "targets": targets,
    }
    sweep_temps(path.parent)
    atomic_write(path, tomli_w.dumps(table).encode())


def read_all(workspace: Workspace) -> list[Report]:
    """Return every machine's report, by name; one that cannot be read is empty but named."""
    return [
        _parse(path.parent.name, _read(path))
        for path in sorted(workspace.machines.glob(f"*/{REPORT_NAME}"))
    ]


def this_machine() -> str:
    """Return this machine's name in the sync folder."""
    return machine_name()


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
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
    )
