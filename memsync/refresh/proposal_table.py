"""A proposal as JSON: what ``memsync review --json`` and the API give."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from memsync.config.workspace import Workspace
from memsync.refresh import review
from memsync.refresh.proposal_file import Proposal
from memsync.refresh.review import Fit

LONGEST_WORDS = 200


def proposal_table(
    workspace: Workspace, proposal: Proposal, tried: Sequence[Fit]
) -> dict[str, Any]:
    """Return a proposal with its notes and its changes.

    Args:
        workspace: whose logs hold the notes.
        proposal: which.
        tried: what its undecided changes would do, as `review.try_edits` tells.

    Returns:
        ``edits`` are all its changes, ``changes`` only those that wait.

    Raises:
        FolderAwayError: a log cannot be read.
    """
    problems = {fit.number: fit.problem for fit in tried}
    edits = [
        {
            "number": number,
            **vars(waiting.edit),
            "reasons": list(waiting.reasons),
            "problem": problems.get(number, ""),
            "decision": proposal.decisions[number].deed if number in proposal.decisions else None,
        }
        for number, waiting in enumerate(proposal.edits, start=1)
    ]
    return {
        "id": proposal.id,
        "made": proposal.made.isoformat(timespec="seconds"),
        "machine": proposal.machine,
        "summary": proposal.summary,
        "waiting": list(proposal.waiting),
        "notes": note_tables(workspace, proposal),
        "edits": edits,
        "changes": [edit for edit in edits if edit["number"] in problems],
    }


def note_tables(workspace: Workspace, proposal: Proposal) -> list[dict[str, Any]]:
    """Return the notes of a proposal, with the beginning of their text if it is here.

    Raises:
        FolderAwayError: a log cannot be read.
    """
    texts = {note.id: note.text for note in review.notes_of_proposal(workspace, proposal)}
    return [
        {
            "id": name.id,
            "day": name.day.isoformat(),
            "time": name.time,
            "came_by": name.mark.sender,
            "words": " ".join(texts.get(name.id, "").split())[:LONGEST_WORDS],
        }
        for name in proposal.notes
    ]
