"""Publish a memory: replace it, give it to every agent, write this machine's report.

All changes of the memory go this way, under one lock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, overload

from memsync import targets
from memsync.config.state import lock_path
from memsync.config.workspace import Workspace
from memsync.errors import DamagedMemoryError, MemoryMovedError, MemsyncError, refused
from memsync.files.locks import exclusive_lock
from memsync.memory import machines, store, sweep
from memsync.memory.history import last_seen, provenance
from memsync.memory.history.provenance import Cause
from memsync.memory.reading import is_empty
from memsync.targets import Target, TargetState

BY_HAND = Cause("edit")
FOUND = Cause("found")
"""What somebody wrote into the file itself, or a sync client brought."""

TRIES = 3
"""So often a change is made on the memory as it stands, because others change it meanwhile."""

Found = TypeVar("Found")


@dataclass(frozen=True)
class Published:
    """What publishing did: the memory's digest now, the backup made, each target's state."""

    digest: str
    backup: Path | None
    targets: tuple[TargetState, ...]


@dataclass(frozen=True)
class Draft:
    """A text to publish, what the change came from, and the digests of other texts in it."""

    text: str
    cause: Cause = BY_HAND
    also: tuple[str, ...] = ()


@dataclass(frozen=True)
class Inspection:
    """What was found: the memory's digest, and each target's state."""

    digest: str
    targets: tuple[TargetState, ...]


def publish(
    workspace: Workspace,
    text: str,
    based_on: str | None,
    *,
    cause: Cause = BY_HAND,
    also: tuple[str, ...] = (),
) -> Published:
    """Make `text` the memory and give it to every agent.

    Args:
        workspace: where.
        text: the whole new memory.
        based_on: the digest of the memory it was made from; None replaces whatever is there.
        cause: what the change came from, for `blame`.
        also: the digests of other texts that are in it (a merge).

    Raises:
        MemoryMovedError: the memory changed since; nothing was written.
        DamagedMemoryError: the memory cannot be read.
        MemsyncError: the disk refused; the message tells whether the memory was written.
    """

    def write() -> store.Replaced:
        _record(workspace, text, based_on, cause)
        return store.replace(workspace, text, based_on, also)

    return _write_and_tell(workspace, write)


@overload
def onto_present(
    workspace: Workspace, make: Callable[[store.Memory], tuple[Draft, Found]], hint: str
) -> tuple[Published, Found]: ...
@overload
def onto_present(
    workspace: Workspace,
    make: Callable[[store.Memory], tuple[Draft | None, Found]],
    hint: str,
    *,
    missing: store.Memory | None = ...,
) -> tuple[Published | None, Found]: ...
def onto_present(
    workspace: Workspace,
    make: Callable[[store.Memory], tuple[Draft | None, Found]],
    hint: str,
    *,
    missing: store.Memory | None = None,
) -> tuple[Published | None, Found]:
    """Publish a change that is made on the present memory; made anew each time that moves.

    Args:
        workspace: where.
        make: given the present memory, returns the text to publish, or None if there is nothing
            to publish, and whatever the caller wants back. It is called once for each try.
        hint: what to do if the memory never stands still.
        missing: the text to take for the memory, if there is none in its place.

    Returns:
        What was published, if anything, and what `make` returned beside it.

    Raises:
        MemoryMovedError: the memory kept changing; nothing was written.
        DamagedMemoryError: the memory cannot be read.
        MemsyncError: the disk refused; the message tells whether the memory was written.
    """
    for _ in range(TRIES):
        memory = missing or store.read(workspace)
        draft, found = make(memory)
        if draft is None:
            return None, found
        based_on = None if missing else memory.digest
        try:
            done = publish(workspace, draft.text, based_on, cause=draft.cause, also=draft.also)
        except MemoryMovedError:
            continue
        return done, found
    raise MemoryMovedError("the memory kept changing; nothing was written", hint)


def _record(workspace: Workspace, text: str, based_on: str | None, cause: Cause) -> None:
    """Write down where lines come from before they come, so that none ever lacks its origin."""
    try:
        before = store.read(workspace)
    except DamagedMemoryError:
        if based_on is None:
            provenance.record_lines(workspace, "", text, cause)
        return
    _record_found(workspace, before)
    if based_on in {None, before.digest} and not is_empty(text):
        provenance.record_lines(workspace, before.text, text, cause)


def acknowledge(
    workspace: Workspace, memory: store.Memory, *, included: tuple[str, ...] = ()
) -> None:
    """Take the memory as it stands for seen: what came into it by another hand is written down.

    Args:
        workspace: where.
        memory: the memory.
        included: digests of texts that are known to be in it.

    Raises:
        OSError: the disk refused; it is not seen.
    """
    _record_found(workspace, memory)
    last_seen.remember_seen(workspace.root, memory.text, included=included)


def _record_found(workspace: Workspace, memory: store.Memory) -> None:
    """Write down which lines came since the memory was last seen, before backups of then go.

    Where another machine's record has them, that one is believed.
    """
    name = last_seen.load_seen(workspace.root).memory
    before = last_seen.seen_text(workspace.root, name) if name not in {"", memory.digest} else None
    if before is not None:
        provenance.record_lines(workspace, before, memory.text, FOUND)


def publish_first(workspace: Workspace, text: str, adopted: Target | None = None) -> Published:
    """Write the first memory of a new root and give it to every agent; for ``init`` alone.

    Args:
        workspace: where.
        text: the first memory.
        adopted: the target whose file this text was; it becomes that file's block as it stands.
    """

    def write() -> store.Replaced:
        written = store.create(workspace, text)
        if adopted is not None and not adopted.path.is_symlink():
            targets.adopt(adopted, text.encode("utf-8"))
        return written

    return _write_and_tell(workspace, write)


def update_targets(workspace: Workspace) -> Published:
    """Give the memory as it stands to every agent of this machine, and report.

    Raises:
        DamagedMemoryError: the memory cannot be read; no target was touched.
    """

    def write() -> store.Replaced:
        memory = store.read(workspace)
        acknowledge(workspace, memory)
        return store.Replaced(memory.digest, None)

    return _write_and_tell(workspace, write)


def require_written(states: Iterable[TargetState]) -> None:
    """Check that the disk refused no target; for after the notes are in the ledger, too.

    Raises:
        MemsyncError: it did; the memory is written.
    """
    failed = [state for state in states if state.fault]
    if failed:
        words = "; ".join(f"{s.name} ({s.path}) {s.advice}" for s in failed)
        raise MemsyncError(
            f"the memory is written, but not every agent has it: {words}",
            hint="free some space or check the folders, then memsync targets sync",
        )


def require_in_step(states: Iterable[TargetState]) -> None:
    """Check that each target has the memory, for commands whose one task is to give it.

    A target whose file another one writes has it, too.

    Raises:
        MemsyncError: one does not, be it for the disk or for what stands in its place.
    """
    wanted = list(states)
    require_written(wanted)
    lacking = [state for state in wanted if state.state not in {"in-sync", "shared"}]
    if lacking:
        words = "; ".join(f"{s.name} ({s.path}, {s.state}): {s.advice}" for s in lacking)
        raise MemsyncError(
            f"not every agent has the memory: {words}",
            hint="memsync targets sync once that is mended, or memsync targets remove"
            f" {lacking[0].name}",
        )


def report_targets(workspace: Workspace, timeout: float = 30) -> Inspection:
    """Look at every target of this machine and report; changes nothing else.

    Under the lock, or a look from before somebody's publish could be reported after it.

    Raises:
        BusyError: somebody published for all of `timeout` seconds.
        DamagedMemoryError: the memory cannot be read.
        MemsyncError: the report cannot be written.
    """
    with exclusive_lock(lock_path(workspace.root, "publish"), "the memory", timeout):
        memory = store.read(workspace)
        wanted = targets.configured_targets(workspace.config)
        states = targets.inspect_all(wanted, memory.text.encode("utf-8"), workspace.memory)
        hint = f"free some space or check {workspace.machines}"
        with refused("this machine's report cannot be written", hint):
            machines.write_report(workspace, memory.digest, states)
        return Inspection(memory.digest, tuple(states))


def _write_and_tell(workspace: Workspace, write: Callable[[], store.Replaced]) -> Published:
    with exclusive_lock(lock_path(workspace.root, "publish"), "the memory"):
        sweep.sweep(workspace)
        hint = "free some space or check the folder; memsync show tells what is there"
        with refused("the memory was not written safely", hint):
            written = write()
        hint = "free some space or check the folders, then memsync targets sync"
        with refused("the memory is written, but not every agent or report", hint):
            data = workspace.memory.read_bytes()
            wanted = targets.configured_targets(workspace.config)
            states = targets.apply_all(wanted, data, workspace.memory)
            machines.write_report(workspace, written.digest, states)
        return Published(written.digest, written.backup, tuple(states))
