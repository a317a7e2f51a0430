"""``conflicts``: what two machines wrote at once, and what of it a person has to decide."""

from __future__ import annotations

import shlex
from typing import Any

import click

from memsync.cli.output import json_option, open_workspace, print_json, print_published
from memsync.cli.terminal import for_terminal
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
    """Bring in conflict copies, and list what waits for you to decide.

    Where two machines changed the same line, the memory has both until you decide.
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
        words = f"{path.name} may be a conflict copy or your own; it was left."
        click.echo(for_terminal(f"{words} memsync conflicts take {shlex.quote(path.name)}"))
    for left in outcome.left:
        click.echo(for_terminal(f"{left.path.name} cannot be read ({left.why}); it was left."))
    for dispute in open_ones:
        click.echo(for_terminal(f"{dispute.id}  {_where(dispute)}"))
        click.echo(for_terminal(f"          {_first(dispute.ours)} | {_first(dispute.theirs)}"))
    if open_ones:
        click.echo("memsync conflicts show ID, then memsync conflicts decide ID --ours, …")
    elif outcome.doubtful or outcome.left:
        click.echo("Nothing to decide; what was left is yours to look at.")
    else:
        click.echo("No conflicts.")


@conflicts.command()
@click.argument("name", metavar="FILE")
def take(name: str) -> None:
    """Bring in FILE, which was left because it may be your own.

    By its name alone, as `memsync conflicts` has it. What only it has comes into the memory, or
    into its day's log; the file is kept in backups/copies.
    """
    outcome = reconcile(open_workspace(), taken=name)
    _tell(outcome)
    if not outcome.sentence:
        click.echo(for_terminal(f"{name} has nothing that was not there; it is in backups/copies."))
    if outcome.disputes:
        click.echo("memsync conflicts lists what is to decide.")


def _tell(outcome: Reconciled) -> None:
    if outcome.sentence:
        click.echo(for_terminal(f"{outcome.sentence[0].upper()}{outcome.sentence[1:]}."))


@conflicts.command()
@click.argument("name", metavar="ID")
@json_option
def show(name: str, *, as_json: bool) -> None:
    """Show what was there, and what each side made of it."""
    dispute = _find(open_workspace(), name)
    if as_json:
        print_json(_row(dispute))
        return
    click.echo(for_terminal(_where(dispute)))
    for title, lines in (
        ("It was", dispute.base),
        ("Ours, in the memory", dispute.ours),
        (f"Theirs, from {dispute.source}", dispute.theirs),
    ):
        click.echo(for_terminal(f"{title}:"))
        for line in lines or ("(nothing)",):
            click.echo(for_terminal(f"    {line.rstrip()}"))


@conflicts.command("decide")
@click.argument("name", metavar="ID")
@click.option("--ours", "choice", flag_value="ours", help="Take theirs away again.")
@click.option("--theirs", "choice", flag_value="theirs", help="Take ours away.")
@click.option("--both", "choice", flag_value="both", help="Leave both, as they are.")
def decide_one(name: str, *, choice: str | None) -> None:
    """Decide a conflict; the memory is changed and every agent told."""
    if choice is None:
        raise WrongUsageError(
            "nothing was decided",
            hint=f"memsync conflicts decide {name} --ours, --theirs or --both",
        )
    workspace = open_workspace()
    published = resolve_conflict(workspace, _find(workspace, name), Resolution(choice))
    if published is None:
        click.echo("Decided; the memory stays as it is.")
    else:
        print_published(published, "Decided.")
    left = len(keeper.unresolved(workspace))
    if left:
        click.echo(f"{count_in_words(left, 'conflict')} left.")


def _find(workspace: Workspace, name: str) -> Conflict:
    """Return the open conflict with this id, or with the one id that begins so."""
    hint = "memsync conflicts lists them"
    if not name.strip():
        raise WrongUsageError("an id is needed; none was given", hint=hint)
    found = [d for d in keeper.unresolved(workspace) if d.id.startswith(name)]
    if len(found) > 1:
        words = f"{name!r} begins the ids of {len(found)} open conflicts"
        raise WrongUsageError(words, hint=f"a longer one: {', '.join(d.id for d in found[:5])}")
    if not found:
        raise MemsyncError(f"there is no open conflict {name!r}", hint=hint)
    return found[0]


def _where(dispute: Conflict) -> str:
    section = f" under {dispute.section}" if dispute.section else ""
    return f"{dispute.source}{section}, found {dispute.time[:16].replace('T', ' ')}"


def _first(lines: tuple[str, ...]) -> str:
    text = next((line.strip() for line in lines if line.strip()), "(taken away)")
    return text if len(text) <= 40 else f"{text[:39]}…"


def _table(outcome: Reconciled, open_ones: list[Conflict]) -> dict[str, Any]:
    return {
        "conflicts": [_row(dispute) for dispute in open_ones],
        "brought_in": list(outcome.sources),
        "notes": outcome.notes,
        "doubtful": [str(path) for path in outcome.doubtful],
        "left": [{"path": str(left.path), "why": left.why} for left in outcome.left],
    }


def _row(dispute: Conflict) -> dict[str, Any]:
    return {
        "id": dispute.id,
        "time": dispute.time,
        "machine": dispute.machine,
        "source": dispute.source,
        "section": dispute.section,
        "base": "".join(dispute.base),
        "ours": "".join(dispute.ours),
        "theirs": "".join(dispute.theirs),
    }
