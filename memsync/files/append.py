"""Durable appending: the whole text is on disk afterwards, or none of it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

from memsync.files.atomic import fsync_names, write_durably
from memsync.files.place import Place, place_of


def append_line(where: Path | Place, text: str) -> None:
    """Append a line durably; it starts on a line of its own, even if the last line was cut off.

    Raises:
        OSError: nothing was appended.
    """
    lead = "" if ends_in_newline(where) else "\n"
    append_durably(where, f"{lead}{text}\n".encode())


def ends_in_newline(where: Path | Place) -> bool:
    """Does the file end in a newline? A missing or empty file counts as yes."""
    return _tail(where, 1) in {b"", b"\n"}


def _tail(where: Path | Place, most: int) -> bytes:
    try:
        descriptor = place_of(where).open(os.O_RDONLY)
    except FileNotFoundError:
        return b""
    with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor has no path
        file.seek(max(0, file.seek(0, os.SEEK_END) - most))
        return file.read(most)


def find_unwritten(where: Path | Place, data: bytes, *, head: bytes) -> bytes:
    """Return the bytes to append so that the file ends in `data`, on lines of its own.

    That is all of `data`, or the rest of it if an earlier append of `data` was cut off.

    Args:
        where: a file of entries.
        data: whole entries.
        head: the beginning of every entry; no entry contains it anywhere else.
    """
    if ends_in_newline(where):
        return data
    tail = _tail(where, len(data))
    begun = tail[tail.rfind(head) :] if head in tail else b""
    return data[len(begun) :] if begun and data.startswith(begun) else b"\n" + data


def append_durably(where: Path | Place, data: bytes) -> None:
    """Append `data` and return once it is on disk; a failed append leaves no part of it.

    Raises:
        OSError: nothing was appended.
    """
    place = place_of(where)
    existed = place.exists()
    descriptor = place.open(os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        before = os.fstat(descriptor).st_size
        append_to(descriptor, before, data)
        if not existed:
            _truncate_on_failure(descriptor, before, lambda: fsync_names(place))
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
