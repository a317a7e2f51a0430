"""Merge what sync clients leave beside each other: conflict copies, and an overwritten memory.

It is safe to repeat, and safe if two machines do it at once. A copy is moved to the backups when
its content is in the memory or the log, never before. Nothing is decided for a person: if two
machines changed one line, both lines stay, and `records` keeps the conflict.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from memsync.config.state import carrying_mark, lock_path
from memsync.config.sync_folder import folder_at
from memsync.config.workspace import Workspace
from memsync.errors import DamagedMemoryError, WrongUsageError, refused
from memsync.files.locks import BusyError, exclusive_lock
from memsync.files.opener import SkippedFile
from memsync.memory import store
from memsync.memory.conflicts import branches, records
from memsync.memory.conflicts.branches import (
    Branch,
    Copies,
    Overwritten,
    TextFinder,
    classify,
    find_overwritten,
    read_copy,
    readable_copies,
)
from memsync.memory.conflicts.merge import Conflict, merge_memories, restore_lines
from memsync.memory.conflicts.merge_base import Ancestors
from memsync.memory.history import backups, publish_log
from memsync.memory.history.ancestry import Ancestry
from memsync.memory.history.provenance import Cause
from memsync.memory.publish import Draft, Published, acknowledge, onto_present
from memsync.memory.store import Memory
from memsync.notes import log, reader

MERGED = Cause("reconcile")


@dataclass(frozen=True)
class Reconciled:
    """What reconciling did.

    `sources` says where the merged texts came from; `notes` is how many notes were added to logs.
    `doubtful` are files that may be copies and were left alone, `left` those that cannot be read.
    """

    sources: tuple[str, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    doubtful: tuple[Path, ...] = ()
    published: Published | None = None
    notes: int = 0
    left: tuple[SkippedFile, ...] = ()

    @property
    def sentence(self) -> str:
        """What was done, in one sentence; empty if there was nothing to do."""
        done = [f"brought in {source}" for source in self.sources]
        if self.notes:
            done.append(f"{count_in_words(self.notes, 'note')} that a log lacked")
        if self.conflicts:
            done.append(f"{count_in_words(len(self.conflicts), 'conflict')} to decide")
        return "; ".join(done)


def count_in_words(count: int, what: str) -> str:
    """Return a count in words: ``1 note``, ``2 notes``."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def unreadable_copies(workspace: Workspace) -> tuple[SkippedFile, ...]:
    """Return files named like conflict copies that cannot be read, with the reason."""
    return (
        *branches.unreadable_memory_copies(workspace.root),
        *reader.unreadable_logs(workspace),
        *backups.unreadable_backup_copies(
            workspace.backups, branches.is_from_our_machines(workspace)
        ),
    )


def doubtful_logs(workspace: Workspace) -> tuple[Path, ...]:
    """Return the files among the logs that may be copies of one, and were left alone."""
    return tuple(path for path, _ in reader.doubtful_files(workspace))


def reconcile(workspace: Workspace, taken: str | None = None) -> Reconciled:
    """Merge conflict copies, and versions that a sync client overwrote, into logs and memory.

    Args:
        workspace: where.
        taken: the name of a doubtful file that a person wants to be merged.

    Raises:
        BusyError: rclone is syncing, or was killed while it did; the file was not taken.
        WrongUsageError: there is no such file, or it cannot be read; nothing was done.
        DamagedMemoryError: the memory cannot be read; the logs are done.
        MemsyncError: the disk or the folder refused; every copy is where it was, or moved.
    """
    with exclusive_lock(lock_path(workspace.root, "reconcile"), "conflict copies", timeout=60):
        if workspace.config.provider == "rclone" and carrying_mark(workspace.root).exists():
            return _while_carried(workspace, taken)
        hint = "free some space or check the folder, then memsync conflicts"
        with refused("conflict copies cannot be merged", hint):
            chosen = _taken_logs(workspace, taken) if taken is not None else []
            logs = [*reader.log_copies(workspace), *chosen]
            notes = sum(_merge_log(workspace, *copy) for copy in logs)
            notes += log.bring_back(workspace)
            _keep_copies_of_backups(workspace)
            outcome = _merge_texts(workspace, taken)
            doubtful = (*outcome.doubtful, *doubtful_logs(workspace))
            left = unreadable_copies(workspace)
            return replace(outcome, notes=notes, doubtful=doubtful, left=left)


def _while_carried(workspace: Workspace, taken: str | None) -> Reconciled:
    """Read no copy, because rclone may have written only a part of it; all wait."""
    copies = [path for _, path in branches.files_named_like_copies(workspace.root)]
    copies += [path for path, _ in reader.log_copies(workspace)]
    if taken is not None:
        raise BusyError(f"rclone is not done with {taken}", hint="memsync daemon run sync")
    why = "rclone is not done with it: memsync daemon run sync"
    return Reconciled(left=tuple(SkippedFile(path, why) for path in copies))


def _taken_logs(workspace: Workspace, taken: str) -> list[tuple[Path, date]]:
    """Return the log that was taken, with its day; none if it is a copy of the memory."""
    logs = [copy for copy in reader.doubtful_files(workspace) if copy[0].name == taken]
    listed = [path for path, _ in logs]
    listed += [
        path for _, path in branches.files_named_like_copies(workspace.root) if path.name == taken
    ]
    listed += [left.path for left in reader.unreadable_logs(workspace) if left.path.name == taken]
    if not listed:
        raise WrongUsageError(
            f"no file called {taken!r} was left alone",
            hint="memsync conflicts lists those that were",
        )
    why = read_copy(folder_at(workspace.root), listed[0])[1]
    if why:
        raise WrongUsageError(f"{taken} cannot be read ({why})", hint="look at it, then move it")
    return logs


def _merge_log(workspace: Workspace, copy: Path, day: date) -> int:
    data, count = log.merge_log_copy(workspace, copy, day)
    backups.keep_conflict_copy(copy, data, workspace.backups)
    return count


def _keep_copies_of_backups(workspace: Workspace) -> None:
    """Move the conflict copies of backups to the other copies; there is nothing to merge."""
    files = folder_at(workspace.root)
    for copy in backups.backup_copies(workspace.backups, branches.is_from_our_machines(workspace)):
        if files.why_unreadable(copy):
            continue
        with contextlib.suppress(FileNotFoundError):  # another machine did so meanwhile
            backups.keep_conflict_copy(copy, files.read(copy), workspace.backups)


@dataclass(frozen=True)
class _Plan:
    """What is to be done: the memory's new text, its conflicts, and the texts it is made of."""

    memory: Memory
    text: str
    conflicts: tuple[Conflict, ...]
    merged: tuple[Branch, ...]
    copies: Copies
    past: Overwritten

    @property
    def included(self) -> tuple[str, ...]:
        """The digests of the texts that are in the memory when this is done."""
        merged = [branch.digest for branch in (*self.copies.sure, *self.past.missing)]
        return (*merged, *self.past.edited)


def _merge_texts(workspace: Workspace, taken: str | None) -> Reconciled:
    missing = _renamed_memory(workspace, taken)

    def make(memory: Memory) -> tuple[Draft | None, _Plan]:
        plan = _plan(workspace, memory, taken)
        records.record_conflicts(workspace, plan.conflicts)
        is_same = plan.text == memory.text and missing is None
        return (None if is_same else Draft(plan.text, MERGED, plan.included)), plan

    hint = "memsync conflicts, a little later"
    published, plan = onto_present(workspace, make, hint, missing=missing)
    if published is None:
        publish_log.record_included(workspace, plan.memory.digest, plan.included)
        acknowledge(workspace, plan.memory, included=(*plan.included, *plan.past.included))
    for branch in plan.copies.sure:
        if branch.copy is not None:
            backups.keep_conflict_copy(branch.copy, branch.text.encode("utf-8"), workspace.backups)
    sources = tuple(dict.fromkeys(branch.source for branch in plan.merged))
    return Reconciled(sources, plan.conflicts, plan.copies.doubtful, published)


def _renamed_memory(workspace: Workspace, taken: str | None) -> Memory | None:
    """Return a text to start from if rclone renamed the memory; None if it is in its place.

    rclone bisync renames both sides of a conflict, so no memory is left under its name. If only one
    of the two is here, another machine has merged the other one already, and the merged memory is
    on its way: one made here would only be renamed again. A person may take that one all the same.
    """
    try:
        store.read(workspace)
    except DamagedMemoryError as error:
        readable = readable_copies(workspace.root)
        renamed = sorted(
            (one.digest, one.text) for copy, one in readable if copy.client == "rclone"
        )
        files = folder_at(workspace.root)
        if not renamed or files.exists(workspace.memory) or files.is_evicted(workspace.memory):
            raise
        found = branches.files_named_like_copies(workspace.root)  # an unreadable one counts, too
        names = [path.name for copy, path in found if copy.client == "rclone"]
        if len(names) == 1 and taken not in names:
            raise DamagedMemoryError(
                f"{error.message}; of the two that rclone made of it only {names[0]} is here",
                hint=f"let rclone finish; if nothing comes, memsync conflicts take {names[0]}",
            ) from error
        return Memory(renamed[0][1], renamed[0][0])
    return None


def _plan(workspace: Workspace, memory: Memory, taken: str | None) -> _Plan:
    """Decide what to do, now that `memory` is the memory; changes nothing."""
    graph, texts = publish_log.read_ancestry(workspace), TextFinder(workspace)
    ancestors = Ancestors(graph, texts.find)
    texts.add(memory.text)
    copies = classify(workspace, graph, texts, memory, readable_copies(workspace.root), taken)
    past = find_overwritten(workspace, ancestors, texts, memory)
    if past.edited:
        was_known, origins = graph.is_whole(memory.digest), graph.origins(memory.digest)
        graph.add(memory.digest, (*origins, *past.edited), is_whole=was_known)
    fresh = _unmerged(graph, memory, [*copies.sure, *past.missing])
    decided = records.resolutions(workspace) if fresh else {}
    text, conflicts = _merge_all(ancestors, texts, memory, fresh, decided)
    return _Plan(memory, text, conflicts, fresh, copies, past)


def _unmerged(graph: Ancestry, memory: Memory, candidates: list[Branch]) -> tuple[Branch, ...]:
    """Return the branches that are not in the memory yet, in the same order on every machine."""
    fresh = {one.digest: one for one in candidates if not graph.descends(memory.digest, one.digest)}
    return tuple(fresh[name] for name in sorted(fresh))


def _merge_all(
    ancestors: Ancestors,
    texts: TextFinder,
    memory: Memory,
    fresh: tuple[Branch, ...],
    decided: Mapping[str, str],
) -> tuple[str, tuple[Conflict, ...]]:
    """Return the memory with the branches merged into it, and what a person has to decide."""
    present, text = memory.digest, memory.text
    conflicts: list[Conflict] = []
    for branch in fresh:
        other = texts.add(branch.text)
        if ancestors.graph.descends(present, other):
            continue
        if branch.is_unclaimed:
            merged = restore_lines(text, branch.text, branch.source, decided)
        else:
            base = ancestors.base_of(present, other)
            merged = merge_memories(base, text, branch.text, branch.source, decided)
        conflicts += merged.conflicts
        text = merged.text
        name = texts.add(text)
        ancestors.graph.add(name, (present, other))
        present = name
    return text, tuple(conflicts)
