"""How commands tell of changes: diffs, and what became of each target."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

import click

from memsync.memory.publish import Published, require_told
from memsync.targets import Limit, Size, Target, TargetState, remarks, size


def unified(before: str, after: str, before_name: str, after_name: str) -> str:
    """Return a unified diff; empty where nothing changed."""
    lines = difflib.unified_diff(
        before.split("\n"), after.split("\n"), before_name, after_name, lineterm=""
    )
    return "".join(f"{line}\n" for line in lines)


def print_published(published: Published, done: str) -> None:
    """Print what was done, what became of each target, and the backup that was made.

    Raises:
        MemsyncError: the disk refused a target.
    """
    click.echo(done)
    print_states(published.targets)
    if published.backup:
        click.echo(f"Backup: {published.backup.name}")
    require_told(published.targets)


NO_AGENT = "No agent here has the memory. memsync targets add NAME gives it to one."


def print_states(states: Sequence[TargetState]) -> None:
    """Print a line for each target, and what a person has to know about it."""
    if not states:
        click.echo(NO_AGENT)
    for state in states:
        click.echo(f"  {state.name}: {state.state}  {state.path}")
        if state.advice:
            click.echo(f"    {state.advice}")
        if state.kept:
            click.echo(f"    what was changed there by hand is kept in {state.kept}")


def print_targets(states: Sequence[TargetState], lead: str = "  ") -> None:
    """Print each target's state, how full it is, and all there is to know of it."""
    others = [_target(state) for state in states]
    for state, target in zip(states, others, strict=True):
        full = size(target)
        amount = f"{full.words}{'' if full.limit.cuts else ' advised'}" if full else ""
        click.echo(f"{lead}{state.name}: {state.state}  {state.path}")
        for words in [amount, state.advice, *(found.words for found in remarks(target, others))]:
            if words:
                click.echo(f"{' ' * len(lead)}  {words}")


def state_table(states: Sequence[TargetState]) -> list[dict[str, Any]]:
    """Return the states as ``--json`` gives them."""
    others = [_target(state) for state in states]
    return [
        {
            "name": state.name,
            "path": str(state.path),
            "mode": state.mode,
            "state": state.state,
            "advice": state.advice,
            "size": _size_table(size(target)),
            "remarks": [found.words for found in remarks(target, others)],
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
    """Return a limit as ``--json`` gives it."""
    return {"most": limit.most, "unit": limit.unit, "cuts": limit.cuts, "source": limit.source}
