"""Read GLOBAL_MEMORY.md, or say what is wrong with it; a missing memory is damaged, too."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from memsync.errors import DamagedMemoryError, FolderAwayError, MemsyncError, refused
from memsync.files.placeholders import is_evicted
from memsync.files.timeout import with_timeout

RESTORE = "memsync restore brings it back as it was; memsync log lists the backups"


def read_bytes(path: Path) -> bytes:
    """Return the memory's bytes, which are UTF-8 text.

    Raises:
        DamagedMemoryError: it is missing, empty, NUL-filled, not UTF-8, a cloud placeholder, or
            no file.
        FolderAwayError: the folder does not answer, is missing or empty, or the memory is a link
            into a folder that is missing.
    """
    hint = "check that the sync client runs and the file is yours"
    with refused(f"the memory {path} cannot be read", hint, FolderAwayError):
        data = with_timeout(path.parent, lambda: _bytes_of(path))
    require_memory(data, str(path))
    return data


def _bytes_of(path: Path) -> bytes:
    if is_evicted(path):
        raise DamagedMemoryError(
            f"{path} is only a placeholder; its content is in the cloud",
            hint="open it once or mark it as always kept on this device, or memsync restore",
        )
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise _missing(path) from None
    # A pipe would never end; a link to a file is a person's own choice.
    if not stat.S_ISREG(mode):
        kind = "a folder" if stat.S_ISDIR(mode) else "no regular file"
        raise DamagedMemoryError(f"the memory {path} is {kind}", hint=RESTORE)
    return path.read_bytes()


def _missing(path: Path) -> MemsyncError:
    """Return the error for a memory that is not there; an unmounted drive is no damage."""
    if path.is_symlink() and not path.resolve().parent.is_dir():
        return FolderAwayError(
            f"the memory {path} is a link to {path.readlink()}, and that folder is not there",
            hint="mount the drive it leads to, or remove the link, then memsync restore",
        )
    if not path.parent.is_dir() or not os.listdir(path.parent):  # noqa: PTH208 - see `listing`
        return FolderAwayError(
            f"the memory folder {path.parent} is not there, or empty",
            hint="mount the drive or let your sync client finish, then do it again",
        )
    return DamagedMemoryError(f"the memory {path} is missing", hint=RESTORE)


def is_empty(text: str) -> bool:
    """Is a text empty, apart from a byte order mark?"""
    return not text.removeprefix("\ufeff").strip()


def require_memory(data: bytes, path: str, hint: str = RESTORE) -> None:
    """Check that bytes are a memory.

    Args:
        data: the bytes.
        path: where they come from, for the message.
        hint: what to try next.

    Raises:
        DamagedMemoryError: they are empty, hold NUL or are not UTF-8.
    """
    if b"\0" in data:
        raise DamagedMemoryError(f"the memory {path} holds NUL bytes", hint=hint)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DamagedMemoryError(
            f"the memory {path} is not UTF-8 (byte {error.start})", hint=hint
        ) from error
    if is_empty(text):
        raise DamagedMemoryError(f"the memory {path} is empty", hint=hint)
