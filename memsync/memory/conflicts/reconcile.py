"""What sync clients leave apart is brought together: conflict copies, and a memory written over.

One deed, safe to repeat and to be done by two machines at once. A copy is moved to the backups once
what it holds is in the memory or the log, never before. Nothing is decided for a person: where two
machines changed one line, both stay, and `conflicts` keeps the question.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from memsync.config.state import carrying_mark, lock_path
from memsync.config.workspace import Workspace
from memsync.errors import DamagedMemoryError, MemoryMovedError, MemsyncError, WrongUsageError
from memsync.files.locks import BusyError, exclusive_lock
from memsync.files.placeholders import is_evicted
from memsync.files.regular import SkippedFile, read_regular, why_unreadable
from memsync.memory import store
from memsync.memory.conflicts import branches, records
from memsync.memory.conflicts.branches import (
    Branch,
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
from memsync.memory.publish import Published, acknowledge, publish
from memsync.memory.store import Memory
from memsync.notes import log, reader
from memsync.providers.conflict_copies import Copy

TRIES = 5
MERGED = Cause("reconcile")


@dataclass(frozen=True)
class Reconciled:
    """What reconciling did.

    `doubtful` are files that may be copies and were left alone, `left` those that cannot be read.
    """

    sources: tuple[str, ...] = ()
    disputes: tuple[Conflict, ...] = ()
    doubtful: tuple[Path, ...] = ()
    published: Published | None = None
    notes: int = 0
    left: tuple[SkippedFile, ...] = ()

    @property
    def sentence(self) -> str:
        """What was done, in one sentence; empty where nothing was to do."""
        done = [f"brought in {source}" for source in self.sources]
        if self.notes:
            done.append(f"{count_in_words(self.notes, 'note')} that a log lacked")
        if self.disputes:
            done.append(f"{count_in_words(len(self.disputes), 'conflict')} to decide")
        return "; ".join(done)


def count_in_words(count: int, what: str) -> str:
    """Return a count in words: ``1 note``, ``2 notes``."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def unreadable_copies(workspace: Workspace) -> tuple[SkippedFile, ...]:
    """Return what is named like a copy, of memory, log or backup, and cannot be read."""
    return (
        *branches.unreadable_memory_copies(workspace.root),
        *reader.unreadable_logs(workspace),
        *backups.unreadable_backup_copies(
            workspace.backups, branches.is_from_our_machines(workspace)
        ),
    )


def doubtful_logs(workspace: Workspace) -> tuple[Path, ...]:
    """Return the files among the logs that may be copies of one, and are not read."""
    return tuple(path for path, _ in reader.doubtful_files(workspace))


def reconcile(workspace: Workspace, taken: str | None = None) -> Reconciled:
    """Bring conflict copies, and what the memory lost behind our back, into logs and memory.

    Args:
        workspace: where.
        taken: the name of a file that may be a copy or a person's own, if the person says that it
            is to be brought in.

    Raises:
        BusyError: rclone carries just now, or was killed while it did; it is not taken.
        WrongUsageError: there is no such file, or it cannot be read; nothing was done.
        DamagedMemoryError: the memory cannot be read; the logs are done.
        MemsyncError: the disk or the folder refused; every copy is where it was, or moved whole.
    """
    with exclusive_lock(lock_path(workspace.root, "reconcile"), "conflict copies", timeout=60):
        if workspace.config.provider == "rclone" and carrying_mark(workspace.root).exists():
            return _while_carried(workspace, taken)
        try:
            chosen = _taken_logs(workspace, taken) if taken is not None else []
            logs = [*reader.log_copies(workspace), *chosen]
            notes = sum(_bring_in_log(workspace, *copy) for copy in logs)
            notes += log.bring_back(workspace)
            _keep_copies_of_backups(workspace)
            outcome = _try_texts(workspace, taken)
            doubtful = (*outcome.doubtful, *doubtful_logs(workspace))
            left = unreadable_copies(workspace)
            return replace(outcome, notes=notes, doubtful=doubtful, left=left)
        except OSError as error:
            raise MemsyncError(
                f"what two machines wrote cannot be brought together: {error.strerror or error}",
                hint="free some space or check the folder, then memsync conflicts",
            ) from error


def _while_carried(workspace: Workspace, taken: str | None) -> Reconciled:
    """Read no copy of which rclone may have brought a piece only; all wait where they are."""
    copies = [path for _, path in branches.files_named_like_copies(workspace.root)]
    copies += [path for path, _ in reader.log_copies(workspace)]
    if taken is not None:
        raise BusyError(f"rclone is not done with {taken}", hint="memsync daemon run sync")
    why = "rclone is not done with it: memsync daemon run sync"
    return Reconciled(left=tuple(SkippedFile(path, why) for path in copies))


def _taken_logs(workspace: Workspace, taken: str) -> list[tuple[Path, date]]:
    """Return the log that was taken, with its day; none where it is a copy of the memory."""
    logs = [copy for copy in reader.doubtful_files(workspace) if copy[0].name == taken]
    listed = [path for path, _ in logs]
    listed += [
        path for _, path in branches.files_named_like_copies(workspace.root) if path.name == taken
    ]
    listed += [left.path for left in reader.unreadable_logs(workspace) if left.path.name == taken]
    if not listed:
        raise WrongUsageError(
            f"no file called {taken!r} was left", hint="memsync conflicts names those that were"
        )
    why = read_copy(listed[0])[1]
    if why:
        raise WrongUsageError(f"{taken} cannot be read ({why})", hint="look at it, then move it")
    return logs


def _bring_in_log(workspace: Workspace, copy: Path, day: date) -> int:
    data, count = log.merge_log_copy(workspace, copy, day)
    backups.keep_conflict_copy(copy, data, workspace.backups)
    return count


def _keep_copies_of_backups(workspace: Workspace) -> None:
    """Put the copies of backups with the others; there is nothing to bring in."""
    for copy in backups.backup_copies(workspace.backups, branches.is_from_our_machines(workspace)):
        if why_unreadable(copy):
            continue
        with contextlib.suppress(FileNotFoundError):  # another machine did so meanwhile
            backups.keep_conflict_copy(copy, read_regular(copy), workspace.backups)


def _try_texts(workspace: Workspace, taken: str | None) -> Reconciled:
    for _ in range(TRIES):
        try:
            return _bring_in_texts(workspace, taken)
        except MemoryMovedError:
            continue
    raise MemoryMovedError("the memory keeps changing", hint="memsync conflicts, a little later")


def _bring_in_texts(workspace: Workspace, taken: str | None) -> Reconciled:
    named = readable_copies(workspace.root)
    memory, is_there = _memory(workspace, named, taken)
    graph, texts = publish_log.read_ancestry(workspace), TextFinder(workspace)
    kinship = Ancestors(graph, texts.find)
    texts.add(memory.text)
    copies = classify(workspace, graph, texts, memory, named, taken)
    past = find_overwritten(workspace, kinship, texts, memory)
    was_known, origins = graph.is_whole(memory.digest), graph.origins(memory.digest)
    if past.claimed:
        graph.add(memory.digest, (*origins, *past.claimed), is_whole=was_known)
    strands = _to_bring_in(graph, memory, [*copies.sure, *past.missed])
    text, disputes = _woven(workspace, kinship, texts, memory, strands)
    included = (*(strand.digest for strand in copies.sure), *(s.digest for s in past.missed))
    published = None
    records.record_conflicts(workspace, disputes)
    if text != memory.text or not is_there:
        based_on = memory.digest if is_there else None
        held = (*included, *past.claimed)
        published = publish(workspace, text, based_on, cause=MERGED, also=held)
    else:
        publish_log.record_included(workspace, memory.digest, (*included, *past.claimed))
        found = (*included, *past.claimed, *past.included)
        acknowledge(workspace, memory, included=found)
    for copy in copies.sure:
        if copy.copy is not None:
            backups.keep_conflict_copy(copy.copy, copy.text.encode("utf-8"), workspace.backups)
    sources = tuple(dict.fromkeys(strand.source for strand in strands))
    return Reconciled(sources, tuple(disputes), copies.doubtful, published)


def _memory(
    workspace: Workspace, named: list[tuple[Copy, Branch]], taken: str | None
) -> tuple[Memory, bool]:
    """Return the memory, and whether it stands in its place.

    rclone bisync renames both sides of a conflict, so that no memory is left under its name. A
    single one of them, which may be taken, means that another machine has brought the other in
    already and that the memory it made is on its way: one made here would only be renamed again.
    """
    try:
        return store.read(workspace), True
    except DamagedMemoryError as error:
        renamed = sorted(
            (strand.digest, strand.text) for copy, strand in named if copy.client == "rclone"
        )
        if not renamed or workspace.memory.exists() or is_evicted(workspace.memory):
            raise
        all_of_it = branches.files_named_like_copies(
            workspace.root
        )  # one that cannot be read is one, too
        names = [path.name for copy, path in all_of_it if copy.client == "rclone"]
        if len(names) == 1 and taken not in names:
            raise DamagedMemoryError(
                f"{error.message}; of the two that rclone made of it only {names[0]} is here",
                hint=f"let rclone finish; if nothing comes, memsync conflicts take {names[0]}",
            ) from error
        return Memory(renamed[0][1], renamed[0][0]), False


def _to_bring_in(graph: Ancestry, memory: Memory, strands: list[Branch]) -> list[Branch]:
    """Return the texts that are not in the memory yet, in the order every machine takes them."""
    fresh = {s.digest: s for s in strands if not graph.descends(memory.digest, s.digest)}
    return [fresh[name] for name in sorted(fresh)]


def _woven(
    workspace: Workspace,
    kinship: Ancestors,
    texts: TextFinder,
    memory: Memory,
    strands: list[Branch],
) -> tuple[str, list[Conflict]]:
    """Return the memory with the strands in it, and what a person has to decide."""
    decided = records.resolutions(workspace) if strands else {}
    present, text = memory.digest, memory.text
    disputes: list[Conflict] = []
    for strand in strands:
        other = texts.add(strand.text)
        if kinship.graph.descends(present, other):
            continue
        if strand.is_forsaken:
            woven = restore_lines(text, strand.text, strand.source, decided)
        else:
            base = kinship.base_of(present, other)
            woven = merge_memories(base, text, strand.text, strand.source, decided)
        disputes += woven.disputes
        text = woven.text
        name = texts.add(text)
        kinship.graph.add(name, (present, other))
        present = name
    return text, disputes
