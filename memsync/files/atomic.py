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
from pathlib import Path

from memsync.files.place import Place, place_of

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


def atomic_write(where: Path | Place, data: bytes, mode: int | None = None) -> None:
    """Replace the content of a file durably and in one step.

    If a path is a symlink, the file behind it is written and the link stays. The folder must exist.

    Args:
        where: the file to write; need not exist yet.
        data: its whole new content.
        mode: permission bits; None keeps those of the existing file; a new file gets 0600.

    Raises:
        OSError: the file has its old content; or the new one, if only the fsync of the folder
            failed. It is whole in both cases, and no temp file is left.
    """
    target = where if isinstance(where, Place) else Place(where.resolve())
    temp = _write_temp(target, data, _mode_for(target) if mode is None else mode)
    try:
        _replace(temp, target)
    except BaseException:
        unlink_quietly(temp)
        raise
    fsync_names(target)


def create_new(where: Path | Place, data: bytes) -> bool:
    """Write a new file, durably and whole.

    Returns:
        True if the file was created; False if there was one already, which is not changed.

    Raises:
        OSError: nothing was created, and no temp file is left.
    """
    target = place_of(where)
    temp = _write_temp(target, data, 0o600)
    try:
        return _place_new(temp, target)
    finally:
        unlink_quietly(temp)


def _place_new(temp: Place, target: Place) -> bool:
    try:
        temp.link(target)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS and not _never_links(error, temp):
            raise
        if not _create_empty(target):
            return False
        _unlink_on_failure(target, lambda: _replace(temp, target))
    _unlink_on_failure(target, lambda: fsync_names(target))
    return True


def _never_links(error: OSError, temp: Place) -> bool:
    """Does this folder answer every hard link with EIO, as a mount of rclone does?"""
    if error.errno != errno.EIO:
        return False
    second = temp.beside(f".2{temp.path.name}")
    try:
        temp.link(second)
    except OSError:
        return True
    unlink_quietly(second)
    return False


def _create_empty(target: Place) -> bool:
    """Create an empty file to reserve the name; return False if the name is taken."""
    try:
        os.close(target.open(os.O_WRONLY | os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True


def _unlink_on_failure(target: Place, step: Callable[[], None]) -> None:
    try:
        step()
    except BaseException:
        unlink_quietly(target)
        raise


def fsync_names(target: Place) -> None:
    """Make the names in the folder of a file durable."""
    if target.folder is None:
        fsync_folder(target.path.parent)
    else:
        _fsync(target.folder)


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


def _write_temp(target: Place, data: bytes, mode: int) -> Place:
    # Not with tempfile: importing it would cost `memsync show` four milliseconds.
    token = os.urandom(6).hex()
    tail = f".memsync-{os.getpid()}-{token}{TEMP_SUFFIX}"
    # One byte for the dot, and three for the prefix that `_never_links` adds.
    temp = target.beside(f".{shorten_name(target.path.name, len(tail) + 4)}{tail}")
    descriptor = temp.open(os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try:
        try:
            if hasattr(os, "fchmod"):
                os.fchmod(descriptor, mode)
            write_durably(descriptor, data)
        finally:
            os.close(descriptor)
    except BaseException:
        unlink_quietly(temp)
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


def _replace(temp: Place, target: Place) -> None:
    for delay in _REPLACE_DELAYS:
        try:
            temp.rename(target)
        except OSError as error:
            if getattr(error, "winerror", None) not in _SHARING_ERRORS:
                raise
            time.sleep(delay)
        else:
            return
    temp.rename(target)


def _mode_for(target: Place) -> int:
    try:
        return stat.S_IMODE(target.look().st_mode)
    except FileNotFoundError:
        return 0o600


def unlink_quietly(place: Place) -> None:
    """Remove a file that nobody needs; if that fails, it is swept later."""
    with contextlib.suppress(OSError):
        place.unlink()
