"""``conflicts``: merge what two machines wrote at once; let a person decide the rest."""

from __future__ import annotations

import shlex
from typing import Any

import click

from memsync.cli.output import json_option, open_workspace, print_json, print_published
from memsync.cli.terminal import echo
from memsync.config.workspace import Workspace
from memsync.errors import MemsyncError, WrongUsageError
from memsync.memory.conflicts import records as keeper
from memsync.memory.conflicts.merge import Conflict
from memsync.memory.conflicts.reconcile import Reconciled, count_in_words, reconcile
from memsync.memory.conflicts.resolve import resolve_conflict
from memsync.text.diff3 import Resolution


@click.group(invoke_without_command=True)
@json_option
@click.pass_context
def conflicts(ctx: click.Context, *, as_json: bool) -> None:
    """Merge conflict copies, and list the conflicts left for you to decide.

    If two machines changed the same line, the memory keeps both versions until you decide.
    """
    if ctx.invoked_subcommand is not None:
        return
    workspace = open_workspace()
    outcome = reconcile(workspace)
    open_ones = keeper.unresolved(workspace)
    if as_json:
        print_json(_table(outcome, open_ones))
        return
    _tell(outcome)
    for path in outcome.doubtful:
        words = f"{path.name} may be a conflict copy or a file of yours; it was left alone."
        echo(f"{words} memsync conflicts take {shlex.quote(path.name)}")
    for left in outcome.left:
        echo(f"{left.path.name} cannot be read ({left.why}); it was left alone.")
    for conflict in open_ones:
        echo(f"{conflict.id}  {_where(conflict)}")
        echo(f"          {_first(conflict.ours)} | {_first(conflict.theirs)}")
    if open_ones:
        echo("Decide: memsync conflicts show ID, then memsync conflicts decide ID --ours, …")
    elif outcome.doubtful or outcome.left:
        echo("Nothing to decide. Please look at the files that were left alone.")
    else:
        echo("No conflicts.")


@conflicts.command()
@click.argument("name", metavar="FILE")
def take(name: str) -> None:
    """Merge FILE, which was left alone because it may be your own.

    Give the name as `memsync conflicts` prints it. What only this file contains is merged into the
    memory or into that day's log. The file is moved to backups/copies.
    """
    outcome = reconcile(open_workspace(), taken=name)
    _tell(outcome)
    if not outcome.sentence:
        echo(f"{name} contains nothing new; it is now in backups/copies.")
    if outcome.conflicts:
        echo("There is something to decide: memsync conflicts")


def _tell(outcome: Reconciled) -> None:
    if outcome.sentence:
        echo(f"{outcome.sentence[0].upper()}{outcome.sentence[1:]}.")


@conflicts.command()
@click.argument("name", metavar="ID")
@json_option
def show(name: str, *, as_json: bool) -> None:
    """Show the text before, and both versions."""
    conflict = _find(open_workspace(), name)
    if as_json:
        print_json(_row(conflict))
        return
    echo(_where(conflict))
    for title, lines in (
        ("Before", conflict.base),
        ("Ours, in the memory", conflict.ours),
        (f"Theirs, from {conflict.source}", conflict.theirs),
    ):
        echo(f"{title}:")
        for line in lines or ("(nothing)",):
            echo(f"    {line.rstrip()}")


@conflicts.command("decide")
@click.argument("name", metavar="ID")
@click.option("--ours", "choice", flag_value="ours", help="Keep ours, remove theirs.")
@click.option("--theirs", "choice", flag_value="theirs", help="Keep theirs, remove ours.")
@click.option("--both", "choice", flag_value="both", help="Keep both, as they are.")
def decide_one(name: str, *, choice: str | None) -> None:
    """Decide a conflict. Updates the memory and every agent."""
    if choice is None:
        raise WrongUsageError(
            "nothing was decided",
            hint=f"memsync conflicts decide {name} --ours, --theirs or --both",
        )
    workspace = open_workspace()
    published = resolve_conflict(workspace, _find(workspace, name), Resolution(choice))
    if published is None:
        echo("Decided. The memory stays as it is.")
    else:
        print_published(published, "Decided.")
    left = len(keeper.unresolved(workspace))
    if left:
        echo(f"{count_in_words(left, 'conflict')} left.")


def _find(workspace: Workspace, name: str) -> Conflict:
    """Return the open conflict with this id, or whose id begins with it.

    Raises:
        WrongUsageError: the id is empty, or several ids begin with it.
        MemsyncError: there is none.
    """
    hint = "memsync conflicts lists them"
    if not name.strip():
        raise WrongUsageError("an id is needed", hint=hint)
    found = [d for d in keeper.unresolved(workspace) if d.id.startswith(name)]
    if len(found) > 1:
        words = f"the ids of {len(found)} open conflicts begin with {name!r}"
        raise WrongUsageError(words, hint=f"give more of it: {', '.join(d.id for d in found[:5])}")
    if not found:
        raise MemsyncError(f"there is no open conflict {name!r}", hint=hint)
    return found[0]


def _where(conflict: Conflict) -> str:
    section = f" under {conflict.section}" if conflict.section else ""
    return f"{conflict.source}{section}, found {conflict.time[:16].replace('T', ' ')}"


def _first(lines: tuple[str, ...]) -> str:
    text = next((line.strip() for line in lines if line.strip()), "(removed)")
    return text if len(text) <= 40 else f"{text[:39]}…"


def _table(outcome: Reconciled, open_ones: list[Conflict]) -> dict[str, Any]:
    return {
        "conflicts": [_row(conflict) for conflict in open_ones],
        "brought_in": list(outcome.sources),
        "notes": outcome.notes,
        "doubtful": [str(path) for path in outcome.doubtful],
        "left": [{"path": str(left.path), "why": left.why} for left in outcome.left],
    }


def _row(conflict: Conflict) -> dict[str, Any]:
    return {
        "id": conflict.id,
        "time": conflict.time,
        "machine": conflict.machine,
        "source": conflict.source,
        "section": conflict.section,
        "base": "".join(conflict.base),
        "ours": "".join(conflict.ours),
        "theirs": "".join(conflict.theirs),
    }
