"""Read GLOBAL_MEMORY.md, or say what is wrong with it; a missing memory is damaged, too."""

from __future__ import annotations

from pathlib import Path

from memsync.config.workspace import MEMORY_NAME
from memsync.errors import DamagedMemoryError, FolderAwayError, MemsyncError, refused
from memsync.files.opener import RootFolder
from memsync.files.place import OddFileError
from memsync.files.timeout import with_timeout

RESTORE = "memsync restore brings it back as it was; memsync log lists the backups"


def read_bytes(files: RootFolder) -> bytes:
    """Return the bytes of the memory in a root, which are UTF-8 text.

    Raises:
        DamagedMemoryError: it is missing, empty, NUL-filled, not UTF-8, a cloud placeholder, far
            too large, no file, or a link that this machine does not know.
        FolderAwayError: the folder does not answer, is missing or empty, or the memory is a link
            into a folder that is missing.
    """
    path = files.root / MEMORY_NAME
    hint = "check that the sync client runs and the file is yours"
    with refused(f"the memory {path} cannot be read", hint, FolderAwayError):
        data = with_timeout(files.root, lambda: _bytes_of(files, path))
    require_memory(data, str(path))
    return data


def _bytes_of(files: RootFolder, path: Path) -> bytes:
    if files.is_evicted(path):
        raise DamagedMemoryError(
            f"{path} is only a placeholder; its content is in the cloud",
            hint="open it once or mark it as always kept on this device, or memsync restore",
        )
    try:
        return files.read(path)
    except FileNotFoundError:
        raise _missing(files, path) from None
    except OddFileError as error:
        own = f"memsync doctor --trust-link {MEMORY_NAME} if the link is yours; "
        hint = own + RESTORE if error.why == "a link" else RESTORE
        raise DamagedMemoryError(f"the memory {path} is {error.why}", hint=hint) from error


def _missing(files: RootFolder, path: Path) -> MemsyncError:
    """Return the error for a memory that is not there; an unmounted drive is no damage."""
    link = files.link_at(MEMORY_NAME)
    if link is not None and not (files.root / link.to).parent.is_dir():
        return FolderAwayError(
            f"the memory {path} is a link to {link.to}, and that folder is not there",
            hint="mount the drive it leads to, or remove the link, then memsync restore",
        )
    if not files.entries(files.root):
        return FolderAwayError(
            f"the memory folder {files.root} is not there, or empty",
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
