"""The keeper of GLOBAL_MEMORY.md: its only writer.

A missing memory counts as damaged, never as "not there yet". Writing makes a backup first, and
refuses a text that was made from another memory than the present one.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from memsync.config.sync_folder import folder_at
from memsync.config.workspace import Workspace
from memsync.errors import DamagedMemoryError, FolderAwayError, MemoryMovedError, MemsyncError
from memsync.files.opener import RootFolder
from memsync.files.place import OddFileError
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
    """The memory: its text, byte for byte, and the digest of its bytes."""

    text: str
    digest: str


@dataclass(frozen=True)
class Replaced:
    """What a replace did: the new digest, and the backup made (None if nothing changed)."""

    digest: str
    backup: Path | None


def read(workspace: Workspace) -> Memory:
    """Return the memory.

    Raises:
        DamagedMemoryError: it is missing, empty, NUL-filled, not UTF-8, a cloud placeholder, or
            no file.
        FolderAwayError: the folder stopped answering.
    """
    data = read_bytes(folder_at(workspace.root))
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
    """Write the first memory of a new folder; only for ``init``, which has looked for one.

    Raises:
        MemoryMovedError: there is a memory after all, perhaps only in the cloud; it stays.
        DamagedMemoryError: `text` cannot be a memory.
        OSError: the disk refused; there is none.
    """
    data = _bytes_of(text)
    files = folder_at(workspace.root)
    if files.is_evicted(workspace.memory) or not files.create(workspace.memory, data):
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
    """Make `text` the memory, and keep the old one as a backup.

    The caller holds this machine's publish lock. The parents of the text are logged before it is
    written, so that it is never there without a log entry. If the text is the memory already, only
    the log is written.

    Args:
        workspace: where.
        text: the whole new memory.
        based_on: the digest of the memory that the text was made from; None replaces any memory,
            a damaged one too (``restore``), and moves aside what is no file.
        also: the digests of other texts that were merged into it. If `based_on` is None, these are
            its only parents, if there are any.

    Raises:
        MemoryMovedError: the memory is no longer `based_on`; nothing was written.
        DamagedMemoryError: the memory cannot be read, or `text` is empty, holds NUL or half
            a character.
        OSError: the disk refused; the memory is the old or the new one, and whole.
    """
    data = _bytes_of(text)
    if based_on is not None:
        _require_present(workspace, based_on)
        if digest(data) == based_on:
            publish_log.record_included(workspace, based_on, also)
            last_seen.remember_seen(workspace.root, text, included=also)  # may be new to this one
            return Replaced(based_on, None)
    files = folder_at(workspace.root)
    files.sweep(workspace.memory)
    old = _old_bytes(files, workspace.memory)
    kept = backups.backup(old, workspace.backups) if old else None
    if based_on is None:  # else the memory was read just now, so it is not damaged
        _keep_unsaved(workspace)
    parents = also if also and not based_on else (based_on or _present(workspace), *also)
    publish_log.record_version(workspace, digest(data), parents)
    files.replace(workspace.memory, data)
    last_seen.remember_seen(workspace.root, text, included=parents)
    return Replaced(digest(data), kept)


def _require_present(workspace: Workspace, based_on: str) -> None:
    if read(workspace).digest != based_on:
        raise MemoryMovedError(
            "the memory changed while this was being worked on",
            hint="look at it again (memsync show), then repeat what you did",
        )


def take_over(workspace: Workspace, data: bytes) -> None:
    """Write the memory that another machine made, as a sync client would.

    The caller holds this machine's publish lock, and makes sure that the old memory is not lost.
    The other machine has logged the parents of the text.

    Raises:
        DamagedMemoryError: `data` is no memory; nothing was written.
        OSError: the disk refused; the memory is the old or the new one, and whole.
    """
    require_memory(data, str(workspace.memory))
    folder_at(workspace.root).replace(workspace.memory, data)


def last_seen_file(workspace: Workspace) -> Path | None:
    """Return the file of the text last seen here, if the memory is damaged and no backup has it.

    A backup holds the text before a change, so none holds what the newest change made. If the
    memory is damaged after that change, this file alone has it.
    """
    try:
        read(workspace)
    except DamagedMemoryError:
        path = last_seen.newest_seen(workspace.root)
    except FolderAwayError:  # an unmounted folder comes back as it was
        return None
    else:
        return None
    return None if path is None or path.stem in backups.texts_by_digest(workspace.backups) else path


def _keep_unsaved(workspace: Workspace) -> None:
    path = last_seen_file(workspace)
    if path is not None:
        backups.backup(path.read_bytes(), workspace.backups)


def _present(workspace: Workspace) -> str:
    """Return the digest of the text to be replaced; if it is damaged, of the text last seen."""
    with contextlib.suppress(MemsyncError):
        return read(workspace).digest
    return last_seen.load_seen(workspace.root).memory


def _old_bytes(files: RootFolder, memory: Path) -> bytes:
    """Return what is to be replaced; empty if it is missing, no file, or only in the cloud.

    What is no file is moved aside when the memory is written.
    """
    with contextlib.suppress(FileNotFoundError, OddFileError):
        return b"" if files.is_evicted(memory) else files.read(memory)
    return b""
