"""What last changed the memory, in words for the page: asked of `last_change`, usage and jobs."""

from __future__ import annotations

import contextlib
from datetime import datetime, timedelta

from memsync.config.workspace import Workspace
from memsync.daemon import job_history
from memsync.memory import machines
from memsync.memory.last_change import LastChange, find_last_change
from memsync.refresh import usage

MERGE_TAKES = timedelta(seconds=60)
"""From the model's answer to the backup, at most."""

COMMANDS = {"nightly_refresh": "the nightly refresh", "refresh": "a refresh"}


def find_origin(workspace: Workspace, digest: str) -> LastChange:
    """Return where the memory with this digest comes from."""

    def cause_of(machine: str, changed: datetime) -> str:
        by = _by_usage(workspace, machine, changed)
        return by or (_by_history(changed) if machine == machines.this_machine() else "")

    return find_last_change(workspace, digest, cause_of)


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
    for run in reversed(job_history.read_runs()):
        start = job_history.start_of(run)
        end = start + timedelta(seconds=run.duration + 1)
        if run.job == "nightly_refresh" and run.outcome == "ok" and start <= changed <= end:
            return COMMANDS[run.job] if " merged: " in run.message else ""
    return ""
