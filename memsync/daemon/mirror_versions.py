"""What happens to a file of the mirror: made whole, put aside as a version, pruned in the end.

A version is named after its file and the moment it was put aside,
``.versions/sessions/2026-11-23.md.20261124_030000``; a second one within that second ends in
``_2``. Nothing here follows a link out of the mirror.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from memsync.files import is_evicted
from memsync.mirrored import STAMP, VERSION_NAME, VERSIONS
from memsync.workspace import MEMORY_NAME

_BLOCK = 1 << 20
_READ = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


@dataclass
class Folders:
    """The folders below one root, made as they are needed and never reached through a link."""

    root: Path
    _known: dict[str, Path] = field(default_factory=dict)

    def ensure(self, relative: str) -> Path:
        """Return the folder at `relative` ("" is the root), made where it is missing.

        Raises:
            OSError: it cannot be made, or a link or a file stands in its way.
        """
        if relative not in self._known:
            self._known[relative] = self._make(relative) if relative else self.root
        return self._known[relative]

    def _make(self, relative: str) -> Path:
        parent, _, name = relative.rpartition("/")
        folder = self.ensure(parent) / name
        try:
            folder.mkdir()
        except FileExistsError:
            if not stat.S_ISDIR(folder.lstat().st_mode):
                reason = "a link or a file stands where a folder belongs"
                raise NotADirectoryError(errno.ENOTDIR, reason, str(folder)) from None
        return folder


@dataclass
class Versions:
    """The versions of one mirror, as one run at the moment `now` adds to and prunes them."""

    folders: Folders
    now: datetime
    kept: int = 0

    def keep(self, name: str, *, stays: bool) -> None:
        """Put the mirror's file `name` aside as a version.

        Args:
            name: the file, relative to the mirror.
            stays: True where a new content is about to be renamed over it. The version is then
                a second name of the old content, so that the file is absent at no moment; where
                the file system knows no hard links, it is moved all the same.

        Raises:
            OSError: the file stands where it stood.
        """
        parent, _, base = f"{VERSIONS}/{name}".rpartition("/")
        version = _free_name(self.folders.ensure(parent), f"{base}.{self._stamp(self.now)}")
        current = self.folders.root / name
        if not (stays and _has_second_name(current, version)):
            current.rename(version)
        self.kept += 1

    def prune(self, keep_days: int) -> int:
        """Remove the versions put aside more than `keep_days` ago; return how many.

        The moment in the name counts, never the file's own time. The newest version of the
        memory itself stays whatever its age; of any other file, a deleted one too, the last
        version goes as well. A version from the future (a clock that was wrong) stays, as does
        what bears no version's name. One that cannot be removed is tried again the next time.
        """
        folder = self.folders.root / VERSIONS
        if folder.is_symlink():
            return 0
        oldest_kept = self._stamp(self.now - timedelta(days=keep_days))
        return _prune_folder(folder, oldest_kept, _newest_of_memory(folder))

    @staticmethod
    def _stamp(moment: datetime) -> str:
        return moment.strftime(STAMP)


def copy_file(origin: str, temp: str, *, durable: bool) -> bool:
    """Copy content, mode and time of `origin` to `temp`, which must not exist.

    The time is the one from before the reading, so that a later change is seen by the next run.
    Plain strings and open files instead of Path: they halve the time of a full copy.

    Returns:
        False where `origin` is only a cloud placeholder; nothing was copied.

    Raises:
        OSError: `temp` is not there.
    """
    reader = os.open(origin, _READ)
    try:
        info = os.fstat(reader)
        # A file with blocks on disk is here; only the others are worth a closer look.
        if not getattr(info, "st_blocks", 0) and is_evicted(Path(origin)):
            return False
        _write_copy(reader, info, temp, durable=durable)
    finally:
        os.close(reader)
    return True


def _write_copy(reader: int, info: os.stat_result, temp: str, *, durable: bool) -> None:
    writer = os.open(temp, _CREATE, 0o600)
    try:
        try:
            _pump(reader, writer, info.st_size)
            if durable:
                os.fsync(writer)
        finally:
            os.close(writer)
        # A FAT or exFAT stick knows no modes and says so; the copy then keeps its 0600 or the like.
        with contextlib.suppress(OSError):
            os.chmod(temp, stat.S_IMODE(info.st_mode) & 0o777)  # noqa: PTH101
        os.utime(temp, ns=(info.st_mtime_ns, info.st_mtime_ns))
    except BaseException:
        Path(temp).unlink(missing_ok=True)
        raise


def _pump(reader: int, writer: int, left: int) -> None:
    if hasattr(os, "copy_file_range"):
        # Where the kernel cannot, the loop below goes on; a real fault comes back there.
        with contextlib.suppress(OSError):
            while left and (moved := os.copy_file_range(reader, writer, left)):
                left -= moved
    while left and (block := os.read(reader, min(left, _BLOCK))):
        left -= len(block)
        while block:
            block = block[os.write(writer, block) :]
    if left:
        raise OSError(errno.EAGAIN, "it shrank while it was read")


def _has_second_name(current: Path, version: Path) -> bool:
    try:
        os.link(current, version)
    except OSError:
        return False
    return True


def _free_name(folder: Path, name: str) -> Path:
    candidate, count = folder / name, 1
    while os.path.lexists(candidate):
        count += 1
        candidate = folder / f"{name}_{count}"
    return candidate


def _newest_of_memory(folder: Path) -> str | None:
    found = []
    for path in folder.glob(f"{MEMORY_NAME}.*"):
        match = VERSION_NAME.fullmatch(path.name)
        if match and match["name"] == MEMORY_NAME and not path.is_dir():
            found.append((match["stamp"], int(match["count"] or 1), str(path)))
    return max(found)[2] if found else None


def _prune_folder(folder: Path, oldest_kept: str, never: str | None) -> int:
    pruned = 0
    try:
        with os.scandir(folder) as entries:
            listed = list(entries)
    except OSError:
        return 0
    for entry in listed:
        if entry.is_dir(follow_symlinks=False):
            below = _prune_folder(Path(entry.path), oldest_kept, never)
            pruned += below
            if below:
                with contextlib.suppress(OSError):  # other versions still live there
                    Path(entry.path).rmdir()
            continue
        match = VERSION_NAME.fullmatch(entry.name)
        # Stamps have a fixed width: they sort as text the way they sort in time.
        if match and match["stamp"] < oldest_kept and entry.path != never:
            with contextlib.suppress(OSError):
                Path(entry.path).unlink()
                pruned += 1
    return pruned
