"""Proposals: changes that wait for approval, shown as a diff and decided one by one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import abort, jsonify, render_template, request
from flask.typing import ResponseReturnValue

from memsync.config.workspace import Workspace
from memsync.daemon.pages.page import Page, back_to, current_workspace
from memsync.daemon.presenters import changes
from memsync.daemon.presenters.changes import Changes
from memsync.memory import store
from memsync.memory.last_change import remember_change
from memsync.refresh import proposals, review
from memsync.refresh.proposal_file import Proposal
from memsync.refresh.proposal_table import proposal_table
from memsync.refresh.review import try_edits
from memsync.text.note import Note


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


page = Page(
    __name__,
    "Proposals",
    50,
    messages={
        "applied": "Accepted. The text before it is kept as a backup.",
        "applied-partly": "Not every change could be made; those that are left say why.",
        "dropped": "Rejected. The notes stay in the log.",
        "again": "The next refresh tries these notes again.",
        "nothing-chosen": "Nothing was selected, or it was decided already.",
    },
    waiting=proposals.list_open,
)


@page.index("/proposals")
def list_proposals() -> ResponseReturnValue:
    """List the open proposals."""
    workspace = current_workspace()
    memory = store.read(workspace).text
    listed = [view(workspace, entry, memory) for entry in proposals.list_open(workspace)]
    return render_template("proposals.html", listed=listed)


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
        return back_to("proposals", "nothing-chosen")
    if deed == "drop":
        review.drop_edits(workspace, proposal, numbers)
        return back_to("proposals", "dropped")
    if deed == "again":
        review.give_back(workspace, proposal)
        return back_to("proposals", "again")
    done = review.apply_proposal(workspace, proposal, numbers)
    if done.published:
        remember_change(done.published.digest, "a proposal approved on this page")
    return back_to("proposals", "applied-partly" if done.problems else "applied")


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
        edit = fit.held.edit
        choices.append(
            ProposedChange(
                fit.number,
                fit.held.reasons,
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
