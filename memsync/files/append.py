"""Appending to a file so that what was appended is on disk, and a part of it never is."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

from memsync.files.atomic import fsync_folder, no_translation, write_durably


def append_line(path: Path, text: str) -> None:
    """Append a line durably, on a line of its own even where the last one was torn.

    Raises:
        OSError: the file is as long as it was.
    """
    lead = "" if ends_in_newline(path) else "\n"
    append_durably(path, f"{lead}{text}\n".encode())


def ends_in_newline(path: Path) -> bool:
    """Tell whether `path` ends in a newline; a missing or empty file counts as if it did."""
    try:
        with path.open("rb") as file:
            if file.seek(0, os.SEEK_END) == 0:
                return True
            file.seek(-1, os.SEEK_END)
            return file.read(1) == b"\n"
    except FileNotFoundError:
        return True


def find_unwritten(path: Path, data: bytes, *, head: bytes) -> bytes:
    """Return what to append to `path` so that `data` stands at its end, on lines of its own.

    That is all of it, or the rest where an append of it was cut off amid a line.

    Args:
        path: a file of entries.
        data: whole entries.
        head: what every entry begins with and none has inside.
    """
    if ends_in_newline(path):
        return data
    with path.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - len(data)))
        tail = file.read()
    begun = tail[tail.rfind(head) :] if head in tail else b""
    return data[len(begun) :] if begun and data.startswith(begun) else b"\n" + data


def append_durably(path: Path, data: bytes) -> None:
    """Append `data` to `path` and return once it is on disk; an append that fails leaves no part.

    Raises:
        OSError: the file is as long as it was.
    """
    existed = path.exists()
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | no_translation(), 0o600)
    try:
        before = os.fstat(descriptor).st_size
        append_to(descriptor, before, data)
        if not existed:
            _or_truncate(descriptor, before, lambda: fsync_folder(path.parent))
    finally:
        os.close(descriptor)


def append_to(descriptor: int, size: int, data: bytes) -> None:
    """Append `data` durably to a file of `size` bytes that is open for appending.

    Raises:
        OSError: the file is as long as it was.
    """
    _or_truncate(descriptor, size, lambda: write_durably(descriptor, data))


def _or_truncate(descriptor: int, size: int, step: Callable[[], None]) -> None:
    try:
        step()
    except BaseException:
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, size)
        raise
