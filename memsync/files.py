"""Files that survive a power cut: the only place that makes temp files and calls fsync.

A writer gets either the old content or the new one, whole, whatever happens in between. The
recipe is the usual one: a temp file in the same folder, fsync of the file, rename over the
target, fsync of the folder.
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

from memsync.folders import held

if sys.platform != "win32":
    import fcntl

TEMP_SUFFIX = ".tmp"
STRAY_AGE_SECONDS = 3600
"""A temp file that may still have a writer is left alone for this long."""

_SF_DATALESS = 0x40000000  # <sys/stat.h> of macOS: the content is not on this machine
_RECALL_ON_DATA_ACCESS = 0x00400000  # winnt.h: reading would fetch the file from the cloud
_SHARING_ERRORS = frozenset({5, 32, 33})  # Windows: access denied, sharing and lock violation
# Some cloud and FAT file systems know no hard links; Windows then says EINVAL.
_NO_HARD_LINKS = frozenset(
    {errno.EPERM, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}
)
_REPLACE_DELAYS = (0.05, 0.1, 0.2, 0.4, 0.8, 1.0)  # seconds: a sync client lets go within these


def atomic_write(path: Path, data: bytes, mode: int | None = None, *, in_use: bool = False) -> None:
    """Replace the content of `path` durably and in one step.

    A symlink is resolved first, so that the link stays a link. The folder must exist.

    Args:
        path: the file to write; need not exist yet.
        data: its whole new content.
        mode: permission bits; None keeps those of the present file, or 0600 for a new one.
        in_use: True where an empty folder is the bare mount point of one that went away.

    Raises:
        FolderAwayError: the folder is empty, and `in_use` says that this cannot be.
        OSError: the file has its old content, or, where only the folder could not be made
            durable, the new one; whole in either case, and no temp file is left behind.
    """
    target = path.resolve()
    with held(target.parent, in_use=True) if in_use else nullcontext() as folder:
        temp = _write_temp(target, data, _mode_for(target) if mode is None else mode, folder)
        try:
            _replace(temp, target, folder)
        except BaseException:
            _unlink_quietly(temp, folder)
            raise
        if folder is None:
            fsync_folder(target.parent)
        else:
            _fsync(folder)


def create_new(path: Path, data: bytes) -> bool:
    """Write a file that must not exist yet, durably and whole.

    Returns:
        True where the file was created, False where one stood there already (it is untouched).

    Raises:
        OSError: nothing was created, and no temp file is left behind.
    """
    temp = _write_temp(path, data, 0o600)
    try:
        return _place_new(temp, path)
    finally:
        _unlink_quietly(temp)


def _place_new(temp: Path, path: Path) -> bool:
    try:
        os.link(temp, path)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS and not _never_links(error, temp):
            raise
        if not _claim(path):
            return False
        _or_unlink(path, lambda: _replace(temp, path))
    _or_unlink(path, lambda: fsync_folder(path.parent))
    return True


def _never_links(error: OSError, temp: Path) -> bool:
    """Tell whether the EIO of a link is no accident: a mount of rclone's has no other answer."""
    if error.errno != errno.EIO:
        return False
    second = temp.with_name(f".2{temp.name}")
    try:
        os.link(temp, second)
    except OSError:
        return True
    _unlink_quietly(second)
    return False


def _claim(path: Path) -> bool:
    """Make the name ours, as an empty file; False where somebody has it."""
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        return False
    return True


def _or_unlink(path: Path, step: Callable[[], None]) -> None:
    try:
        step()
    except BaseException:
        _unlink_quietly(path)
        raise


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


def append_durably(path: Path, data: bytes) -> None:
    """Append `data` to `path` and return once it is on disk; an append that fails leaves no part.

    Raises:
        OSError: the file is as long as it was.
    """
    existed = path.exists()
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | _no_translation(), 0o600)
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

    def write() -> None:
        _write_all(descriptor, data)
        _fsync(descriptor)

    _or_truncate(descriptor, size, write)


def _or_truncate(descriptor: int, size: int, step: Callable[[], None]) -> None:
    try:
        step()
    except BaseException:
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, size)
        raise


def is_evicted(path: Path) -> bool:
    """Tell whether a sync client keeps only a placeholder of `path` here.

    Reading such a file may hang until it is downloaded. Known kinds: macOS dataless files, the
    older iCloud stub ``.NAME.icloud``, Windows files that are recalled on access, and files that
    have a size but no blocks on disk.
    """
    try:
        if icloud_stub(path).exists():
            return True
        info = path.stat()
    except OSError:
        return False
    if getattr(info, "st_flags", 0) & _SF_DATALESS:
        return True
    if getattr(info, "st_file_attributes", 0) & _RECALL_ON_DATA_ACCESS:
        return True
    return info.st_size > 0 and getattr(info, "st_blocks", 1) == 0


def icloud_stub(path: Path) -> Path:
    """Return what older iCloud clients leave in place of `path`, which then cannot be read."""
    return path.parent / f".{path.name}.icloud"


def sweep_temps(folder: Path) -> int:
    """Remove temp files that a killed memsync process left in `folder`; return how many.

    A temp file younger than an hour is left alone where its process still runs, or where that
    cannot be told; an older one is nobody's, whoever has that process number now. A folder that
    cannot be listed is left as it is: what is written there next tells what is wrong.
    """
    swept = 0
    with contextlib.suppress(OSError):
        for stray in folder.glob(f".*.memsync-*{TEMP_SUFFIX}"):
            if _is_stray(stray):
                _unlink_quietly(stray)
                swept += 1
    return swept


def fsync_folder(folder: Path) -> None:
    """Make the names in `folder` durable; does nothing where folders cannot be opened (Windows)."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        _fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_temp(target: Path, data: bytes, mode: int, folder: int | None = None) -> Path:
    # By hand, because importing tempfile would cost `memsync show` four milliseconds.
    token = os.urandom(6).hex()
    temp = target.with_name(f".{target.name}.memsync-{os.getpid()}-{token}{TEMP_SUFFIX}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _no_translation()
    descriptor = os.open(temp if folder is None else temp.name, flags, 0o600, dir_fd=folder)
    try:
        try:
            _write_all(descriptor, data)
            if hasattr(os, "fchmod"):
                os.fchmod(descriptor, mode)
            _fsync(descriptor)
        finally:
            os.close(descriptor)
    except BaseException:
        _unlink_quietly(temp, folder)
        raise
    return temp


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _fsync(descriptor: int) -> None:
    try:
        if sys.platform == "darwin":
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
        else:
            os.fsync(descriptor)
    except OSError as error:
        # Some network file systems know no fsync; there is nothing better to be had there.
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


def _is_stray(temp: Path) -> bool:
    try:
        age = time.time() - temp.stat().st_mtime
        pid = int(temp.name.rsplit(".memsync-", 1)[1].split("-", 1)[0])
    except (OSError, ValueError):
        return False
    if pid == os.getpid():
        return False
    if age > STRAY_AGE_SECONDS:
        return True
    # On Windows signal 0 would end the process instead of asking after it.
    return os.name != "nt" and not _is_running(pid)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True


def _unlink_quietly(path: Path, folder: int | None = None) -> None:
    with contextlib.suppress(OSError):
        if folder is None:
            path.unlink()
        else:
            os.unlink(path.name, dir_fd=folder)


def _no_translation() -> int:
    return getattr(os, "O_BINARY", 0)
