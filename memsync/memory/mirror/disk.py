"""Copy files for a mirror: by cloning if the file system can, and many made durable at once."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import stat
import sys
from pathlib import Path

if sys.platform == "linux":
    import fcntl

_BLOCK = 1 << 20
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
_FEW, _MANY = 3, 64
_FICLONE = 0x40049409  # <linux/fs.h>: share the blocks until one of the two is changed


class Copier:
    """Copies files for one run; remembers what the file systems cannot do."""

    def __init__(self) -> None:
        self._clones = sys.platform == "linux"

    def copy(self, reader: int, temp: str, *, durable: bool) -> None:
        """Copy content, mode and time of an open file to `temp`, which must not exist.

        The time is taken before the content is read, so that the next run sees a later change.
        Plain strings instead of Path: they halve the time of a full copy.

        Raises:
            OSError: the copy failed; there is no `temp`.
        """
        info = os.fstat(reader)
        writer = os.open(temp, _CREATE, 0o600)
        try:
            try:
                if not self._clone(reader, writer):
                    _pump(reader, writer, info.st_size)
                # FAT and exFAT have no modes and fail here; the copy keeps its 0600 then.
                with contextlib.suppress(OSError):
                    _change_mode(writer, temp, stat.S_IMODE(info.st_mode) & 0o777)
                _set_time(writer, temp, info.st_mtime_ns)
                if durable:
                    os.fsync(writer)
            finally:
                os.close(writer)
        except BaseException:
            Path(temp).unlink(missing_ok=True)
            raise

    def _clone(self, reader: int, writer: int) -> bool:
        """Let the copy share the original's blocks, as btrfs and xfs can; return if it does."""
        if self._clones:
            try:
                fcntl.ioctl(writer, _FICLONE, reader)
            except OSError:
                self._clones = False
        return self._clones


def sync_file_system(folder: str) -> None:
    """Return when everything written to the file system of `folder` is on disk.

    For many files this costs a fraction of as many fsyncs, above all on an SD card. Only Linux can
    do it for one file system and reports errors; elsewhere all file systems are synced.

    Raises:
        OSError: something could not be written, by memsync or another program.
    """
    if _SYNCFS is None:
        if hasattr(os, "sync"):
            os.sync()
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        if _SYNCFS(descriptor) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), folder)
    finally:
        os.close(descriptor)


def is_synced_at_once(files: int) -> bool:
    """Is it faster to sync this many files by `sync_file_system` than one by one?

    Each fsync commits the file system's journal, and one commit is enough for all. If all file
    systems must be synced, it takes more files to be worth it.
    """
    return hasattr(os, "sync") and files > (_FEW if _SYNCFS is not None else _MANY)


def _pump(reader: int, writer: int, left: int) -> None:
    if hasattr(os, "copy_file_range"):
        # If the kernel cannot, the loop below goes on, and meets a real fault again.
        with contextlib.suppress(OSError):
            while left and (moved := os.copy_file_range(reader, writer, left)):
                left -= moved
    while left and (block := os.read(reader, min(left, _BLOCK))):
        left -= len(block)
        while block:
            block = block[os.write(writer, block) :]
    if left:
        raise OSError(errno.EAGAIN, "it shrank while it was read")


def _change_mode(writer: int, temp: str, mode: int) -> None:
    os.chmod(writer if os.chmod in os.supports_fd else temp, mode)  # noqa: PTH101


def _set_time(writer: int, temp: str, modified: int) -> None:
    where = writer if os.utime in os.supports_fd else temp
    os.utime(where, ns=(modified, modified))


_SYNCFS = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None) if os.name == "posix" else None
