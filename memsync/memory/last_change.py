"""When, on which machine and by what the memory last changed, as far as that is recorded.

Nothing is guessed. A machine is named only if its report names the present memory and was written
within seconds of the newest backup, as a publish leaves them. An edit in the file itself leaves
neither, so nothing is said about it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from memsync import clock
from memsync.config.state_file import StateFile
from memsync.config.workspace import Workspace
from memsync.memory import machines
from memsync.memory.history import backups

_FILE = StateFile("web_change.json")

PUBLISH_TAKES = timedelta(seconds=15)
"""The longest time from a backup to the report of the same publish; more are two events."""


@dataclass(frozen=True)
class LastChange:
    """How the present memory came to be; what is not known is empty."""

    moment: datetime | None = None
    machine: str = ""
    is_here: bool = False
    by: str = ""


def remember_change(digest: str, by: str) -> None:
    """Remember what made the memory `digest` on this machine; does nothing if it cannot."""
    table = {"digest": digest, "by": by, "time": clock.now().isoformat(timespec="seconds")}
    with contextlib.suppress(OSError):
        _FILE.save(table)


def find_last_change(
    workspace: Workspace, digest: str, cause_of: Callable[[str, datetime], str]
) -> LastChange:
    """Return how the memory `digest` came to be.

    Args:
        workspace: where.
        digest: the digest of the present memory.
        cause_of: given a machine and the moment of a change, returns what changed the memory, or
            an empty text. It is asked if this machine remembers nothing.
    """
    newest = next(iter(backups.list_backups(workspace.backups)), None)
    if newest is None:
        return LastChange()
    here = machines.this_machine()
    moment, by = _remembered(digest)
    if moment is not None and timedelta(0) <= moment - newest.moment <= PUBLISH_TAKES:
        return LastChange(moment, here, True, by)
    machine = _publisher(workspace, digest, newest.moment)
    if machine is None:
        return LastChange()
    cause = cause_of(machine, newest.moment)
    return LastChange(newest.moment, machine, machine == here, cause)


def _publisher(workspace: Workspace, digest: str, changed: datetime) -> str | None:
    """Return the machine that reported this memory first, at the time it was changed."""
    reports = [
        (report.time, report.machine)
        for report in machines.read_reports(workspace)
        if report.digest == digest
        and report.time is not None
        and timedelta(0) <= report.time - changed <= PUBLISH_TAKES
    ]
    return min(reports)[1] if reports else None


def _remembered(digest: str) -> tuple[datetime | None, str]:
    unknown: tuple[datetime | None, str] = (None, "")

    def parse(table: dict[str, Any]) -> tuple[datetime | None, str]:
        moment = datetime.fromisoformat(table["time"])
        is_known = table["digest"] == digest and moment.tzinfo is not None
        return (moment, str(table["by"])) if is_known else unknown

    return _FILE.load(parse, unknown)
