"""What waits is decided: applied by every guard, dropped, or given back to the next refresh.

A proposal outlives changes of the memory below it, because its edits are applied to the memory as
it is when they are decided. An edit whose lines are gone is reported and waits on. The memory is
written first, the decision second, the ledger third: a crash repeats a step and loses nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from memsync import clock
from memsync.config.state import lock_path
from memsync.config.workspace import Workspace
from memsync.errors import MemoryMovedError, MemsyncError, WrongUsageError
from memsync.files.locks import exclusive_lock
from memsync.memory import store
from memsync.memory.history.provenance import Cause
from memsync.memory.publish import Published, publish
from memsync.notes import ledger, log, reader
from memsync.refresh import engine, proposals
from memsync.refresh.engine import MergeResult
from memsync.refresh.gate import Held
from memsync.refresh.guards import Refusal
from memsync.refresh.proposal_file import Deed, Proposal
from memsync.text.document import split_lines
from memsync.text.edits import Edit, EditError
from memsync.text.note import Note, make_note

TRIES = 3


@dataclass(frozen=True)
class Reviewed:
    """What came of applying edits of a proposal.

    Attributes:
        applied: the numbers of the edits that are in the memory now.
        problems: why the others are not.
        allowable: the numbers of those that ``--allow-shrink`` would let in.
        published: what publishing did; None if the memory stayed as it was.
    """

    applied: tuple[int, ...]
    problems: dict[int, str]
    allowable: frozenset[int]
    published: Published | None


@dataclass(frozen=True)
class Fit:
    """What one edit would do to the memory as it is, or why it cannot be applied.

    `can_be_allowed` tells whether ``--allow-shrink`` would let it in all the same.
    """

    number: int
    held: Held
    after: str
    problem: str = ""
    can_be_allowed: bool = False


def try_edits(
    proposal: Proposal, memory: str, numbers: Iterable[int] | None = None, *, allow_shrink: bool
) -> tuple[list[Fit], MergeResult]:
    """Try edits of a proposal on a memory, each on the text that the edits before it leave.

    Args:
        proposal: whose edits.
        memory: the memory as it is.
        numbers: which of the edits that wait; None means all of them.
        allow_shrink: let more than a fifth of the lines go.

    Returns:
        What each edit does, and the merge of all that can be applied.
    """
    apply = partial(engine.apply_approved, memory=memory, allow_shrink=allow_shrink)
    fits: list[Fit] = []
    chosen: list[Edit] = []
    merged = engine.apply_approved((), memory)
    for number in proposal.waiting if numbers is None else numbers:
        fit, together = _try_edit(proposal, number, merged.text, chosen, apply)
        fits.append(fit)
        if together is not None:
            chosen.append(fit.held.edit)
            merged = together
    return fits, merged


def _try_edit(
    proposal: Proposal,
    number: int,
    before: str,
    chosen: Sequence[Edit],
    apply: Callable[[Sequence[Edit]], MergeResult],
) -> tuple[Fit, MergeResult | None]:
    """Return what edit `number` does to `before`, and the merge of it and the `chosen` ones."""
    held = proposal.edits[number - 1]
    if problem := _missing_section(proposal, number, before):
        return Fit(number, held, before, problem), None
    try:
        together = apply([*chosen, held.edit])
    except EditError as error:
        problem = "" if _is_done(held.edit, before) else _misfit(held.edit, error)
        return Fit(number, held, before, problem), None
    if isinstance(refusal := together.failure, Refusal):
        return Fit(number, held, before, refusal.why, refusal.can_be_allowed), None
    return Fit(number, held, together.text), together


def apply_proposal(
    workspace: Workspace,
    proposal: Proposal,
    numbers: Iterable[int] | None = None,
    *,
    allow_shrink: bool = False,
) -> Reviewed:
    """Put edits of a proposal into the memory and publish it; what does not fit waits on.

    An edit that another machine applied before counts as applied and changes nothing.

    Raises:
        WrongUsageError: an edit does not wait.
        MemoryMovedError: the memory kept changing; nothing is decided.
        MemsyncError: something else stood in the way.
    """
    wanted = _check_waiting(proposal, numbers)
    with exclusive_lock(lock_path(workspace.root, "refresh"), "a refresh", timeout=60):
        fits, published = _publish(workspace, proposal, wanted, allow_shrink=allow_shrink)
        done = tuple(fit.number for fit in fits if not fit.problem)
        _settle(workspace, proposal, done, "applied")
    return Reviewed(
        done,
        {fit.number: fit.problem for fit in fits if fit.problem},
        frozenset(fit.number for fit in fits if fit.can_be_allowed),
        published,
    )


def _publish(
    workspace: Workspace, proposal: Proposal, wanted: Sequence[int], *, allow_shrink: bool
) -> tuple[list[Fit], Published | None]:
    """Publish the memory with the wanted edits; if it moved, try them on what is there now."""
    for _ in range(TRIES):
        memory = store.read(workspace)
        fits, merged = try_edits(proposal, memory.text, wanted, allow_shrink=allow_shrink)
        if not merged.changed:
            return fits, None
        cause = Cause("review", tuple(notes_of_proposal(workspace, proposal)))
        try:
            return fits, publish(workspace, merged.text, memory.digest, cause=cause)
        except MemoryMovedError:
            continue
    raise MemoryMovedError(
        "the memory kept changing while the proposal was applied",
        hint="memsync review --apply when the other program is done",
    )


def drop_edits(
    workspace: Workspace, proposal: Proposal, numbers: Iterable[int] | None = None
) -> None:
    """Decide that edits do not come into the memory; their notes stay in the log.

    Raises:
        WrongUsageError: an edit does not wait.
        MemsyncError: the decision cannot be recorded.
    """
    _settle(workspace, proposal, _check_waiting(proposal, numbers), "dropped")


def give_back(workspace: Workspace, proposal: Proposal) -> tuple[Proposal, ...]:
    """Make the notes of a proposal pending again, so that the next refresh merges them anew.

    A note is not pending while it waits in another proposal, so every open proposal that shares a
    note is given back, too. A note that another machine has merged meanwhile is logged again.

    Returns:
        The proposals that were given back, this one first.

    Raises:
        WrongUsageError: nothing of the proposal waits.
        MemsyncError: a note cannot be made pending, or the decision cannot be recorded.
    """
    _check_waiting(proposal, None)
    together = _sharing_notes(workspace, proposal)
    _log_merged_again(workspace, together)
    for entry in together:
        proposals.record_decisions(workspace, entry, entry.waiting, "again")
    return tuple(together)


def _sharing_notes(workspace: Workspace, proposal: Proposal) -> list[Proposal]:
    """Return the proposal and the open ones that share a note with it, directly or not."""
    found = [proposal]
    others = [entry for entry in proposals.list_open(workspace) if entry.id != proposal.id]
    for entry in found:  # the list grows in the loop
        found += [other for other in others if set(other.notes) & set(entry.notes)]
        others = [other for other in others if other not in found]
    return found


def _log_merged_again(workspace: Workspace, given_back: Iterable[Proposal]) -> None:
    """Log again the notes that a ledger calls merged, because a ledger never takes a note back."""
    merged = ledger.merged_ids(workspace) or set()
    for entry in given_back:
        notes = {note.id: note for note in notes_of_proposal(workspace, entry)}
        for name in entry.notes:
            if name.id not in merged:
                continue
            if name.id not in notes:
                raise MemsyncError(
                    f"a note of proposal {entry.id} counts as merged, and its words are not here",
                    hint=f"wait for the log of {name.day}, or memsync review --drop {entry.id}",
                )
            again = make_note(notes[name.id].text, clock.now(), came_by=name.came_by)
            log.append(workspace, again)


def _check_waiting(proposal: Proposal, numbers: Iterable[int] | None) -> tuple[int, ...]:
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
    """Record the decision, and mark notes as merged if nothing of them waits in any proposal."""
    proposals.record_decisions(workspace, proposal, numbers, deed)
    if not set(proposal.waiting) - set(numbers) and not proposal.given_back:
        waits = proposals.note_ids(workspace)
        done = [name for name in proposal.notes if not waits.get(name.id)]
        ledger.mark_merged(workspace, done)


def notes_of_proposal(workspace: Workspace, proposal: Proposal) -> list[Note]:
    """Return the notes of a proposal from the logs of their days; some may not be here yet.

    Raises:
        FolderAwayError: a log cannot be read.
    """
    wanted = {name.id for name in proposal.notes}
    days = sorted({name.day for name in proposal.notes})
    listed = reader.read_days(workspace, days)
    return [note for note in listed if note.id in wanted]


def _is_done(edit: Edit, memory: str) -> bool:
    """Was an edit made already, now that the lines it names are gone?

    For a remove nobody can tell: a line that is gone may have been reworded.
    """
    standing = {line.rstrip() for line in split_lines(memory)}
    gone = [line.rstrip() for line in edit.find.split("\n") if line.strip()]
    new = [line.rstrip() for line in edit.text.split("\n") if line.strip()]
    if edit.op == "remove" or not all(line in standing for line in new):
        return False
    return edit.op == "add" or not any(line in standing for line in gone if line not in new)


def _missing_section(proposal: Proposal, number: int, memory: str) -> str:
    """Return what is wrong if an edit would make a section that was there when it was proposed."""
    section = proposal.lost_section(number, memory)
    return f"it no longer fits: its section {section!r} is gone" if section else ""


def _misfit(edit: Edit, error: EditError) -> str:
    why = str(error).partition("): ")[2] or str(error)
    way_out = "; they are gone or were reworded: drop it if it is done" * (edit.op == "remove")
    return f"it no longer fits: {why}{way_out}"
