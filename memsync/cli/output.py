"""What the commands share: printing, and opening the workspace."""

from __future__ import annotations

import contextlib
import difflib
import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from memsync import config as settings
from memsync.cli.terminal import echo
from memsync.config import Config
from memsync.config.workspace import Workspace
from memsync.errors import MemsyncError
from memsync.memory.publish import Published, report_targets, require_written
from memsync.notes import delivery
from memsync.targets import Limit, Size, Target, TargetState, remarks_on, size_of
from memsync.text.sanitizing import split_unseen

_Command = TypeVar("_Command", bound=Callable[..., Any])

NO_AGENT = "No agent here gets the memory yet. To add one: memsync targets add NAME"


def json_option(command: _Command) -> _Command:
    """Give a command ``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def print_json(value: object) -> None:
    """Print a value as JSON; dates and paths become text, and what no one sees becomes escapes."""
    text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    pieces = split_unseen(text)
    echo("".join(seen + json.dumps(unseen)[1:-1] for seen, unseen in pieces))


def open_workspace(config: Config | None = None) -> Workspace:
    """Return this machine's workspace; raise as `config.load` and `Workspace.open` do.

    Notes kept on this machine are written to their log first. When the command ends, this machine's
    report is updated if it is old or no longer true.
    """
    workspace = Workspace.open(config or settings.load())
    context = click.get_current_context(silent=True)
    if context is not None:
        context.call_on_close(lambda: _keep_fresh(workspace))
    with contextlib.suppress(MemsyncError, OSError):  # the notes stay; the command goes on
        delivery.deliver(workspace, timeout=0)  # rclone may carry for minutes
    return workspace


def _keep_fresh(workspace: Workspace) -> None:
    """Update the report, also on a machine without a daemon; never fail the command."""
    with contextlib.suppress(MemsyncError, OSError):
        report_targets(workspace, timeout=0)


def unified_diff(before: str, after: str, before_name: str, after_name: str) -> str:
    """Return a unified diff; empty if nothing changed."""
    lines = difflib.unified_diff(
        before.split("\n"), after.split("\n"), before_name, after_name, lineterm=""
    )
    return "".join(f"{line}\n" for line in lines)


def print_published(published: Published, done: str) -> None:
    """Print what was done, each target's state, and the backup that was made.

    Raises:
        MemsyncError: the disk refused a target.
    """
    echo(done)
    print_states(published.targets)
    if published.backup:
        echo(f"Backup: {published.backup.name}")
    require_written(published.targets)


def print_states(states: Sequence[TargetState]) -> None:
    """Print a line for each target, with advice and where an edited text is kept."""
    if not states:
        echo(NO_AGENT)
    for state in states:
        echo(f"  {state.name}: {state.state}  {state.path}")
        if state.advice:
            echo(f"    {state.advice}")
        if state.kept:
            echo(f"    the text edited by hand is kept in {state.kept}")


def print_targets(states: Sequence[TargetState], lead: str = "  ") -> None:
    """Print each target's state, size, advice and remarks."""
    others = [_target(state) for state in states]
    for state, target in zip(states, others, strict=True):
        full = size_of(target)
        amount = f"{full.words}{'' if full.limit.cuts else ' recommended'}" if full else ""
        echo(f"{lead}{state.name}: {state.state}  {state.path}")
        for words in [amount, state.advice, *(found.words for found in remarks_on(target, others))]:
            if words:
                echo(f"{' ' * len(lead)}  {words}")


def state_table(states: Sequence[TargetState]) -> list[dict[str, Any]]:
    """Return the states as ``--json`` prints them."""
    others = [_target(state) for state in states]
    return [
        {
            "name": state.name,
            "path": str(state.path),
            "mode": state.mode,
            "state": state.state,
            "advice": state.advice,
            "size": _size_table(size_of(target)),
            "remarks": [found.words for found in remarks_on(target, others)],
        }
        for state, target in zip(states, others, strict=True)
    ]


def _target(state: TargetState) -> Target:
    return Target(state.name, state.path, state.mode)


def _size_table(found: Size | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {"used": found.used, "level": found.level, **limit_table(found.limit)}


def limit_table(limit: Limit) -> dict[str, Any]:
    """Return a limit as ``--json`` prints it."""
    return {"most": limit.most, "unit": limit.unit, "cuts": limit.cuts, "source": limit.source}
