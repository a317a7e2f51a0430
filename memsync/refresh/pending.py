"""Which notes are pending, in which batches they are merged, and what that will cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from memsync.config.credentials import has_model
from memsync.config.workspace import Workspace
from memsync.errors import BudgetError
from memsync.memory import store
from memsync.notes.held import Decisions, read_decisions, unmerged_notes
from memsync.refresh import prompt, proposals, usage
from memsync.refresh.llm import prices
from memsync.text.note import Note

BATCH_BYTES = 128 * 1024
BATCH_NOTES = 250
"""The limits of one call; the notes of a long absence are merged in several calls."""


def pending_notes(workspace: Workspace, decisions: Decisions | None = None) -> list[Note]:
    """Return every note that the next refresh merges, oldest first.

    It is the person's own word, no machine has merged it, and no proposal has it.

    Args:
        workspace: whose notes.
        decisions: the decisions, if they were read just now.

    Raises:
        FolderAwayError: a log, a ledger or a log of decisions cannot be read.
    """
    decided = decisions or read_decisions(workspace)
    proposed = proposals.note_ids(workspace).keys()
    found: dict[str, Note] = {}
    for note in unmerged_notes(workspace):
        if note.id not in proposed and decided.makes_own_word(note):
            found.setdefault(note.id, note)
    return list(found.values())


def batches_of(pending: Sequence[Note]) -> list[list[Note]]:
    """Return the notes in order in batches, each for one call.

    A batch has at most `BATCH_NOTES` notes and `BATCH_BYTES` bytes; a longer note goes alone.
    """
    found: list[list[Note]] = []
    size = 0
    for note in pending:
        length = len(note.text.encode())
        if not found or len(found[-1]) == BATCH_NOTES or size + length > BATCH_BYTES:
            found.append([])
            size = 0
        found[-1].append(note)
        size += length
    return found


def budget_refusal(workspace: Workspace) -> BudgetError | None:
    """Return the error with which the budget would stop the next refresh; None if it would not.

    Without pending notes, only a budget that is spent counts.

    Raises:
        FolderAwayError: the notes or the memory cannot be read.
    """
    config = workspace.config
    if not config.monthly_budget_usd or not has_model(config):
        return None
    most = 0.0
    if listed := batches_of(pending_notes(workspace)):
        tokens = prompt.most_tokens_of_merge(listed[0], store.read(workspace).text, config)
        most = prices.at_most(config.model, tokens)
    try:
        usage.check_budget(workspace, config, most)
    except BudgetError as error:
        return error
    return None


@dataclass(frozen=True)
class Estimate:
    """What a refresh will cost, in US dollars; None if the price is not known."""

    notes: int
    model: str
    about_usd: float | None
    most_usd: float | None


def estimate(workspace: Workspace, extra: Sequence[Note] = ()) -> Estimate:
    """Return what merging the pending notes and `extra` will cost; makes no call."""
    config, memory = workspace.config, store.read(workspace).text
    listed = batches_of([*pending_notes(workspace), *extra])
    about = most = 0.0
    for batch in listed:
        about += prices.cost(config.model, prompt.about_tokens_of_merge(batch, memory, config))
        most += prices.at_most(config.model, prompt.most_tokens_of_merge(batch, memory, config))
    count = sum(map(len, listed))
    if has_model(config) and prices.price_of(config.model) is None:
        return Estimate(count, config.model, None, None)
    return Estimate(count, config.model, round(about, 6), round(most, 6))
