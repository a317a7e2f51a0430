"""``review``: show the changes waiting for approval, and decide them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import click

from memsync.cli.output import json_option, open_workspace, print_json, print_states, unified_diff
from memsync.cli.terminal import echo, is_terminal, prompt
from memsync.config.workspace import Workspace
from memsync.errors import RefusedError, WrongUsageError
from memsync.memory import store
from memsync.refresh import proposals
from memsync.refresh import review as deed
from memsync.refresh.proposal_file import Proposal
from memsync.refresh.proposal_table import note_tables, proposal_table
from memsync.refresh.review import Fit

ALL = "*"


@click.command()
@click.argument("proposal", required=False)
@click.option("--apply", "apply_id", is_flag=False, flag_value=ALL, metavar="[ID]",
              help="Apply a proposal; without ID, the only one waiting.")  # fmt: skip
@click.option("--drop", "drop_id", is_flag=False, flag_value=ALL, metavar="[ID]",
              help="Reject a proposal; its notes stay in the log.")  # fmt: skip
@click.option("--again", "again_id", is_flag=False, flag_value=ALL, metavar="[ID]",
              help="Make a proposal's notes pending again, for the next refresh.")  # fmt: skip
@click.option("--edit", "numbers", type=int, multiple=True, metavar="N",
              help="Only change N of the proposal. Can be repeated.")  # fmt: skip
@click.option("--all", "every", is_flag=True, help="All waiting proposals.")
@click.option("--allow-shrink", is_flag=True, help="Allow removing more than 20 % of the memory.")
@json_option
def review(  # noqa: PLR0913 - one for each of its options
    *,
    proposal: str | None,
    apply_id: str | None,
    drop_id: str | None,
    again_id: str | None,
    numbers: tuple[int, ...],
    every: bool,
    allow_shrink: bool,
    as_json: bool,
) -> None:
    """Review changes waiting for your approval: all of them, or one PROPOSAL.

    Without options it lists them, and at a terminal asks about each change.
    """
    workspace = open_workspace()
    wanted = [name for name in (apply_id, drop_id, again_id) if name is not None]
    if len(wanted) > 1:
        raise WrongUsageError(
            "--apply, --drop and --again cannot be used together", hint="give one"
        )
    if not wanted:
        _show(workspace, proposal, as_json=as_json)
        return
    name = wanted[0] if wanted[0] != ALL else proposal
    chosen = _choose(workspace, name, every=every)
    if numbers and len(chosen) > 1:
        raise WrongUsageError("--edit needs a single proposal", hint="memsync review --apply ID")
    if apply_id is not None:
        _apply(workspace, chosen, numbers or None, allow_shrink=allow_shrink, as_json=as_json)
        return
    if again_id is not None:
        _give_back(workspace, chosen, as_json=as_json)
        return
    for entry in chosen:
        deed.drop_edits(workspace, entry, numbers or None)
    _say_decided("dropped", chosen, as_json=as_json)


def _give_back(workspace: Workspace, chosen: Sequence[Proposal], *, as_json: bool) -> None:
    done: dict[str, Proposal] = {}
    for entry in chosen:
        if entry.id not in done:  # an earlier one with the same note takes it along
            done |= {other.id: other for other in deed.give_back(workspace, entry)}
    _say_decided("pending again", list(done.values()), as_json=as_json)


def _say_decided(word: str, decided: Sequence[Proposal], *, as_json: bool) -> None:
    if as_json:
        print_json({word.replace(" ", "_"): [entry.id for entry in decided]})
        return
    for entry in decided:
        echo(f"Proposal {entry.id}: {word}. The notes stay in the log.")


def _choose(workspace: Workspace, name: str | None, *, every: bool) -> list[Proposal]:
    waiting = proposals.list_open(workspace)
    if name is not None:
        return [proposals.find_proposal(workspace, name)]
    if not waiting:
        raise WrongUsageError("nothing is waiting for review", hint="memsync refresh")
    if len(waiting) > 1 and not every:
        raise WrongUsageError(
            f"{len(waiting)} proposals are waiting: {', '.join(entry.id for entry in waiting)}",
            hint="give an ID, or --all",
        )
    return waiting


def _apply(
    workspace: Workspace,
    chosen: Sequence[Proposal],
    numbers: tuple[int, ...] | None,
    *,
    allow_shrink: bool,
    as_json: bool,
) -> None:
    rows: list[dict[str, Any]] = []
    allowed: set[tuple[str, int]] = set()
    for entry in chosen:
        done = deed.apply_proposal(workspace, entry, numbers, allow_shrink=allow_shrink)
        rows.append({"id": entry.id, "applied": done.applied, "problems": done.problems})
        allowed |= {(entry.id, number) for number in done.can_be_allowed}
        if as_json:
            continue
        echo(f"Proposal {entry.id}: {_count(len(done.applied))} applied.")
        if done.published:
            print_states(done.published.targets)
    if as_json:
        print_json({"applied": rows})
    failed = [(row["id"], n, why) for row in rows for n, why in row["problems"].items()]
    if failed:
        for name, number, why in failed[1:]:
            echo(f"Change {number} of {name} was not applied: {why}", err=True)
        name, number, why = failed[0]
        allow = ""
        if (name, number) in allowed:
            allow = f"memsync review --apply {name} --allow-shrink applies it anyway; "
        raise RefusedError(
            f"change {number} of proposal {name} was not applied: {why}",
            hint=f"{allow}memsync review --drop {name} --edit {number};"
            f" or memsync review --again {name} makes its notes pending again",
        )


def _show(workspace: Workspace, name: str | None, *, as_json: bool) -> None:
    memory = store.read(workspace).text
    listed = [proposals.find_proposal(workspace, name)] if name else proposals.list_open(workspace)
    if as_json:
        print_json({"proposals": [_table(workspace, entry, memory) for entry in listed]})
        return
    if not listed:
        echo("Nothing is waiting for review.")
    asks = name is None and is_terminal(sys.stdin) and is_terminal(sys.stdout)
    for entry in listed:
        _print_proposal(workspace, entry, memory)
        if asks and not _ask(workspace, entry):
            return
        memory = store.read(workspace).text if asks else memory
    if listed and not asks:
        echo("Decide: memsync review --apply [ID] or --drop [ID]; --edit N for one change.")


def _print_proposal(workspace: Workspace, entry: Proposal, memory: str) -> None:
    echo(f"Proposal {entry.id} of {entry.made:%Y-%m-%d %H:%M}: {entry.summary}")
    for note in note_tables(workspace, entry):
        came = f"{note['day']} {note['time']} ({note['came_by']})"
        echo(f"  from a note of {came}: {note['words']}")
    before = memory
    tried, _ = deed.try_edits(entry, memory, allow_shrink=True)
    for fit in tried:
        echo(f"\nChange {fit.number}, held because {'; '.join(fit.held.reasons)}")
        if fit.problem:
            echo(f"  cannot be applied: {fit.problem}")
        echo(_diff(fit, before), nl=False)
        before = fit.after
    for number, decision in sorted(entry.decisions.items()):
        echo(f"Change {number}: {decision.deed} at {decision.time} on {decision.machine}")
    echo()


def _diff(fit: Fit, before: str) -> str:
    if fit.problem:
        gone = [f"-{line}\n" for line in fit.held.edit.find.split("\n") if line]
        return "".join([*gone, *(f"+{line}\n" for line in fit.held.edit.text.split("\n") if line)])
    return (
        unified_diff(before, fit.after, "memory", "memory after review")
        or "(already in the memory)\n"
    )


def _ask(workspace: Workspace, entry: Proposal) -> bool:
    """Ask about each waiting change; return False if the person quits."""
    for number in entry.waiting:
        word = prompt(f"Change {number}: apply, drop, skip or quit", "s",
                      kind=click.Choice(["a", "d", "s", "q"]))  # fmt: skip
        if word == "q":
            return False
        present = proposals.find_proposal(workspace, entry.id)
        if word == "a":
            done = deed.apply_proposal(workspace, present, [number])
            for problem, why in done.problems.items():
                echo(f"Not applied: {why}")
                if problem in done.can_be_allowed:
                    echo(f"To apply it anyway: memsync review --apply {entry.id} --allow-shrink")
        elif word == "d":
            deed.drop_edits(workspace, present, [number])
    return True


def _table(workspace: Workspace, entry: Proposal, memory: str) -> dict[str, Any]:
    tried, merged = deed.try_edits(entry, memory, allow_shrink=True)
    diff = unified_diff(memory, merged.text, "memory", "memory after review")
    return proposal_table(workspace, entry, tried) | {"diff": diff}


def _count(number: int) -> str:
    return "1 change" if number == 1 else f"{number} changes"
