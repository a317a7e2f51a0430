"""The keeper of GLOBAL_MEMORY.md: the only writer of it.

Reading tells a damaged memory from a good one and never from "not there yet"; writing backs up
first and refuses a text that was based on another one than what stands there now.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from memsync import backups
from memsync.errors import DamagedMemoryError, FolderAwayError, MemoryMovedError
from memsync.files import atomic_write, digest, is_evicted, sweep_temps
from memsync.workspace import Workspace

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

_RESTORE = "memsync restore goes back to the newest backup; memsync log lists them all"


@dataclass(frozen=True)
class Memory:
    """The memory as it stands: its text, byte for byte, and the digest of its bytes."""

    text: str
    digest: str


@dataclass(frozen=True)
class Written:
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
    path = workspace.memory
    if is_evicted(path):
        raise DamagedMemoryError(
            f"{path} is only a placeholder; its content is in the cloud",
            hint="open it once or mark it as always kept on this device, or memsync restore",
        )
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise DamagedMemoryError(f"the memory {path} is missing", hint=_RESTORE) from None
    except IsADirectoryError:
        raise DamagedMemoryError(f"the memory {path} is a folder", hint=_RESTORE) from None
    except OSError as error:
        raise FolderAwayError(
            f"the memory {path} cannot be read: {error.strerror or error}",
            hint="check that the sync client runs and the file is yours",
        ) from error
    return Memory(_text_of(data, path), digest(data))


def _text_of(data: bytes, path: Path) -> str:
    if not data.strip():
        raise DamagedMemoryError(f"the memory {path} is empty", hint=_RESTORE)
    if b"\0" in data:
        raise DamagedMemoryError(f"the memory {path} holds NUL bytes", hint=_RESTORE)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DamagedMemoryError(
            f"the memory {path} is not UTF-8 (byte {error.start})", hint=_RESTORE
        ) from error


def create(workspace: Workspace, text: str) -> Written:
    """Write the first memory of a new root; for ``init`` alone, which knows there is none."""
    data = text.encode("utf-8")
    atomic_write(workspace.memory, data)
    return Written(digest(data), None)


def replace(workspace: Workspace, text: str, based_on: str | None) -> Written:
    """Make `text` the memory, keeping what stood there as a backup.

    The caller holds this machine's publish lock. Nothing is written where the bytes are equal.

    Args:
        workspace: where.
        text: the whole new memory.
        based_on: the digest the new text was made from; None replaces whatever stands there,
            a damaged memory too (``restore``).

    Raises:
        MemoryMovedError: the memory is no longer the one `based_on` names; nothing was written.
        DamagedMemoryError: the memory cannot be read, or `text` is empty.
        OSError: the disk refused; the memory is as it was.
    """
    if not text.strip() or "\0" in text:
        raise DamagedMemoryError("an empty text cannot become the memory", hint=_RESTORE)
    data = text.encode("utf-8")
    if based_on is not None:
        present = read(workspace).digest
        if present != based_on:
            raise MemoryMovedError(
                "the memory changed while this was being worked on",
                hint="look at it again (memsync show), then repeat what you did",
            )
        if digest(data) == present:
            return Written(present, None)
    sweep_temps(workspace.root)
    kept = backups.backup(workspace.memory, workspace.backups) if _has_bytes(workspace) else None
    atomic_write(workspace.memory, data)
    return Written(digest(data), kept)


def _has_bytes(workspace: Workspace) -> bool:
    path = workspace.memory
    return path.is_file() and path.stat().st_size > 0 and not is_evicted(path)
