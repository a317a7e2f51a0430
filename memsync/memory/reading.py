"""Reading GLOBAL_MEMORY.md: its bytes, or what is wrong with it. Never "not there yet"."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from memsync.errors import DamagedMemoryError, FolderAwayError
from memsync.files.placeholders import is_evicted
from memsync.files.timeout import with_timeout

RESTORE = "memsync restore brings it back as it was; memsync log lists the backups"


def read_bytes(path: Path) -> bytes:
    """Return the memory's bytes, which are UTF-8 text.

    Raises:
        DamagedMemoryError: it is missing, empty, NUL-filled, not UTF-8, a cloud placeholder, or
            no file.
        FolderAwayError: the folder stopped answering, is not there or empty, or the memory is a
            link into one that is not there.
    """
    try:
        data = with_timeout(path.parent, lambda: _bytes_of(path))
    except OSError as error:
        raise FolderAwayError(
            f"the memory {path} cannot be read: {error.strerror or error}",
            hint="check that the sync client runs and the file is yours",
        ) from error
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
        # On a drive that is away: there is nowhere to restore to.
        if path.is_symlink() and not path.resolve().parent.is_dir():
            raise FolderAwayError(
                f"the memory {path} is a link to {path.readlink()}, and that folder is not there",
                hint="mount the drive it leads to, or remove the link, then memsync restore",
            ) from None
        if not path.parent.is_dir() or not os.listdir(path.parent):  # noqa: PTH208 - see `listing`
            raise FolderAwayError(
                f"the memory folder {path.parent} is not there, or empty",
                hint="mount the drive or let your sync client finish, then do it again",
            ) from None
        raise DamagedMemoryError(f"the memory {path} is missing", hint=RESTORE) from None
    # A pipe would be waited for; a link to a file is a person's own choice.
    if not stat.S_ISREG(mode):
        kind = "a folder" if stat.S_ISDIR(mode) else "no regular file"
        raise DamagedMemoryError(f"the memory {path} is {kind}", hint=RESTORE)
    return path.read_bytes()


def is_empty(text: str) -> bool:
    """Tell whether a text holds nothing, a byte order mark aside."""
    return not text.removeprefix("\ufeff").strip()


def require_memory(data: bytes, path: str, hint: str = RESTORE) -> None:
    """Refuse bytes that are no memory.

    Args:
        data: what stands there.
        path: where, for the message.
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
