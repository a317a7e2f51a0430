"""``review``: what waits for the person's word, held notes and proposals, and their decisions.

An agent's shell is not the person's: there nothing is decided, and of what waits only the count is
shown.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import click

from memsync.cli import proposals as diffs
from memsync.cli.output import json_option, open_workspace, print_json
from memsync.cli.terminal import echo, is_terminal, prompt
from memsync.config.agent_shell import agent_here
from memsync.config.workspace import Workspace
from memsync.errors import RefusedError, WrongUsageError
from memsync.notes import held
from memsync.notes.held import Verdict
from memsync.refresh import proposals
from memsync.refresh import review as deed
from memsync.refresh.proposal_file import Proposal
from memsync.text.note import Note

ALL = "*"


_old = partial(click.option, is_flag=False, flag_value=ALL, metavar="[ID]", hidden=True)
"""An option of proposals alone, as it was before notes could be held."""


@click.command()
@click.argument("ids", nargs=-1)
@click.option("--accept", is_flag=True, help="They are your word: the next refresh merges them.")
@click.option("--reject", is_flag=True, help="They stay in the log, and go nowhere else.")
@click.option("--all", "every", is_flag=True, help="All that waits.")
@click.option("--from", "sender", default="", metavar="SENDER", help="All notes of one sender.")
@_old("--apply", "apply_id")
@_old("--drop", "drop_id")
@_old("--again", "again_id")
@click.option("--edit", "numbers", type=int, multiple=True, metavar="N", hidden=True)
@click.option("--allow-shrink", is_flag=True, hidden=True)
@json_option
def review(  # noqa: PLR0913 - one for each of its options
    *,
    ids: tuple[str, ...],
    accept: bool,
    reject: bool,
    every: bool,
    sender: str,
    apply_id: str | None,
    drop_id: str | None,
    again_id: str | None,
    numbers: tuple[int, ...],
    allow_shrink: bool,
    as_json: bool,
) -> None:
    """Show what waits for your word, or decide it: notes that are held, and merges as diffs.

    IDS: only these; the beginning of one is enough. At a terminal it asks about each.
    """
    workspace = open_workspace()
    old = {
        name: given
        for name, given in (("apply", apply_id), ("drop", drop_id), ("again", again_id))
        if given is not None
    }
    if len(old) + accept + reject > 1:
        raise WrongUsageError(
            "only one of --accept, --reject, --apply, --drop and --again can be used",
            hint="give one",
        )
    if old or accept or reject:
        _refuse_agents()
    if old:
        ((word, given),) = old.items()
        name = given if given != ALL else next(iter(ids), None)
        diffs.decide_proposals(
            workspace,
            word,
            name,
            numbers,
            every=every,
            allow_shrink=allow_shrink,
            as_json=as_json,
        )
    elif accept or reject:
        chosen = _chosen(workspace, ids, every=every, sender=sender)
        _decide(workspace, chosen, accept=accept, allow_shrink=allow_shrink, as_json=as_json)
    else:
        _show(workspace, ids, sender, as_json=as_json)


@dataclass(frozen=True)
class _Chosen:
    """What a decision is about."""

    notes: Sequence[Note]
    proposals: Sequence[Proposal]


def _refuse_agents() -> None:
    if agent_here():
        raise RefusedError(
            "what is held is the person's to decide, and this is an agent's shell",
            hint="memsync review at a terminal of theirs, or the page (memsync daemon web)",
        )


def _chosen(workspace: Workspace, ids: Sequence[str], *, every: bool, sender: str) -> _Chosen:
    """Return what is named by ids, or all of a sender, or all.

    Raises:
        WrongUsageError: nothing is named, an id names nothing that waits, or several things.
    """
    if not (ids or every or sender):
        raise WrongUsageError("nothing is named", hint="give an ID, --from SENDER, or --all")
    notes, listed = held.held_notes(workspace), proposals.list_open(workspace)
    if sender:
        notes, listed = held.of_sender(notes, sender), []
    if not ids:
        return _Chosen(notes, listed)
    chosen = [entry for name in ids for entry in _named(name, notes, listed)]
    return _Chosen(
        [entry for entry in chosen if isinstance(entry, Note)],
        [entry for entry in chosen if isinstance(entry, Proposal)],
    )


def _named(name: str, notes: Sequence[Note], listed: Sequence[Proposal]) -> list[Note | Proposal]:
    """Return what an id names: one thing, or the same words that came in several ways at once."""
    every: list[Note | Proposal] = [*notes, *listed]
    named = [entry for entry in every if name and entry.id.startswith(name)]
    if len({entry.id for entry in named}) != 1:
        why = "several things that wait begin" if named else "nothing that waits begins"
        raise WrongUsageError(f"{why} with {name!r}", hint="memsync review lists what waits")
    return named


def _decide(
    workspace: Workspace, chosen: _Chosen, *, accept: bool, allow_shrink: bool, as_json: bool
) -> None:
    verdict: Verdict = "accepted" if accept else "rejected"
    held.decide(workspace, chosen.notes, verdict)
    table: dict[str, Any] = {verdict: [note.id for note in chosen.notes]}
    done: diffs.Done = []
    if accept:
        done = diffs.apply(workspace, chosen.proposals, allow_shrink=allow_shrink)
    else:
        for entry in chosen.proposals:
            deed.drop_edits(workspace, entry)
    if as_json:
        word = "applied" if accept else "dropped"
        names = [entry.id for entry in chosen.proposals]
        print_json(table | {word: diffs.applied_table(done) if accept else names})
    else:
        _say_decided(chosen, verdict)
        diffs.say_applied(done)
    diffs.require_applied(done)


def _say_decided(chosen: _Chosen, verdict: Verdict) -> None:
    count = len(chosen.notes)
    if count:
        notes, them = ("1 note", "it") if count == 1 else (f"{count} notes", "them")
        then = (
            f"memsync refresh merges {them}" if verdict == "accepted" else "The log keeps " + them
        )
        echo(f"{notes} {verdict}. {then}.")
    if verdict == "rejected":
        for entry in chosen.proposals:
            echo(f"Proposal {entry.id}: dropped. The notes stay in the log.")
    if not count and not chosen.proposals:
        echo("Nothing is waiting for your word.")


def _show(workspace: Workspace, ids: Sequence[str], sender: str, *, as_json: bool) -> None:
    if agent_here():
        _show_count(workspace, as_json=as_json)
        return
    if ids or sender:
        chosen = _chosen(workspace, ids, every=False, sender=sender)
    else:
        chosen = _Chosen(held.held_notes(workspace), proposals.list_open(workspace))
    if as_json:
        notes = [held.as_table(note) for note in chosen.notes]
        shown = diffs.tables(workspace, chosen.proposals)
        print_json({"held": notes, "held_count": len(notes), "proposals": shown})
        return
    if not chosen.notes and not chosen.proposals:
        echo("Nothing is waiting for your word.")
        return
    asks = is_terminal(sys.stdin) and is_terminal(sys.stdout)
    if not _show_notes(workspace, chosen.notes, asks=asks):
        return
    if diffs.show(workspace, chosen.proposals, asks=asks) and not asks:
        echo("Decide: memsync review --accept ID or --reject ID; --all; --from SENDER.")


def _show_count(workspace: Workspace, *, as_json: bool) -> None:
    count, proposed = len(held.held_notes(workspace)), len(proposals.list_open(workspace))
    if as_json:
        table = {"held": [], "held_count": count, "proposals": [], "proposals_count": proposed}
        print_json(table)
        return
    waits = [held.held_in_words(count), proposed and proposals.waiting_count_in_words(proposed)]
    for line in filter(None, waits):
        echo(f"{line}, in a terminal of theirs.")
    if not any(waits):
        echo("Nothing is waiting for your word.")


def _show_notes(workspace: Workspace, notes: Sequence[Note], *, asks: bool) -> bool:
    """Show held notes as they were said; return False if the person quits."""
    for note in notes:
        how = note.mark.in_words
        echo(f"Note {note.id[:8]} of {note.day} {note.time}, {how}:")
        echo("\n".join(f"  | {line}" for line in note.text.split("\n")))
        if asks and not _ask(workspace, note):
            return False
        echo()
    return True


def _ask(workspace: Workspace, note: Note) -> bool:
    """Ask about a held note; return False if the person quits."""
    word = prompt("Is it your word? accept, reject, skip or quit", "s",
                  kind=click.Choice(["a", "r", "s", "q"]))  # fmt: skip
    if word in {"a", "r"}:
        held.decide(workspace, [note], "accepted" if word == "a" else "rejected")
    return word != "q"
