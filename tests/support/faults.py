"""A disk that refuses the n-th thing asked of it, and perhaps all that follow.

The operating system is the edge where this is put in: what `os`, `io.open` and `open` do for
paths below one folder. Each kind of call is refused only with the errors it can really meet: no
write-protected disk refuses to be read.
"""

from __future__ import annotations

import builtins
import errno
import io
import os
import shutil
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

ALL = frozenset({errno.EIO, errno.ENOSPC, errno.EACCES, errno.EROFS, errno.ENOTCONN})
LOOKS = frozenset({errno.EIO, errno.EACCES, errno.ENOTCONN})
TRANSFERS = frozenset({errno.EIO, errno.ENOTCONN})
REMOVALS = ALL - {errno.ENOSPC}
CALLS = {
    **dict.fromkeys(("stat", "lstat", "scandir", "listdir", "readlink"), LOOKS),
    **dict.fromkeys(("replace", "rename", "link", "symlink", "mkdir"), ALL),
    **dict.fromkeys(("unlink", "remove", "rmdir", "utime", "chmod"), REMOVALS),
    **dict.fromkeys(("read", "fstat"), TRANSFERS),
    **dict.fromkeys(("write", "fsync"), TRANSFERS | {errno.ENOSPC}),
    "ftruncate": TRANSFERS,
    "copy_file_range": TRANSFERS | {errno.ENOSPC},
}
BY_DESCRIPTOR = {"read", "write", "fsync", "fstat", "ftruncate", "copy_file_range"}


@dataclass
class Disk:
    """What is asked of the disk below `folder`; the `refused`-th request fails with `number`.

    Those it could not meet are not counted: `asks` has how many there were for each error.
    """

    folder: Path
    number: int = 0
    refused: int = 0
    stays_broken: bool = False
    asks: Counter[int] = field(default_factory=Counter)
    met: str = ""
    descriptors: dict[int, str] = field(default_factory=dict)

    def meets(self, what: str, path: str, errors: frozenset[int]) -> None:
        """Count a request; raise where it is the one, or where the disk stays broken."""
        self.asks.update(errors)
        if self.number not in errors:
            return
        asked = self.asks[self.number]
        if asked == self.refused or (self.stays_broken and asked > self.refused):
            self.met = self.met or f"{what} {path}\n{''.join(traceback.format_stack(limit=9)[:-2])}"
            raise OSError(self.number, os.strerror(self.number), path)

    def path_of(self, argument: Any, folder: int | None = None) -> str | None:
        """Return the path a call is about, where it lies below the folder."""
        if isinstance(argument, int):
            return self.descriptors.get(argument)
        if folder is not None:
            above = self.descriptors.get(folder)
            return None if above is None else f"{above}/{os.fsdecode(argument)}"
        try:
            path = os.path.abspath(os.fsdecode(argument))  # noqa: PTH100 - pathlib would ask itself
        except TypeError:
            return None
        return path if path.startswith(str(self.folder)) else None


class _Broken(io.RawIOBase):
    """An open file of which nothing can be read and to which nothing can be written."""

    def __init__(self, number: int, path: str) -> None:
        super().__init__()
        self._error = (number, os.strerror(number), path)

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        del offset, whence
        return 1

    def readinto(self, buffer: Any) -> int:
        del buffer
        raise OSError(*self._error)

    def write(self, data: Any) -> int:
        del data
        raise OSError(*self._error)


def _broken(disk: Disk, path: str, mode: str) -> Any:
    raw = _Broken(disk.number, path)
    kind = io.BufferedReader if "r" in mode and "+" not in mode else io.BufferedWriter
    stream = kind(raw)  # type: ignore[arg-type]
    return stream if "b" in mode else io.TextIOWrapper(stream, encoding="utf-8")


@contextmanager
def failing(disk: Disk) -> Iterator[Disk]:
    """Put `disk` in for what `os`, `io.open` and `open` do; fsync costs nothing meanwhile."""
    real_open, real_file = os.open, io.open

    def opened(path: Any, flags: int, *args: Any, **kwargs: Any) -> int:
        place = disk.path_of(path, kwargs.get("dir_fd"))
        if place is None:
            return real_open(path, flags, *args, **kwargs)
        writes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        disk.meets("open", place, ALL if writes else LOOKS)
        descriptor = real_open(path, flags, *args, **kwargs)
        disk.descriptors[descriptor] = place
        return descriptor

    def file(path: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        place = None if isinstance(path, int) else disk.path_of(path)
        if place is None:
            return real_file(path, mode, *args, **kwargs)
        writes = any(letter in mode for letter in "wax+")
        disk.meets("open", place, ALL if writes else LOOKS)
        stream = real_file(path, mode, *args, **kwargs)
        try:
            disk.meets("transfer", place, CALLS["write"] if writes else TRANSFERS)
        except OSError:
            stream.close()
            return _broken(disk, place, mode)
        return stream

    def closed(descriptor: int) -> None:
        disk.descriptors.pop(descriptor, None)
        real_close(descriptor)

    real_close = os.close
    with (
        patch.multiple(
            os,
            open=opened,
            close=closed,
            **{name: _asked(disk, name) for name in CALLS if hasattr(os, name)},
        ),
        patch.object(io, "open", file),
        patch.object(builtins, "open", file),
    ):
        yield disk


def _asked(disk: Disk, name: str) -> Callable[..., Any]:
    real = getattr(os, name)

    def call(*args: Any, **kwargs: Any) -> Any:
        folder = kwargs.get("dir_fd", kwargs.get("src_dir_fd"))
        place = next((p for p in (disk.path_of(a, folder) for a in args[:2]) if p), None)
        if place is not None:
            disk.meets(name, place, CALLS[name])
        if name == "fsync":
            return None
        if name == "write" and place is not None:  # and a disk may take half of what it is given
            return real(args[0], bytes(args[1])[: len(args[1]) // 2 + 1])
        return real(*args, **kwargs)

    return call


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file below `folder` by its path there; a link as where it leads."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = os.fsencode(path.readlink())
        elif path.is_file():
            found[name] = path.read_bytes()
    return found


def put_back(folder: Path, template: Path) -> None:
    """Make `folder` a copy of `template` again."""
    shutil.rmtree(folder)
    shutil.copytree(template, folder, symlinks=True)


def refuse_to_open(monkeypatch: Any, is_refused: Callable[[Path], bool], number: int) -> None:
    """Have `os.open` fail for the paths of which `is_refused` says so, also below a descriptor."""
    real, known = os.open, dict[int, Path]()

    def opened(path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        whole = Path(os.fsdecode(path))
        if dir_fd is not None:
            whole = known.get(dir_fd, Path()) / whole
        if is_refused(whole):
            raise OSError(number, os.strerror(number), str(whole))
        descriptor = real(path, flags, mode, dir_fd=dir_fd)
        known[descriptor] = whole
        return descriptor

    monkeypatch.setattr(os, "open", opened)
