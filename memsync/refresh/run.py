"""Pending notes become part of the memory: merge, publish, ledger, usage.

The memory is written first and the ledger second: a crash between the two repeats a merge and
loses nothing. Only the person's own word is merged: their decisions about notes are read again
right before a merge is published. If every change is to be reviewed, it is kept as a proposal.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from memsync.config import Config
from memsync.config.credentials import has_model
from memsync.config.state import lock_path, state_path
from memsync.config.workspace import Workspace
from memsync.errors import (
    BadAnswerError,
    DamagedMemoryError,
    FolderAwayError,
    MemoryMovedError,
    MemsyncError,
    RefusedError,
    refused,
    refused_by_disk,
)
from memsync.files.locks import BusyError, exclusive_lock
from memsync.memory import store
from memsync.memory.conflicts.reconcile import reconcile
from memsync.memory.history.provenance import Cause
from memsync.memory.publish import (
    Draft,
    Published,
    onto_present,
    require_written,
    update_targets,
)
from memsync.notes import delivery, held, ledger
from memsync.refresh import engine, pending, prompt, proposals, usage
from memsync.refresh.engine import MergeResult
from memsync.refresh.llm import prices
from memsync.refresh.outcome import Refreshed
from memsync.refresh.pending import batches_of
from memsync.text.attribution import sources_of_all
from memsync.text.edits import EditError
from memsync.text.note import Note


def merge_pending(
    workspace: Workspace, *, command: str = "refresh", allow_shrink: bool = False
) -> Refreshed:
    """Merge every pending note of every day into the memory and publish it.

    Every agent has the memory afterwards, also where a merge failed; the error then begins with
    what was merged, and what waits for review, before it.

    Raises:
        ApiError: the model failed or its answer could not be used; the notes stay pending.
        RefusedError: the answer would have harmed the memory; nothing was written.
        MemsyncError: something else stood in the way; what was merged before it is published.
    """
    with exclusive_lock(lock_path(workspace.root, "refresh"), "a refresh", timeout=60):
        space = "free some space or check the machines folder, then memsync refresh"
        with refused("the ledger cannot be written", space):
            ledger.open_ledger(workspace)
        reconcile(workspace)
        outcome = Refreshed(before=store.read(workspace).text)
        outcome.after = outcome.before
        try:
            _gather_waiting(workspace)
            _merge_all(workspace, outcome, command, allow_shrink=allow_shrink)
        except MemsyncError as error:
            told = outcome.explain(_after_bringing_in_step(workspace, outcome, error))
            if told is error:
                raise
            raise told from error
        if not outcome.targets:  # a sync client may have brought a memory that no agent has yet
            outcome.targets = update_targets(workspace).targets
        return outcome


def _merge_all(
    workspace: Workspace, outcome: Refreshed, command: str, *, allow_shrink: bool
) -> None:
    for batch in batches_of(pending.pending_notes(workspace)):
        left = batch
        while left:
            try:
                _merge_batch(workspace, left, outcome, command, allow_shrink=allow_shrink)
                break
            except _TakenBackError as error:
                left = [note for note in left if note.id not in error.notes]


class _TakenBackError(Exception):
    """Some notes of a merge are not the person's word any more, so it must not be published."""

    def __init__(self, notes: AbstractSet[str]) -> None:
        super().__init__(notes)
        self.notes = notes


def _require_own_word(workspace: Workspace, batch: Sequence[Note]) -> None:
    if lost := held.lost_word(workspace, batch):
        raise _TakenBackError(lost)


def _after_bringing_in_step(
    workspace: Workspace, outcome: Refreshed, error: MemsyncError
) -> MemsyncError:
    """Give every agent the memory as it is, after a refresh that failed by `error`.

    Returns:
        `error`; where this failed, too, with that behind its words.
    """
    if isinstance(error, FolderAwayError | DamagedMemoryError | BusyError):
        return error  # there is no memory to give, or somebody else is giving it
    try:
        require_written(outcome.targets or update_targets(workspace).targets)
    except (MemsyncError, OSError) as fault:
        second = refused_by_disk(fault) if isinstance(fault, OSError) else fault
        if second.message != error.message:
            words = f"{error.message}; besides, {second.message}"
            return error.reworded(words, "; ".join(filter(None, (error.hint, second.hint))))
    return error


def _gather_waiting(workspace: Workspace) -> None:
    """Put what the spool has for the logs into them, as far as that goes now."""
    hint = f"check the permissions of {state_path()}, then memsync refresh"
    with refused("the notes that wait on this machine cannot be read", hint):
        delivery.redeliver(workspace)


def preview(workspace: Workspace, extra: Sequence[Note] = (), *, allow_shrink: bool) -> Refreshed:
    """Return what `merge_pending` would do, with `extra` notes as if they were pending.

    Writes nothing but the line of a call in the usage log, because a preview's call costs, too.
    """
    memory = store.read(workspace)
    outcome = Refreshed(before=memory.text, after=memory.text)
    for batch in batches_of([*pending.pending_notes(workspace), *extra]):
        result = _ask(workspace, batch, outcome.after, "preview", allow_shrink=allow_shrink)
        outcome.add(batch, result, _notes_that_wait(result, batch))
        outcome.after = result.text
    return outcome


def _merge_batch(
    workspace: Workspace, batch: list[Note], outcome: Refreshed, command: str, *, allow_shrink: bool
) -> None:
    memory = store.read(workspace)
    result = _ask(workspace, batch, memory.text, command, allow_shrink=allow_shrink)
    published, result = _publish(workspace, memory, batch, result, allow_shrink=allow_shrink)
    if published is None:  # the run that wrote this memory may have ended before it told them
        outcome.targets = update_targets(workspace).targets
    waiting = _notes_that_wait(result, batch)
    if waiting:
        made = proposals.save_proposal(
            workspace,
            result.waiting,
            waiting,
            summary=result.summary,
            memory=result.text,
        )
        outcome.proposals.append(made)
    outcome.add(batch, result, waiting)
    ledger.mark_merged(workspace, [note for note in batch if note not in waiting])
    if published is not None:
        outcome.after = store.read(workspace).text
        outcome.backup = outcome.backup or published.backup
        outcome.targets = published.targets


def _notes_that_wait(result: MergeResult, batch: Sequence[Note]) -> tuple[Note, ...]:
    """Return the notes that what waits was made from."""
    edits = [waiting.edit for waiting in result.waiting]
    lines = [line for edit in edits for line in (edit.text or edit.find).split("\n")]
    return sources_of_all(lines, batch) if edits else ()


def _ask(
    workspace: Workspace, batch: list[Note], memory: str, command: str, *, allow_shrink: bool
) -> MergeResult:
    config = workspace.config
    if has_model(config):
        most = prompt.most_tokens_of_merge(batch, memory, config)
        usage.check_budget(workspace, config, prices.at_most(config.model, most))
    try:
        result = engine.merge_notes(batch, memory, config, allow_shrink=allow_shrink)
    except EditError as error:
        raise RefusedError(
            f"the notes could not be put into the memory: {error}",
            hint="memsync edit, and mend the section the message names; the notes stay pending",
        ) from error
    _record(workspace, result, command)
    _raise_on_refusal(result, config)
    if config.review == "inbox":
        return engine.hold_all(result, "core.review is inbox: every change waits")
    return result


def _record(workspace: Workspace, result: MergeResult, command: str) -> None:
    """Write down each call; the last one is the one that changed something, if any did."""
    last = len(result.calls)
    space = "free some space or check the folder, then memsync refresh"
    with refused("the cost of the call cannot be written down", space):
        for number, tokens in enumerate(result.calls, start=1):
            changed = result.changed and number == last
            usage.record_call(workspace, command, result.model, tokens, changed=changed)


def _raise_on_refusal(result: MergeResult, config: Config) -> None:
    if result.refusal:
        shows = "memsync refresh --dry-run --allow-shrink shows it; "
        raise RefusedError(
            f"the merge was not applied: {result.refusal.why}",
            hint=f"{shows if result.refusal.can_be_allowed else ''}memsync edit"
            " changes lines by hand; the notes stay pending",
        )
    if result.unusable:
        raise BadAnswerError(
            f"the model's answer cannot be used: {result.unusable.why}",
            hint=result.unusable.hint
            or f"memsync refresh again, or try another model than {config.model}"
            " (--model NAME); the notes stay pending",
        )


def _publish(
    workspace: Workspace,
    memory: store.Memory,
    batch: list[Note],
    result: MergeResult,
    *,
    allow_shrink: bool,
) -> tuple[Published | None, MergeResult]:
    """Publish the merge; if the memory moved, apply the same edits to what stands there now.

    Returns:
        What publishing did, and the merge as it was published.
    """

    def make(present: store.Memory) -> tuple[Draft | None, MergeResult]:
        _require_own_word(workspace, batch)
        fitted = result
        if present.digest != memory.digest:
            fitted = _reapplied(result, present, allow_shrink=allow_shrink)
            _raise_on_refusal(fitted, workspace.config)
        cause = Cause("refresh", tuple(batch))
        return (Draft(fitted.text, cause) if fitted.changed else None), fitted

    if not result.changed:
        _require_own_word(workspace, batch)
        return None, result
    hint = "memsync refresh when the other program is done; the notes stay pending"
    return onto_present(workspace, make, hint)


def _reapplied(result: MergeResult, memory: store.Memory, *, allow_shrink: bool) -> MergeResult:
    try:
        return engine.reapply(result, memory.text, allow_shrink=allow_shrink)
    except EditError as error:
        raise MemoryMovedError(
            f"the memory changed meanwhile and the merge no longer fits: {error}",
            hint="memsync refresh again; the notes stay pending",
        ) from error
