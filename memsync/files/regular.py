"""Files that a sync client put beside ours: read only where they are regular files.

A link by the name of a conflict copy would bring any file of this machine into the memory, and so
to every agent and into the cloud; a named pipe would be waited for without end.
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
    """A file by the name of a conflict copy that was left where it is, and why in a few words."""

    path: Path
    why: str


def kind_if_not_file(path: Path) -> str | None:
    """Return in words what stands at `path` if it is no regular file; None where it is one.

    Raises:
        OSError: it cannot be looked at, or nothing is there.
    """
    return _words(path.lstat().st_mode)


def read_regular(path: Path, most: int = -1) -> bytes:
    """Return the bytes of a regular file, no more than `most`; what is none is not even opened.

    Raises:
        OSError: it cannot be read, is none, or became none meanwhile.
    """
    _refuse(path.lstat().st_mode)
    with open(os.open(path, _FLAGS), "rb") as file:  # noqa: PTH123 - a descriptor has no path
        _refuse(os.fstat(file.fileno()).st_mode)
        return file.read(most)


def _holds_nul(data: bytes) -> bool:
    return b"\0" in data


def why_unreadable(path: Path, is_damaged: Callable[[bytes], bool] = _holds_nul) -> str:
    """Return why a copy cannot be read, in a few words; empty where it can be, or went meanwhile.

    There are few of them, and none for long: so each is read to see, but for one in the cloud.

    Args:
        path: the copy.
        is_damaged: tells of what stands there whether NUL took the place of what did.
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


def _refuse(mode: int) -> None:
    words = _words(mode)
    if words is not None:
        raise OSError(errno.EINVAL, f"it is {words}")


def _words(mode: int) -> str | None:
    if stat.S_ISREG(mode):
        return None
    if stat.S_ISLNK(mode):
        return "a link"
    return "a folder" if stat.S_ISDIR(mode) else "no regular file"
