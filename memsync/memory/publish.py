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
from memsync.config.sync_folder import folder_at
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
"""Text that somebody wrote into the file itself, or that a sync client brought."""

TRIES = 3
"""So often a change is made on the memory as it stands, because others change it meanwhile."""

Found = TypeVar("Found")


@dataclass(frozen=True)
class Published:
    """What publishing did: the memory's new digest, the backup made, each target's state."""

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
    """What was found: the memory's digest and each target's state."""

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
        cause: where the change came from, for `blame`.
        also: the digests of other texts that were merged into it.

    Raises:
        MemoryMovedError: the memory changed since; nothing was written.
        DamagedMemoryError: the memory cannot be read.
        MemsyncError: the disk refused; the message says whether the memory was written.
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
    """Publish a change of the present memory; if that moved meanwhile, make the change anew.

    Args:
        workspace: where.
        make: given the present memory, returns the text to publish, or None if there is nothing
            to publish, and anything else the caller wants back. It is called once for each try.
        hint: what to do if the memory keeps changing.
        missing: the text to start from, if there is no memory in its place.

    Returns:
        What was published, if anything, and the second thing that `make` returned.

    Raises:
        MemoryMovedError: the memory kept changing; nothing was written.
        DamagedMemoryError: the memory cannot be read.
        MemsyncError: the disk refused; the message says whether the memory was written.
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
    """Record where the new lines come from, before they are written, so that none lacks it."""
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
    """Remember the memory as seen, and record which lines came into it without memsync.

    Args:
        workspace: where.
        memory: the memory.
        included: the digests of texts that are known to be in it.

    Raises:
        OSError: the disk refused; nothing is remembered.
    """
    _record_found(workspace, memory)
    last_seen.remember_seen(workspace.root, memory.text, included=included)


def _record_found(workspace: Workspace, memory: store.Memory) -> None:
    """Record which lines came since the memory was last seen, while the text of then is kept.

    If another machine has a record of a line, that record counts.
    """
    name = last_seen.load_seen(workspace.root).memory
    before = last_seen.seen_text(workspace.root, name) if name not in {"", memory.digest} else None
    if before is not None:
        provenance.record_lines(workspace, before, memory.text, FOUND)


def publish_first(workspace: Workspace, text: str, adopted: Target | None = None) -> Published:
    """Write the first memory of a new folder and give it to every agent; only for ``init``.

    Args:
        workspace: where.
        text: the first memory.
        adopted: the target whose file had this text; the text becomes that file's block.
    """

    def write() -> store.Replaced:
        written = store.create(workspace, text)
        if adopted is not None and not adopted.path.is_symlink():
            targets.adopt(adopted, text.encode("utf-8"))
        return written

    return _write_and_tell(workspace, write)


def update_targets(workspace: Workspace) -> Published:
    """Update every agent's file on this machine and write its report.

    Raises:
        DamagedMemoryError: the memory cannot be read; no target was touched.
    """

    def write() -> store.Replaced:
        memory = store.read(workspace)
        acknowledge(workspace, memory)
        return store.Replaced(memory.digest, None)

    return _write_and_tell(workspace, write)


def require_written(states: Iterable[TargetState]) -> None:
    """Check that every target could be written.

    Raises:
        MemsyncError: the disk refused one; the memory is written.
    """
    failed = [state for state in states if state.fault]
    if failed:
        words = "; ".join(f"{s.name} ({s.path}) {s.advice}" for s in failed)
        raise MemsyncError(
            f"the memory is written, but not every agent has it: {words}",
            hint="free some space or check the folders, then memsync targets sync",
        )


def require_in_step(states: Iterable[TargetState]) -> None:
    """Check that every target has the memory, for commands that only update targets.

    A target that shares its file with another one has it, too.

    Raises:
        MemsyncError: one has not, because of the disk or of another file in its place.
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
    """Inspect every target of this machine and write its report; changes nothing else.

    It holds the publish lock, so that what it saw before another publish is not reported after it.

    Raises:
        BusyError: another process published for all of `timeout` seconds.
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
            data = folder_at(workspace.root).read(workspace.memory)
            wanted = targets.configured_targets(workspace.config)
            states = targets.apply_all(wanted, data, workspace.memory)
            machines.write_report(workspace, written.digest, states)
        return Published(written.digest, written.backup, tuple(states))
