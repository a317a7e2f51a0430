"""``machines``: whether every machine is up to date."""

from __future__ import annotations

from datetime import datetime

import click

from memsync.cli.output import json_option, open_workspace, print_json
from memsync.cli.terminal import echo
from memsync.config.workspace import Workspace
from memsync.errors import refused
from memsync.memory import fleet, store
from memsync.memory import machines as reports
from memsync.memory.fleet import Machine


@click.command()
@click.option("--forget", metavar="NAME", help="Forget a machine you no longer use.")
@json_option
def machines(*, forget: str | None, as_json: bool) -> None:
    """Show whether every machine is up to date.

    Compares each machine's last report with the present memory.
    """
    workspace = open_workspace()
    if forget is not None:
        _forget(workspace, forget)
    store.read(workspace)  # a memory that cannot be read is an error here, not a state
    found = fleet.gather(workspace)
    if as_json:
        print_json({"machines": [fleet.machine_table(machine) for machine in found]})
        return
    for machine in found:
        mark = " (this one)" if machine.is_here else ""
        words = f"{machine.name}{mark}: {_standing(machine)}, memsync {machine.version or '?'}"
        echo(words)
        for target in machine.targets:
            since = f" since {_time(target.since)}" if target.since else ""
            echo(f"  {target.name}: {target.state}{since}  {target.path}")
    if any(machine.is_ahead for machine in found):
        echo(
            "Correct the clock there or here, then run any memsync command there: it reports again."
        )


def _forget(workspace: Workspace, name: str) -> None:
    hint = f"free some space, or check {workspace.machines}"
    with refused(f"{name} cannot be forgotten", hint):
        reports.forget_machine(workspace, name)


def _standing(machine: Machine) -> str:
    """Return a machine's standing in words."""
    reported = f", reported {_time(machine.time)}" if machine.time else ""
    if machine.standing == "unknown":
        since = f" since {_time(machine.since)}" if machine.since else ""
        if machine.is_ahead:
            return f"unknown: its report is dated {_time(machine.time)}, ahead of the clock here"
        return f"unknown{since}" if since else "unknown: its report cannot be read"
    if machine.standing == "waiting":
        return f"not known yet: the memory changed {_time(machine.since)}{reported}"
    if machine.standing == "behind":
        return f"out of date: it lacks the memory of {_time(machine.since)}{reported}"
    words = "up to date" if machine.standing == "in-sync" else "an agent's file is out of date"
    return words if machine.is_here else f"{words}{reported}"


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds") if moment else None
