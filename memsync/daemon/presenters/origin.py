"""When, by what and on which machine the memory last changed, as far as it can be told.

Nothing here is guessed. A machine is named only where its report names the present memory and
was written within seconds of the newest backup, which is what a publish leaves behind; a cause,
only where something recorded it. A hand edit leaves neither, so of it only the time is told.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from memsync import clock
from memsync.config.state import state_folder
from memsync.config.workspace import Workspace
from memsync.daemon.jobs import history
from memsync.files.atomic import atomic_write
from memsync.memory import machines
from memsync.memory.history import backups
from memsync.refresh import usage

PUBLISH_TAKES = timedelta(seconds=15)
"""From the backup to the report, at most; what lies further apart are two events."""

MERGE_TAKES = timedelta(seconds=60)
"""From the model's answer to the backup, at most."""

COMMANDS = {"nightly_refresh": "the nightly refresh", "refresh": "a refresh"}


@dataclass(frozen=True)
class LastChange:
    """Where the present memory comes from; empty where that is not known."""

    moment: datetime | None = None
    machine: str = ""
    is_here: bool = False
    by: str = ""


def remember_change(digest: str, by: str) -> None:
    """Note what this machine's page made of the memory, for `find`; failing at it harms nothing."""
    table = {"digest": digest, "by": by, "time": clock.now().isoformat(timespec="seconds")}
    with contextlib.suppress(OSError):
        atomic_write(state_folder() / "web_change.json", json.dumps(table).encode())


def find_origin(workspace: Workspace, digest: str) -> LastChange:
    """Return where the memory with this digest comes from."""
    kept = next(iter(backups.list_backups(workspace.backups)), None)
    if kept is None:
        return LastChange()
    here = machines.this_machine()
    own = _remembered(digest)
    if own is not None and timedelta(0) <= own[0] - kept.moment <= PUBLISH_TAKES:
        return LastChange(own[0], here, True, own[1])
    found = _publisher(workspace, digest, kept.moment)
    if found is None:
        return LastChange()
    by = _by_usage(workspace, found, kept.moment)
    if not by and found == here:
        by = _by_history(kept.moment)
    return LastChange(kept.moment, found, found == here, by)


def _publisher(workspace: Workspace, digest: str, changed: datetime) -> str | None:
    """Return the machine that reported this memory first, and at the time it was changed."""
    reports = [
        (report.time, report.machine)
        for report in machines.read_reports(workspace)
        if report.digest == digest
        and report.time is not None
        and timedelta(0) <= report.time - changed <= PUBLISH_TAKES
    ]
    return min(reports)[1] if reports else None


def _remembered(digest: str) -> tuple[datetime, str] | None:
    try:
        table = json.loads((state_folder() / "web_change.json").read_text("utf-8"))
        moment = datetime.fromisoformat(table["time"])
        return (moment, str(table["by"])) if table["digest"] == digest and moment.tzinfo else None
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _by_usage(workspace: Workspace, machine: str, changed: datetime) -> str:
    """Return the command whose call of the model changed the memory then."""
    try:
        calls = usage.read_calls(workspace).get(machine, [])
    except OSError:
        return ""
    for call in reversed(calls):
        with contextlib.suppress(ValueError, TypeError):
            since = changed - datetime.fromisoformat(call.time)
            if call.changed and timedelta(0) <= since <= MERGE_TAKES:
                return COMMANDS.get(call.command, "")
    return ""


def _by_history(changed: datetime) -> str:
    """Return the job of this machine that ran at that moment and says that it merged notes."""
    for run in reversed(history.read_runs()):
        start = history.start_of(run)
        end = start + timedelta(seconds=run.duration + 1)
        if run.job == "nightly_refresh" and run.outcome == "ok" and start <= changed <= end:
            return COMMANDS[run.job] if " merged: " in run.message else ""
    return ""
