"""``machines``: every machine that has the memory, and how it stands."""

from __future__ import annotations

from datetime import datetime

import click

from memsync.cli.output import json_option, open_workspace, print_json
from memsync.cli.terminal import for_terminal
from memsync.config.workspace import Workspace
from memsync.errors import MemsyncError
from memsync.memory import fleet, store
from memsync.memory import machines as reports
from memsync.memory.fleet import Machine


@click.command()
@click.option("--forget", metavar="NAME", help="Leave out a machine that is no more.")
@json_option
def machines(*, forget: str | None, as_json: bool) -> None:
    """Show how every machine stands: what it last said, judged against the memory of now."""
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
        click.echo(for_terminal(words))
        for target in machine.targets:
            since = f" since {_time(target.since)}" if target.since else ""
            click.echo(for_terminal(f"  {target.name}: {target.state}{since}  {target.path}"))
    if any(machine.is_ahead for machine in found):
        click.echo(
            "Set the clock that is wrong, there or here; any memsync command there reports anew."
        )


def _forget(workspace: Workspace, name: str) -> None:
    try:
        reports.forget_machine(workspace, name)
    except OSError as error:
        raise MemsyncError(
            f"it cannot be noted: {error.strerror or error}",
            hint=f"free some space or check {workspace.machines}",
        ) from error


def _standing(machine: Machine) -> str:
    """Return how a machine stands, in words."""
    reported = f", reported {_time(machine.time)}" if machine.time else ""
    if machine.standing == "unknown":
        since = f" since {_time(machine.since)}" if machine.since else ""
        if machine.is_ahead:
            return f"unknown: its report is dated {_time(machine.time)}, ahead of the clock here"
        return f"unknown{since}" if since else "unknown: its report cannot be read"
    if machine.standing == "waiting":
        return f"not known yet: the memory changed {_time(machine.since)}{reported}"
    if machine.standing == "behind":
        return f"has another memory than that of {_time(machine.since)}{reported}"
    words = "in sync" if machine.standing == "in-sync" else "an agent lacks the memory"
    return words if machine.is_here else f"{words}{reported}"


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds") if moment else None
