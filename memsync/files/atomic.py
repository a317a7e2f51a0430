"""Files that survive a power cut: the only place that makes temp files and calls fsync.

A file has either its whole old content or its whole new one, whatever happens. The steps are the
usual ones: a temp file in the same folder, fsync of the file, rename over the target, fsync of the
folder.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

from memsync.files.folders import open_folder

if sys.platform != "win32":
    import fcntl

TEMP_SUFFIX = ".tmp"

_MOST_NAME_BYTES = 255  # of one name, on all common file systems

_SHARING_ERRORS = frozenset({5, 32, 33})  # Windows: access denied, sharing and lock violation
# Some cloud and FAT file systems have no hard links; Windows then reports EINVAL.
_NO_HARD_LINKS = frozenset(
    {errno.EPERM, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}
)
# In seconds: a sync client releases a file within these.
_REPLACE_DELAYS = (0.05, 0.1, 0.2, 0.4, 0.8, 1.0)


def atomic_write(path: Path, data: bytes, mode: int | None = None, *, in_use: bool = False) -> None:
    """Replace the content of `path` durably and in one step.

    If `path` is a symlink, the file behind it is written and the link stays. The folder must exist.

    Args:
        path: the file to write; need not exist yet.
        data: its whole new content.
        mode: permission bits; None keeps those of the existing file; a new file gets 0600.
        in_use: True if an empty folder can only be the mount point of a drive that went away.

    Raises:
        FolderAwayError: the folder is empty although it is in use.
        OSError: the file has its old content; or the new one, if only the fsync of the folder
            failed. It is whole in both cases, and no temp file is left.
    """
    target = path.resolve()
    with open_folder(target.parent, in_use=True) if in_use else nullcontext() as folder:
        temp = _write_temp(target, data, _mode_for(target) if mode is None else mode, folder)
        try:
            _replace(temp, target, folder)
        except BaseException:
            unlink_quietly(temp, folder)
            raise
        if folder is None:
            fsync_folder(target.parent)
        else:
            _fsync(folder)


def create_new(path: Path, data: bytes) -> bool:
    """Write a new file, durably and whole.

    Returns:
        True if the file was created; False if there was one already, which is not changed.

    Raises:
        OSError: nothing was created, and no temp file is left.
    """
    temp = _write_temp(path, data, 0o600)
    try:
        return _place_new(temp, path)
    finally:
        unlink_quietly(temp)


def _place_new(temp: Path, path: Path) -> bool:
    try:
        os.link(temp, path)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS and not _never_links(error, temp):
            raise
        if not _create_empty(path):
            return False
        _unlink_on_failure(path, lambda: _replace(temp, path))
    _unlink_on_failure(path, lambda: fsync_folder(path.parent))
    return True


def _never_links(error: OSError, temp: Path) -> bool:
    """Does this folder answer every hard link with EIO, as a mount of rclone does?"""
    if error.errno != errno.EIO:
        return False
    second = temp.with_name(f".2{temp.name}")
    try:
        os.link(temp, second)
    except OSError:
        return True
    unlink_quietly(second)
    return False


def _create_empty(path: Path) -> bool:
    """Create an empty file to reserve the name; return False if the name is taken."""
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        return False
    return True


def _unlink_on_failure(path: Path, step: Callable[[], None]) -> None:
    try:
        step()
    except BaseException:
        unlink_quietly(path)
        raise


def fsync_folder(folder: Path) -> None:
    """Make the names in `folder` durable; does nothing on Windows, which cannot open folders."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        _fsync(descriptor)
    finally:
        os.close(descriptor)


def shorten_name(name: str, room: int) -> str:
    """Shorten `name` at its end until `room` more bytes fit into a file name."""
    while len(os.fsencode(name)) > _MOST_NAME_BYTES - room:
        name = name[:-1]
    return name


def _write_temp(target: Path, data: bytes, mode: int, folder: int | None = None) -> Path:
    # Not with tempfile: importing it would cost `memsync show` four milliseconds.
    token = os.urandom(6).hex()
    tail = f".memsync-{os.getpid()}-{token}{TEMP_SUFFIX}"
    # One byte for the dot, and three for the prefix that `_never_links` adds.
    temp = target.with_name(f".{shorten_name(target.name, len(tail) + 4)}{tail}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | binary_flag()
    descriptor = os.open(temp if folder is None else temp.name, flags, 0o600, dir_fd=folder)
    try:
        try:
            if hasattr(os, "fchmod"):
                os.fchmod(descriptor, mode)
            write_durably(descriptor, data)
        finally:
            os.close(descriptor)
    except BaseException:
        unlink_quietly(temp, folder)
        raise
    return temp


def write_durably(descriptor: int, data: bytes) -> None:
    """Write all of `data` to an open file and return once it is on disk."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
    _fsync(descriptor)


def _fsync(descriptor: int) -> None:
    try:
        if sys.platform == "darwin":
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
        else:
            os.fsync(descriptor)
    except OSError as error:
        # Some network file systems have no fsync, and nothing better.
        if error.errno not in {errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS}:
            raise


def _replace(temp: Path, target: Path, folder: int | None = None) -> None:
    def rename() -> None:
        if folder is None:
            temp.replace(target)
        else:
            os.replace(temp.name, target.name, src_dir_fd=folder, dst_dir_fd=folder)

    for delay in _REPLACE_DELAYS:
        try:
            rename()
        except OSError as error:
            if getattr(error, "winerror", None) not in _SHARING_ERRORS:
                raise
            time.sleep(delay)
        else:
            return
    rename()


def _mode_for(target: Path) -> int:
    try:
        return stat.S_IMODE(target.stat().st_mode)
    except FileNotFoundError:
        return 0o600


def unlink_quietly(path: Path, folder: int | None = None) -> None:
    """Remove a file that nobody needs; if that fails, it is swept later."""
    with contextlib.suppress(OSError):
        if folder is None:
            path.unlink()
        else:
            os.unlink(path.name, dir_fd=folder)


def binary_flag() -> int:
    """Return the flag that keeps Windows from changing line endings."""
    return getattr(os, "O_BINARY", 0)
