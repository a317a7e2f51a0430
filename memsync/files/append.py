"""Durable appending: the whole text is on disk afterwards, or none of it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

from memsync.files.atomic import binary_flag, fsync_folder, write_durably


def append_line(path: Path, text: str) -> None:
    """Append a line durably; it starts on a line of its own, even if the last line was cut off.

    Raises:
        OSError: nothing was appended.
    """
    lead = "" if ends_in_newline(path) else "\n"
    append_durably(path, f"{lead}{text}\n".encode())


def ends_in_newline(path: Path) -> bool:
    """Does the file end in a newline? A missing or empty file counts as yes."""
    try:
        with path.open("rb") as file:
            if file.seek(0, os.SEEK_END) == 0:
                return True
            file.seek(-1, os.SEEK_END)
            return file.read(1) == b"\n"
    except FileNotFoundError:
        return True


def find_unwritten(path: Path, data: bytes, *, head: bytes) -> bytes:
    """Return the bytes to append so that the file ends in `data`, on lines of its own.

    That is all of `data`, or the rest of it if an earlier append of `data` was cut off.

    Args:
        path: a file of entries.
        data: whole entries.
        head: the beginning of every entry; no entry contains it anywhere else.
    """
    if ends_in_newline(path):
        return data
    with path.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - len(data)))
        tail = file.read()
    begun = tail[tail.rfind(head) :] if head in tail else b""
    return data[len(begun) :] if begun and data.startswith(begun) else b"\n" + data


def append_durably(path: Path, data: bytes) -> None:
    """Append `data` and return once it is on disk; a failed append leaves no part of it.

    Raises:
        OSError: nothing was appended.
    """
    existed = path.exists()
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | binary_flag(), 0o600)
    try:
        before = os.fstat(descriptor).st_size
        append_to(descriptor, before, data)
        if not existed:
            _truncate_on_failure(descriptor, before, lambda: fsync_folder(path.parent))
    finally:
        os.close(descriptor)


def append_to(descriptor: int, size: int, data: bytes) -> None:
    """Append `data` durably to an open file that has `size` bytes now.

    Raises:
        OSError: nothing was appended.
    """
    _truncate_on_failure(descriptor, size, lambda: write_durably(descriptor, data))


def _truncate_on_failure(descriptor: int, size: int, step: Callable[[], None]) -> None:
    try:
        step()
    except BaseException:
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, size)
        raise
