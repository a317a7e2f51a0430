"""What ``review`` does about proposals: shows them as diffs, and decides them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import click

from memsync.cli.output import print_json, print_states, unified_diff
from memsync.cli.terminal import echo, prompt
from memsync.config.workspace import Workspace
from memsync.errors import RefusedError, WrongUsageError
from memsync.memory import store
from memsync.refresh import proposals
from memsync.refresh import review as deed
from memsync.refresh.proposal_file import Proposal
from memsync.refresh.proposal_table import note_tables, proposal_table
from memsync.refresh.review import Fit, Reviewed

Done = Sequence[tuple[str, Reviewed]]
"""Proposals by name, each with what came of applying it."""


def decide_proposals(
    workspace: Workspace,
    word: str,
    name: str | None,
    numbers: tuple[int, ...],
    *,
    every: bool,
    allow_shrink: bool,
    as_json: bool,
) -> None:
    """Apply, drop or give back a proposal, the only one, or all.

    Raises:
        WrongUsageError: nothing waits, or it is not clear which is meant.
        RefusedError: a change could not be applied.
    """
    chosen = _choose(workspace, name, every=every)
    if numbers and len(chosen) > 1:
        raise WrongUsageError("--edit needs a single proposal", hint="memsync review --apply ID")
    if word == "apply":
        done = apply(workspace, chosen, numbers or None, allow_shrink=allow_shrink)
        if as_json:
            print_json({"applied": applied_table(done)})
        else:
            say_applied(done)
        require_applied(done)
    elif word == "again":
        _give_back(workspace, chosen, as_json=as_json)
    else:
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


def apply(
    workspace: Workspace,
    chosen: Iterable[Proposal],
    numbers: tuple[int, ...] | None = None,
    *,
    allow_shrink: bool,
) -> Done:
    """Apply proposals, or changes of one; return what came of each."""
    return [
        (entry.id, deed.apply_proposal(workspace, entry, numbers, allow_shrink=allow_shrink))
        for entry in chosen
    ]


def applied_table(done: Done) -> list[dict[str, Any]]:
    """Return what came of applying as ``--json`` prints it."""
    return [{"id": name, "applied": came.applied, "problems": came.problems} for name, came in done]


def say_applied(done: Done) -> None:
    """Print what came of applying."""
    for name, came in done:
        echo(f"Proposal {name}: {_count(len(came.applied))} applied.")
        if came.published:
            print_states(came.published.targets)


def require_applied(done: Done) -> None:
    """Raise where a change was not applied.

    Raises:
        RefusedError: with the first of them; the others are printed.
    """
    failed = [(name, n, why, came) for name, came in done for n, why in came.problems.items()]
    for name, number, why, _ in failed[1:]:
        echo(f"Change {number} of {name} was not applied: {why}", err=True)
    if failed:
        name, number, why, came = failed[0]
        allow = ""
        if number in came.can_be_allowed:
            allow = f"memsync review --apply {name} --allow-shrink applies it anyway; "
        raise RefusedError(
            f"change {number} of proposal {name} was not applied: {why}",
            hint=f"{allow}memsync review --drop {name} --edit {number};"
            f" or memsync review --again {name} makes its notes pending again",
        )


def show(workspace: Workspace, listed: Sequence[Proposal], *, asks: bool) -> bool:
    """Show proposals and, if `asks`, ask about each change; return False if the person quits."""
    for entry in listed:
        _print_proposal(workspace, entry, store.read(workspace).text)
        if asks and not _ask(workspace, entry):
            return False
    return True


def tables(workspace: Workspace, listed: Sequence[Proposal]) -> list[dict[str, Any]]:
    """Return proposals as ``--json`` prints them."""
    memory = store.read(workspace).text
    return [_table(workspace, entry, memory) for entry in listed]


def _print_proposal(workspace: Workspace, entry: Proposal, memory: str) -> None:
    echo(f"Proposal {entry.id} of {entry.made:%Y-%m-%d %H:%M}: {entry.summary}")
    for note in note_tables(workspace, entry):
        came = f"{note['day']} {note['time']} ({note['came_by']})"
        echo(f"  from a note of {came}: {note['words']}")
    before = memory
    tried, _ = deed.try_edits(entry, memory, allow_shrink=True)
    for fit in tried:
        echo(f"\nChange {fit.number}, waiting because {'; '.join(fit.waiting.reasons)}")
        if fit.problem:
            echo(f"  cannot be applied: {fit.problem}")
        echo(_diff(fit, before), nl=False)
        before = fit.after
    for number, decision in sorted(entry.decisions.items()):
        echo(f"Change {number}: {decision.deed} at {decision.time} on {decision.machine}")
    echo()


def _diff(fit: Fit, before: str) -> str:
    if fit.problem:
        gone = [f"-{line}\n" for line in fit.waiting.edit.find.split("\n") if line]
        return "".join(
            [*gone, *(f"+{line}\n" for line in fit.waiting.edit.text.split("\n") if line)]
        )
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
