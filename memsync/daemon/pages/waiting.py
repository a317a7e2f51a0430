"""Waiting: what waits for the person's word, held notes as they were said and changes as diffs.

A decision names the notes that the page has shown, so that one which came since is not decided
unseen.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from flask import abort, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from memsync.config.workspace import Workspace
from memsync.daemon.pages.page import Page, back_to, current_workspace
from memsync.daemon.presenters import changes
from memsync.daemon.presenters.changes import Changes
from memsync.memory import store
from memsync.memory.last_change import remember_change
from memsync.notes import held
from memsync.notes.held import Verdict
from memsync.refresh import proposals, review
from memsync.refresh.proposal_file import Proposal
from memsync.refresh.proposal_table import proposal_table
from memsync.refresh.review import try_edits
from memsync.text.note import Note

MOST_HELD = 50
MOST_PROPOSALS = 20
"""How many of each the page shows at once; a decision shows the next."""

VERDICTS: dict[str, Verdict] = {"accept": "accepted", "reject": "rejected"}


@dataclass(frozen=True)
class ProposedChange:
    """One change that waits: why, what it would do, or why it cannot be applied."""

    number: int
    reasons: tuple[str, ...]
    changes: Changes
    problem: str
    wanted: str
    has_comment: bool


@dataclass(frozen=True)
class ProposalView:
    """A proposal as the page shows it."""

    id: str
    made: datetime
    summary: str
    notes: tuple[Note, ...]
    choices: tuple[ProposedChange, ...]


@dataclass(frozen=True)
class Sender:
    """The held notes of one sender, in words for the page."""

    words: str
    notes: tuple[Note, ...]


def list_waiting(workspace: Workspace) -> list[Note | Proposal]:
    """Return all that waits for the person."""
    return [*held.held_notes(workspace), *proposals.list_open(workspace)]


page = Page(
    __name__,
    "Waiting",
    50,
    messages={
        "accepted": "Accepted. The next refresh merges it.",
        "rejected": "Rejected. The log keeps it, and it goes nowhere else.",
        "applied": "Accepted. The text before it is kept as a backup.",
        "applied-partly": "Not every change could be made; those that are left say why.",
        "dropped": "Rejected. The notes stay in the log.",
        "again": "The next refresh tries these notes again.",
        "nothing-chosen": "Nothing was selected, or it was decided already.",
    },
    waiting=list_waiting,
)


@page.index("/waiting")
def list_what_waits() -> ResponseReturnValue:
    """List the held notes by sender, then the open proposals."""
    workspace = current_workspace()
    memory = store.read(workspace).text
    waiting, listed = held.held_notes(workspace), proposals.list_open(workspace)
    shown = waiting[:MOST_HELD], listed[:MOST_PROPOSALS]
    return render_template(
        "waiting.html",
        senders=_by_sender(shown[0]),
        listed=[view(workspace, entry, memory) for entry in shown[1]],
        more=len(waiting) + len(listed) - len(shown[0]) - len(shown[1]),
    )


@page.get("/proposals")
def moved() -> ResponseReturnValue:
    """Lead to where proposals are listed now."""
    return redirect(url_for("waiting.index"), code=301)


@page.post("/held")
def decide_held() -> ResponseReturnValue:
    """Accept or reject the notes that are named, of those that still wait."""
    verdict = VERDICTS.get(request.form.get("deed", ""))
    if verdict is None:
        abort(400)
    decided = _decide(request.form.getlist("note"), verdict)
    return back_to("waiting", verdict if decided else "nothing-chosen")


@page.get("/api/held")
def held_as_json() -> ResponseReturnValue:
    """Return the held notes as JSON, as they were said."""
    waiting = held.held_notes(current_workspace())
    return jsonify(held=[held.as_table(note) for note in waiting], held_count=len(waiting))


@page.post("/api/held")
def decide_by_json() -> ResponseReturnValue:
    """Accept or reject the notes with the ids that are sent."""
    table = request.get_json(force=True, silent=True)
    ids = table.get("ids") if isinstance(table, dict) else None
    verdict = VERDICTS.get(str(table.get("deed"))) if isinstance(table, dict) else None
    if verdict is None or not isinstance(ids, list) or not all(isinstance(i, str) for i in ids):
        abort(400)
    return jsonify({verdict: _decide(ids, verdict)})


def _decide(ids: Iterable[str], verdict: Verdict) -> list[str]:
    """Decide about those notes that wait, of those with `ids`; return their ids."""
    workspace, wanted = current_workspace(), set(ids)
    chosen = [note for note in held.held_notes(workspace) if note.id in wanted]
    held.decide(workspace, chosen, verdict)
    return [note.id for note in chosen]


def _by_sender(waiting: Iterable[Note]) -> list[Sender]:
    found: dict[str, list[Note]] = {}
    for note in waiting:
        found.setdefault(note.mark.in_words, []).append(note)
    return [Sender(words, tuple(notes)) for words, notes in found.items()]


@page.post("/proposals/<name>")
def decide(name: str) -> ResponseReturnValue:
    """Accept or reject the selected changes of a proposal, or give its notes back."""
    workspace = current_workspace()
    proposal = next((p for p in proposals.list_all(workspace) if p.id == name), None)
    if proposal is None:
        abort(404)
    numbers = _numbers() & set(proposal.waiting)
    deed = request.form.get("deed", "")
    if deed not in {"apply", "drop", "again"}:
        abort(400)
    if not proposal.is_open or (not numbers and deed != "again"):
        return back_to("waiting", "nothing-chosen")
    if deed == "drop":
        review.drop_edits(workspace, proposal, numbers)
        return back_to("waiting", "dropped")
    if deed == "again":
        review.give_back(workspace, proposal)
        return back_to("waiting", "again")
    done = review.apply_proposal(workspace, proposal, numbers)
    if done.published:
        remember_change(done.published.digest, "a proposal approved on this page")
    return back_to("waiting", "applied-partly" if done.problems else "applied")


@page.get("/api/proposals")
def proposals_as_json() -> ResponseReturnValue:
    """Return the open proposals as JSON."""
    workspace = current_workspace()
    memory = store.read(workspace).text
    return jsonify(
        proposals=[
            proposal_table(workspace, entry, try_edits(entry, memory, allow_shrink=False)[0])
            for entry in proposals.list_open(workspace)
        ]
    )


def view(workspace: Workspace, proposal: Proposal, memory: str) -> ProposalView:
    """Return a proposal as the page shows it; each change on what those before it leave."""
    tried, _ = try_edits(proposal, memory, allow_shrink=False)
    choices, before = [], memory
    for fit in tried:
        edit = fit.waiting.edit
        choices.append(
            ProposedChange(
                fit.number,
                fit.waiting.reasons,
                changes.compare(before, fit.after),
                fit.problem,
                "\n".join(text for text in (edit.find, edit.text) if text),
                "<!--" in edit.text or "-->" in edit.text,
            )
        )
        before = fit.after
    said = tuple(review.notes_of_proposal(workspace, proposal))
    return ProposalView(proposal.id, proposal.made, proposal.summary, said, tuple(choices))


def _numbers() -> set[int]:
    return {int(text) for text in request.form.getlist("edit") if text.isascii() and text.isdigit()}
