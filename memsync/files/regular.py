"""Reads files that a sync client put beside ours, but only regular files.

A symlink with the name of a conflict copy could bring any file of this machine into the memory, to
every agent and into the cloud. Reading a named pipe could wait for ever.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from memsync.files.placeholders import is_evicted

_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
)


@dataclass(frozen=True)
class SkippedFile:
    """A file named like a conflict copy that was not read, and the reason in a few words."""

    path: Path
    why: str


def kind_if_not_file(path: Path) -> str | None:
    """Return in words what `path` is if it is not a regular file; None if it is one.

    Raises:
        OSError: it is missing, or cannot be looked at.
    """
    return _describe_kind(path.lstat().st_mode)


def read_regular(path: Path, most: int = -1) -> bytes:
    """Read at most `most` bytes of a regular file; nothing else is even opened.

    Raises:
        OSError: it cannot be read, or is not a regular file.
    """
    _require_regular(path.lstat().st_mode)
    with open(os.open(path, _FLAGS), "rb") as file:  # noqa: PTH123 - a descriptor has no path
        _require_regular(os.fstat(file.fileno()).st_mode)
        return file.read(most)


def _holds_nul(data: bytes) -> bool:
    return b"\0" in data


def why_unreadable(path: Path, is_damaged: Callable[[bytes], bool] = _holds_nul) -> str:
    """Return in a few words why a copy cannot be read; empty if it can be read, or is gone.

    Copies are few and do not stay long, so each is read to find out, unless it is in the cloud.

    Args:
        path: the copy.
        is_damaged: tells whether NUL bytes replaced the content.
    """
    try:
        kind = kind_if_not_file(path)
        if kind is None and is_evicted(path):
            kind = "its content is in the cloud"
        if kind is None and is_damaged(read_regular(path)):
            kind = "NUL bytes"
    except FileNotFoundError:
        return ""
    except OSError as error:
        return error.strerror or str(error)
    return kind or ""


def _require_regular(mode: int) -> None:
    kind = _describe_kind(mode)
    if kind is not None:
        raise OSError(errno.EINVAL, f"it is {kind}")


def _describe_kind(mode: int) -> str | None:
    if stat.S_ISREG(mode):
        return None
    if stat.S_ISLNK(mode):
        return "a link"
    return "a folder" if stat.S_ISDIR(mode) else "no regular file"
