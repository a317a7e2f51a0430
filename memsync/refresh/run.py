"""Pending notes become part of the memory: merge, publish, ledger, usage.

The memory is written first and the ledger second: a crash between the two repeats a merge and
loses nothing. What came by the network or from transcripts is merged in calls of its own, before
the person's own word, so that the person has the last word; what waits for a person is kept as a
proposal.
"""

from __future__ import annotations

from collections.abc import Sequence

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
from memsync.memory.publish import Published, publish, require_written, update_targets
from memsync.notes import delivery, ledger
from memsync.refresh import engine, pending, prompt, proposals, usage
from memsync.refresh.engine import MergeResult
from memsync.refresh.guards import Refusal
from memsync.refresh.llm import prices
from memsync.refresh.outcome import Refreshed
from memsync.refresh.pending import batches_of
from memsync.text.attribution import sources_of_all
from memsync.text.edits import EditError
from memsync.text.note import Note

TRIES = 3


def merge_pending(
    workspace: Workspace, *, command: str = "refresh", allow_shrink: bool = False
) -> Refreshed:
    """Merge every pending note of every day into the memory and publish it.

    Every agent has the memory afterwards, even if a merge failed. The error then begins with what
    was merged before it, and with what waits for review.

    Raises:
        ApiError: the model failed or its answer could not be used; the notes stay pending.
        RefusedError: the answer would have harmed the memory; nothing was written.
        MemsyncError: something else stood in the way; what was merged before it is published.
    """
    with exclusive_lock(lock_path(workspace.root, "refresh"), "a refresh", timeout=60):
        hint = "free some space or check the machines folder, then memsync refresh"
        with refused("the ledger cannot be written", hint):
            ledger.open_ledger(workspace)
        reconcile(workspace)
        outcome = Refreshed(before=store.read(workspace).text)
        outcome.after = outcome.before
        try:
            _deliver_notes(workspace)
            _merge_all(workspace, outcome, command, allow_shrink=allow_shrink)
        except MemsyncError as error:
            explained = outcome.explain(_with_targets_updated(workspace, outcome, error))
            if explained is error:
                raise
            raise explained from error
        if not outcome.targets:  # a sync client may have brought a memory that no agent has yet
            outcome.targets = update_targets(workspace).targets
        return outcome


def preview(workspace: Workspace, extra: Sequence[Note] = (), *, allow_shrink: bool) -> Refreshed:
    """Return what `merge_pending` would do, with `extra` notes as if they were pending.

    Writes nothing but the line of a call in the usage log, because a preview's call costs, too.
    """
    memory = store.read(workspace)
    outcome = Refreshed(before=memory.text, after=memory.text)
    for batch in batches_of([*pending.pending_notes(workspace), *extra]):
        result = _merge(workspace, batch, outcome.after, "preview", allow_shrink=allow_shrink)
        outcome.add(batch, result, _held_notes(result, batch))
        outcome.after = result.text
    return outcome


def _deliver_notes(workspace: Workspace) -> None:
    """Put the notes that wait on this machine into the logs, as far as that is possible now."""
    hint = f"check the permissions of {state_path()}, then memsync refresh"
    with refused("the notes that wait on this machine cannot be read", hint):
        delivery.redeliver(workspace)


def _with_targets_updated(
    workspace: Workspace, outcome: Refreshed, error: MemsyncError
) -> MemsyncError:
    """Give every agent the memory as it is, after a refresh that failed by `error`.

    Returns:
        `error`; if an agent cannot be given the memory, with that behind its words.
    """
    if isinstance(error, FolderAwayError | DamagedMemoryError | BusyError):
        return error  # there is no memory to give, or another process is giving it
    try:
        require_written(outcome.targets or update_targets(workspace).targets)
    except (MemsyncError, OSError) as fault:
        second = refused_by_disk(fault) if isinstance(fault, OSError) else fault
        if second.message != error.message:
            words = f"{error.message}; besides, {second.message}"
            return error.reworded(words, "; ".join(filter(None, (error.hint, second.hint))))
    return error


def _merge_all(
    workspace: Workspace, outcome: Refreshed, command: str, *, allow_shrink: bool
) -> None:
    failed: BadAnswerError | None = None
    for batch in batches_of(pending.pending_notes(workspace)):
        try:
            _merge_batch(workspace, batch, outcome, command, allow_shrink=allow_shrink)
        except BadAnswerError as error:
            if batch[0].is_own_word:
                raise
            failed = error  # a stranger's note must not keep the person's own out
    if failed is not None:
        raise failed


def _merge_batch(
    workspace: Workspace, batch: list[Note], outcome: Refreshed, command: str, *, allow_shrink: bool
) -> None:
    memory = store.read(workspace)
    result = _merge(workspace, batch, memory.text, command, allow_shrink=allow_shrink)
    published, result = _publish(workspace, memory, batch, result)
    if published is None:  # the run that wrote this memory may have ended before it updated them
        outcome.targets = update_targets(workspace).targets
    held = _held_notes(result, batch)
    if held:
        made = proposals.save_proposal(
            workspace, result.held, held, summary=result.summary, memory=result.text
        )
        outcome.proposals.append(made)
    outcome.add(batch, result, held)
    ledger.mark_merged(workspace, [note for note in batch if note not in held])
    if published is not None:
        outcome.after = store.read(workspace).text
        outcome.backup = outcome.backup or published.backup
        outcome.targets = published.targets


def _held_notes(result: MergeResult, batch: Sequence[Note]) -> tuple[Note, ...]:
    """Return the notes from which the edits that wait were made."""
    edits = [held.edit for held in result.held]
    lines = [line for edit in edits for line in (edit.text or edit.find).split("\n")]
    return sources_of_all(lines, batch) if edits else ()


def _merge(
    workspace: Workspace, batch: list[Note], memory: str, command: str, *, allow_shrink: bool
) -> MergeResult:
    """Merge one batch, within the budget, and record what it cost; publishes nothing."""
    config = workspace.config
    if has_model(config):
        most = prompt.most_tokens_of_merge(batch, memory, config)
        usage.check_budget(workspace, config, prices.at_most(config.model, most))
    try:
        result = engine.merge(batch, memory, config, allow_shrink=allow_shrink)
    except EditError as error:
        raise RefusedError(
            f"the notes could not be put into the memory: {error}",
            hint="memsync edit, and mend the section the message names; the notes stay pending",
        ) from error
    _record_calls(workspace, result, command)
    _raise_failure(result, config)
    if config.review == "inbox":
        return engine.hold_all(result, memory, "core.review is inbox: every change waits")
    return result


def _record_calls(workspace: Workspace, result: MergeResult, command: str) -> None:
    """Record each call; if the merge changed something, the last call did."""
    last = len(result.calls)
    hint = "free some space or check the folder, then memsync refresh"
    with refused("the cost of the call cannot be written down", hint):
        for number, tokens in enumerate(result.calls, start=1):
            changed = result.changed and number == last
            usage.record_call(workspace, command, result.model, tokens, changed=changed)


def _raise_failure(result: MergeResult, config: Config) -> None:
    if result.failure is None:
        return
    if isinstance(result.failure, Refusal):
        shows = "memsync refresh --dry-run --allow-shrink shows it; "
        raise RefusedError(
            f"the merge was not applied: {result.failure.why}",
            hint=f"{shows if result.failure.can_be_allowed else ''}memsync edit"
            " changes lines by hand; the notes stay pending",
        )
    raise BadAnswerError(
        f"the model's answer cannot be used: {result.failure.why}",
        hint=result.failure.hint
        or f"memsync refresh again, or try another model than {config.model}"
        " (--model NAME); the notes stay pending",
    )


def _publish(
    workspace: Workspace, memory: store.Memory, batch: list[Note], result: MergeResult
) -> tuple[Published | None, MergeResult]:
    """Publish the merge; if the memory moved, apply the same edits to what is there now.

    Returns:
        What publishing did, or None if there is nothing to change, and the merge as it was
        published.
    """
    cause = Cause("refresh", tuple(batch))
    for _ in range(TRIES):
        if not result.changed:
            return None, result
        try:
            return publish(workspace, result.text, memory.digest, cause=cause), result
        except MemoryMovedError:
            memory = store.read(workspace)
            result = _reapply(workspace, result, memory.text)
    raise MemoryMovedError(
        "the memory kept changing while the notes were merged",
        hint="memsync refresh when the other program is done; the notes stay pending",
    )


def _reapply(workspace: Workspace, result: MergeResult, memory: str) -> MergeResult:
    try:
        again = engine.reapply(result, memory)
    except EditError as error:
        raise MemoryMovedError(
            f"the memory changed meanwhile and the merge no longer fits: {error}",
            hint="memsync refresh again; the notes stay pending",
        ) from error
    _raise_failure(again, workspace.config)
    return again
