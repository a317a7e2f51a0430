"""What waits is decided: applied through every guard, dropped, or its notes made pending anew.

A proposal outlives changes of the memory below it, because its edits are applied to the memory as
it stands when they are decided about. One whose lines are gone is told so and waits on. The memory
is written first, the decision second, the ledger third: a crash repeats a step and loses nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from memsync import clock
from memsync.config.state import lock_path
from memsync.config.workspace import Workspace
from memsync.errors import MemsyncError, RefusedError, WrongUsageError
from memsync.files.locks import exclusive_lock
from memsync.memory import store
from memsync.memory.history.provenance import Cause
from memsync.memory.publish import Draft, Published, onto_present
from memsync.notes import held, ledger, log, reader
from memsync.refresh import engine, proposals
from memsync.refresh.engine import MergeResult
from memsync.refresh.proposal_file import Deed, Proposal, WaitingEdit
from memsync.text.document import split_lines
from memsync.text.edits import Edit, EditError
from memsync.text.note import Note, make_note


@dataclass(frozen=True)
class Reviewed:
    """What came of applying edits: which are in the memory now, and why the others are not."""

    applied: tuple[int, ...]
    problems: dict[int, str]
    published: Published | None
    can_be_allowed: frozenset[int] = frozenset()
    """Those of the others that `allow_shrink` would apply."""


@dataclass(frozen=True)
class Fit:
    """What one edit would do to the memory as it stands, or why it cannot be applied."""

    number: int
    waiting: WaitingEdit
    after: str
    problem: str
    can_be_allowed: bool = False


def try_edits(
    proposal: Proposal, memory: str, numbers: Iterable[int] | None = None, *, allow_shrink: bool
) -> tuple[list[Fit], MergeResult]:
    """Try edits of a proposal on `memory`, each on what those before it leave.

    Args:
        proposal: whose edits.
        memory: the memory as it stands.
        numbers: which of those that wait; None is all of them.
        allow_shrink: let more than a fifth of the lines go.

    Returns:
        What each does, and the merge of all that can be applied.
    """
    wanted = proposal.waiting if numbers is None else tuple(numbers)
    found: list[Fit] = []
    chosen: list[Edit] = []
    merged = engine.apply_approved((), memory)
    for number in wanted:
        waiting = proposal.edits[number - 1]
        text, together, refusal = merged.text, None, None
        try:
            problem = _lost_home(proposal, number, text)
            if not problem:
                together = engine.apply_approved(
                    [*chosen, waiting.edit], memory, allow_shrink=allow_shrink
                )
                refusal = together.refusal
                problem = refusal.why if refusal else ""
        except EditError as error:
            problem = "" if _is_done(waiting.edit, text) else _misfit(waiting.edit, error)
        if together and not problem:
            chosen.append(waiting.edit)
            merged, text = together, together.text
        allowed = refusal is not None and refusal.can_be_allowed
        found.append(Fit(number, waiting, text, problem, allowed))
    return found, merged


def apply_proposal(
    workspace: Workspace,
    proposal: Proposal,
    numbers: Iterable[int] | None = None,
    *,
    allow_shrink: bool = False,
) -> Reviewed:
    """Put edits of a proposal into the memory and publish it; what does not fit waits on.

    Applying what stands there already, as when another machine was quicker, changes nothing.

    Raises:
        WrongUsageError: an edit does not wait.
        RefusedError: a note of it was rejected.
        MemoryMovedError: the memory kept changing; nothing is decided.
        MemsyncError: something else stood in the way.
    """
    wanted = _checked(proposal, numbers)
    if held.rejected_notes(workspace, notes_of_proposal(workspace, proposal)):
        raise RefusedError(
            f"a note of proposal {proposal.id} was rejected",
            hint=f"memsync review --drop {proposal.id}",
        )

    def make(memory: store.Memory) -> tuple[Draft | None, list[Fit]]:
        tried, merged = try_edits(proposal, memory.text, wanted, allow_shrink=allow_shrink)
        if not merged.changed:
            return None, tried
        cause = Cause("review", tuple(notes_of_proposal(workspace, proposal)))
        return Draft(merged.text, cause), tried

    with exclusive_lock(lock_path(workspace.root, "refresh"), "a refresh", timeout=60):
        published, tried = onto_present(
            workspace, make, "memsync review --apply when the other program is done"
        )
        done = tuple(fit.number for fit in tried if not fit.problem)
        _settle(workspace, proposal, done, "applied")
    left = [fit for fit in tried if fit.problem]
    allowed = frozenset(fit.number for fit in left if fit.can_be_allowed)
    return Reviewed(done, {fit.number: fit.problem for fit in left}, published, allowed)


def drop_edits(
    workspace: Workspace, proposal: Proposal, numbers: Iterable[int] | None = None
) -> None:
    """Decide that edits do not come into the memory; their notes stay in the log, as all do.

    Raises:
        WrongUsageError: an edit does not wait.
        MemsyncError: the decision cannot be written down.
    """
    _settle(workspace, proposal, _checked(proposal, numbers), "dropped")


def give_back(workspace: Workspace, proposal: Proposal) -> tuple[Proposal, ...]:
    """Make the notes of what still waits pending anew: the next refresh merges them once more.

    A note is not pending while it waits elsewhere, so every open proposal that shares one goes
    with it. One that a ledger names, as another machine was quicker, is written down once more.

    Returns:
        The proposals that were given back, the one asked for first.

    Raises:
        WrongUsageError: nothing of it waits.
        MemsyncError: a note cannot be made pending, or the decision not written down.
    """
    _checked(proposal, None)
    together = _sharing_notes(workspace, proposal)
    _note_anew(workspace, together)
    for entry in together:
        proposals.record_decisions(workspace, entry, entry.waiting, "again")
    return tuple(together)


def _sharing_notes(workspace: Workspace, proposal: Proposal) -> list[Proposal]:
    """Return the proposal, and those open ones that hold a note of it, or of one of these."""
    found = [proposal]
    others = [entry for entry in proposals.list_open(workspace) if entry.id != proposal.id]
    for entry in found:  # which grows on the way
        found += [other for other in others if set(other.notes) & set(entry.notes)]
        others = [other for other in others if other not in found]
    return found


def _note_anew(workspace: Workspace, given_back: Iterable[Proposal]) -> None:
    """Write down once more those notes that a ledger names, for no ledger takes a name back."""
    merged = ledger.merged_ids(workspace) or set()
    for entry in given_back:
        said = {note.id: note for note in notes_of_proposal(workspace, entry)}
        for name in entry.notes:
            if name.id not in merged:
                continue
            if name.id not in said:
                raise MemsyncError(
                    f"a note of proposal {entry.id} counts as merged, and its words are not here",
                    hint=f"wait for the log of {name.day}, or memsync review --drop {entry.id}",
                )
            words = make_note(said[name.id].text, clock.now(), name.mark)
            log.append(workspace, words)
            if not words.mark.is_own_word:  # the person accepted it, and does so once more
                held.decide(workspace, [words], "accepted")


def _checked(proposal: Proposal, numbers: Iterable[int] | None) -> tuple[int, ...]:
    wanted = proposal.waiting if numbers is None else tuple(sorted(set(numbers)))
    missing = [number for number in wanted if number not in proposal.waiting]
    if missing or not wanted:
        raise WrongUsageError(
            f"change {missing[0]} of proposal {proposal.id} does not wait"
            if missing
            else f"nothing of proposal {proposal.id} waits",
            hint=f"memsync review {proposal.id} shows what does"
            if proposal.waiting
            else "memsync review lists what does",
        )
    return wanted


def _settle(workspace: Workspace, proposal: Proposal, numbers: Sequence[int], deed: Deed) -> None:
    """Write the decision down; notes of which nothing waits any more, here or elsewhere, merge."""
    proposals.record_decisions(workspace, proposal, numbers, deed)
    if not set(proposal.waiting) - set(numbers) and not proposal.given_back:
        waits = proposals.note_ids(workspace)
        done = [name for name in proposal.notes if not waits.get(name.id)]
        ledger.mark_merged(workspace, done)


def notes_of_proposal(workspace: Workspace, proposal: Proposal) -> list[Note]:
    """Return the notes of a proposal as their days' logs have them; some may not be here yet.

    Raises:
        FolderAwayError: a log cannot be read.
    """
    wanted = {name.id for name in proposal.notes}
    days = sorted({name.day for name in proposal.notes})
    listed = reader.read_days(workspace, days)
    return [note for note in listed if note.id in wanted]


def _is_done(edit: Edit, memory: str) -> bool:
    """Was an edit that no longer finds its lines made already?

    Of a remove that cannot be told: a line that is gone may be one that was reworded.
    """
    standing = {line.rstrip() for line in split_lines(memory)}
    gone = [line.rstrip() for line in edit.find.split("\n") if line.strip()]
    new = [line.rstrip() for line in edit.text.split("\n") if line.strip()]
    if edit.op == "remove" or not all(line in standing for line in new):
        return False
    return edit.op == "add" or not any(line in standing for line in gone if line not in new)


def _lost_home(proposal: Proposal, number: int, memory: str) -> str:
    """Return what is wrong where an edit would make a section anew that was meant to be there."""
    section = proposal.lost_section(number, memory)
    return f"it no longer fits: its section {section!r} is gone" if section else ""


def _misfit(edit: Edit, error: EditError) -> str:
    why = str(error).partition("): ")[2] or str(error)
    way_out = "; they are gone or were reworded: drop it if it is done" * (edit.op == "remove")
    return f"it no longer fits: {why}{way_out}"
