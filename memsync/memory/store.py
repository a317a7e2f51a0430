"""The keeper of GLOBAL_MEMORY.md: the only writer of it.

Reading tells a damaged memory from a good one and never from "not there yet"; writing backs up
first and refuses a text that was based on another one than what stands there now.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from memsync.config.workspace import Workspace
from memsync.errors import DamagedMemoryError, FolderAwayError, MemoryMovedError, MemsyncError
from memsync.files.atomic import atomic_write, create_new
from memsync.files.placeholders import is_evicted
from memsync.files.temps import sweep_temps
from memsync.memory.history import backups, last_seen, publish_log
from memsync.memory.reading import RESTORE, is_empty, read_bytes, require_memory
from memsync.text.digest import digest

HEADER = "<!-- memsync v1 -->"
STARTER = f"""{HEADER}
# Global memory

## Identity

- Who I am, what I do, what I know well.

## Current priorities

- What I am working on now.

## Preferences

- How I like things done.

## Hard constraints

- What must never happen.
"""


@dataclass(frozen=True)
class Memory:
    """The memory as it stands: its text, byte for byte, and the digest of its bytes."""

    text: str
    digest: str


@dataclass(frozen=True)
class Replaced:
    """What a replace did: the digest now, and the backup made (None where nothing changed)."""

    digest: str
    backup: Path | None


def read(workspace: Workspace) -> Memory:
    """Return the memory.

    Raises:
        DamagedMemoryError: it is missing, empty, NUL-filled, not UTF-8, a cloud placeholder, or
            no file.
        FolderAwayError: the folder stopped answering.
    """
    data = read_bytes(workspace.memory)
    return Memory(data.decode("utf-8"), digest(data))


def _bytes_of(text: str) -> bytes:
    if is_empty(text):
        raise DamagedMemoryError("an empty text cannot become the memory", hint=RESTORE)
    if "\0" in text:
        raise DamagedMemoryError("a text with NUL cannot become the memory", hint=RESTORE)
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise DamagedMemoryError(
            f"a text that UTF-8 cannot hold cannot become the memory (character {error.start})",
            hint="take the broken character out, then save again",
        ) from error


def create(workspace: Workspace, text: str) -> Replaced:
    """Write the first memory of a new root; for ``init`` alone, which has looked for one.

    Raises:
        MemoryMovedError: there is one after all, perhaps only in the cloud yet; it stays.
        DamagedMemoryError: `text` cannot be a memory.
        OSError: the disk refused; there is none.
    """
    data = _bytes_of(text)
    if is_evicted(workspace.memory) or not create_new(workspace.memory, data):
        raise MemoryMovedError(
            f"there is a memory at {workspace.memory} already",
            hint="let your sync client finish, then memsync init again",
        )
    publish_log.record_version(workspace, digest(data), ())
    last_seen.remember_seen(workspace.root, text)
    return Replaced(digest(data), None)


def replace(
    workspace: Workspace, text: str, based_on: str | None, also: tuple[str, ...] = ()
) -> Replaced:
    """Make `text` the memory, keeping what stood there as a backup.

    The caller holds this machine's publish lock. What the text was made from is written down first,
    so it never stands there unnamed. Where the bytes are equal, no more is written than that.

    Args:
        workspace: where.
        text: the whole new memory.
        based_on: the digest the new text was made from; None replaces whatever stands there,
            a damaged memory too (``restore``).
        also: the digests of other texts it has in it (a merge); without `based_on` it is made from
            these alone, if any are named, and not from what it replaces.

    Raises:
        MemoryMovedError: the memory is no longer the one `based_on` names; nothing was written.
        DamagedMemoryError: the memory cannot be read, or `text` is empty, holds NUL or half
            a character.
        OSError: the disk refused; the memory is whole, as `atomic_write` has it.
    """
    data = _bytes_of(text)
    if based_on is not None:
        present = read(workspace).digest
        if present != based_on:
            raise MemoryMovedError(
                "the memory changed while this was being worked on",
                hint="look at it again (memsync show), then repeat what you did",
            )
        if digest(data) == present:
            publish_log.record_included(workspace, present, also)
            last_seen.remember_seen(
                workspace.root, text, included=also
            )  # it may be new to us all the same
            return Replaced(present, None)
    sweep_temps(workspace.memory.resolve().parent)
    kept = backups.backup(workspace.memory, workspace.backups) if _has_bytes(workspace) else None
    if based_on is None:  # whoever names one has read it just now, so it is not damaged
        _keep_unsaved(workspace)
    parents = also if also and not based_on else (based_on or _present(workspace), *also)
    publish_log.record_version(workspace, digest(data), parents)
    atomic_write(workspace.memory, data, in_use=True)
    last_seen.remember_seen(workspace.root, text, included=parents)
    return Replaced(digest(data), kept)


def take_over(workspace: Workspace, data: bytes) -> None:
    """Put in its place the memory that another machine made, as a sync client would.

    The caller holds this machine's publish lock, and sees to it that what stands there is not lost.
    Where the text comes from is written down by whoever made it.

    Raises:
        DamagedMemoryError: `data` is no memory; nothing was written.
        OSError: the disk refused; what stands there is whole, be it the old or the new.
    """
    require_memory(data, str(workspace.memory))
    atomic_write(workspace.memory, data, in_use=True)


def last_seen_file(workspace: Workspace) -> Path | None:
    """Return the file of the last text this machine saw, where a damaged memory has no other copy.

    A backup is the text before a change, so none holds what the newest change made: that is here,
    and in no backup, where the memory was damaged after it.
    """
    try:
        read(workspace)
    except DamagedMemoryError:
        path = last_seen.newest_seen(workspace.root)
    except FolderAwayError:  # away is not damaged: it comes back as it was
        return None
    else:
        return None
    return None if path is None or path.stem in backups.texts_by_digest(workspace.backups) else path


def _keep_unsaved(workspace: Workspace) -> None:
    path = last_seen_file(workspace)
    if path is not None:
        backups.backup(path, workspace.backups)


def _present(workspace: Workspace) -> str:
    """Return the digest of the text that is about to go; where it is damaged, of the last seen."""
    with contextlib.suppress(MemsyncError):
        return read(workspace).digest
    return last_seen.load_seen(workspace.root).memory


def _has_bytes(workspace: Workspace) -> bool:
    path = workspace.memory
    return path.is_file() and path.stat().st_size > 0 and not is_evicted(path)
