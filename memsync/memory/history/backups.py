"""The texts the memory had before: written once each, never changed, thinned out by age."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from memsync import clock
from memsync.config.sync_folder import folder_at
from memsync.errors import RefusedError, WrongUsageError
from memsync.files.atomic import shorten_name
from memsync.files.opener import RootFolder, SkippedFile
from memsync.files.place import OddFileError
from memsync.memory.history import retention
from memsync.memory.reading import is_empty
from memsync.providers.conflict_copies import Copy, recognise_copy
from memsync.text.digest import digest

COPIES = "copies"
"""The folder in backups/ of the conflict copies whose content is in the memory or the logs."""

Replaced = Mapping[str, Sequence[datetime]]
"""When texts were replaced, by their digests."""

NOTHING_KNOWN: Replaced = MappingProxyType({})

_NAME_AHEAD = re.compile(r"GLOBAL_MEMORY_\d{8}_\d{6}(?:_\d+)?")
_NAME = re.compile(r"GLOBAL_MEMORY_(\d{8}_\d{6})(?:_(\d+))?\.md")


@dataclass(frozen=True, order=True)
class Backup:
    """One backup; ordered by when it was made (local time of the machine that made it).

    `files` opens the folder it is in; None in a mirror.
    """

    moment: datetime
    number: int
    path: Path
    files: RootFolder | None = field(default=None, compare=False)

    def read(self) -> bytes:
        """Return its content.

        Raises:
            OSError: it cannot be read, or is no regular file.
        """
        return self._opener.read(self.path)

    def is_evicted(self) -> bool:
        """Is its content only in the cloud?"""
        return self._opener.is_evicted(self.path)

    @property
    def _opener(self) -> RootFolder:
        return self.files or RootFolder(self.path.parent)

    def is_good(self) -> bool:
        """Does the backup hold text that may become the memory: not empty, UTF-8, no NUL?

        Raises:
            OSError: it cannot be read just now, which says nothing of what it holds.
        """
        try:
            text = self.read().decode("utf-8")
        except (FileNotFoundError, OddFileError, UnicodeDecodeError):
            return False
        return "\0" not in text and not is_empty(text)


def backup(data: bytes, folder: Path) -> Path:
    """Write `data` into `folder` under the present second; return the new file.

    A second backup within a second gets ``_2``, then ``_3``; none is ever overwritten.

    Raises:
        OSError: nothing was kept.
    """
    files = folder_at(folder.parent)
    files.make_folder(folder)
    stamp = clock.now().strftime("%Y%m%d_%H%M%S")
    files.sweep(folder / stamp)
    taken = {path.name for path in files.entries(folder)}
    number = 1
    while True:
        suffix = "" if number == 1 else f"_{number}"
        kept = folder / f"GLOBAL_MEMORY_{stamp}{suffix}.md"
        if kept.name not in taken and files.create(kept, data):
            if files.read(kept) != data:
                raise OSError(0, "the backup does not read back as it was written", str(kept))
            return kept
        number += 1


def list_backups(folder: Path) -> list[Backup]:
    """Return the backups in `folder`, newest first.

    Files with other names are none, nor is what is no regular file: a link could bring any file of
    this machine into the memory, and a pipe would be waited for without end.

    Raises:
        OSError: the folder cannot be listed, or one cannot be looked at.
    """
    files = folder_at(folder.parent)
    listed = files.files_in(folder, "GLOBAL_MEMORY_*.md")
    found = (backup_at(path, files) for path in listed)
    return sorted((one for one in found if one is not None), reverse=True)


def backup_at(path: Path, files: RootFolder | None = None) -> Backup | None:
    """Return the backup that a path names, whether it is there or not; None where it names none."""
    match = _NAME.fullmatch(path.name)
    if match is None:
        return None
    try:
        moment = datetime.strptime(match[1], "%Y%m%d_%H%M%S").astimezone()
    except (ValueError, OverflowError):
        return None
    return Backup(moment, int(match[2] or 1), path, files)


def find_backup(folder: Path, name: str) -> Backup:
    """Return the backup called `name`: its file name, with or without prefix and ending.

    Raises:
        WrongUsageError: no backup in `folder` is called so; a path is never taken.
    """
    for entry in list_backups(folder):
        short = entry.path.stem.removeprefix("GLOBAL_MEMORY_")
        if name in {entry.path.name, entry.path.stem, short}:
            return entry
    raise WrongUsageError(f"there is no backup {name!r}", hint="memsync log lists them")


def newest_good(folder: Path) -> Backup | None:
    """Return the newest backup that holds text, or None; raises as `Backup.is_good` does."""
    return next((entry for entry in list_backups(folder) if entry.is_good()), None)


def expired(
    folder: Path,
    keep_days: int,
    leap: timedelta = retention.LEAP,
    replaced: Replaced = NOTHING_KNOWN,
) -> list[Backup]:
    """Return the backups that may go, as `thinning` has it; never the newest good one.

    Args:
        folder: the folder of the backups.
        keep_days: the age beyond which all go.
        leap: how far ahead of the backups the clock may be.
        replaced: when the texts were replaced, as far as that is known: the clock that named a
            backup may have been set back, and what it holds be recent.

    Raises:
        RefusedError: this machine's clock cannot be right by what the backups say.
        OSError: a backup that stands for others cannot be read just now.
    """
    listed, now = list_backups(folder), clock.now()
    why = retention.clock_doubt(listed, now, leap)
    if why:
        raise RefusedError(
            f"no backup was removed: {why}",
            hint="set the clock; if it is right, take the backup of the wrong date out of"
            f" {folder}, or change the memory and try again a day later",
        )
    gone = retention.expired_copies(listed, _may_be_good, now, keep_days)
    # Made later than its name says a backup stays longer, so no other need be read for this.
    made = {entry: _when_made(entry, replaced, now) for entry in gone}
    return retention.expired_copies(
        listed, _may_be_good, now, keep_days, lambda entry: made.get(entry, entry.moment)
    )


def _when_made(entry: Backup, replaced: Replaced, now: datetime) -> datetime:
    with contextlib.suppress(OSError):  # its name is what is known of it then
        if replaced and not entry.is_evicted():
            name = _digest_at(folder_at(entry.path.parents[1]), entry.path)
            return retention.when_made(entry.moment, replaced.get(name, ()), now)
    return entry.moment


def prune_backups(
    folder: Path,
    keep_days: int,
    leap: timedelta = retention.LEAP,
    replaced: Replaced = NOTHING_KNOWN,
) -> list[Path]:
    """Remove what `outdated` names by the same arguments; return the removed files.

    Raises:
        RefusedError: as `outdated` does; nothing was removed.
        OSError: one could not be read, or removed; those before it are gone.
    """
    removed = []
    for entry in expired(folder, keep_days, leap, replaced):
        with contextlib.suppress(FileNotFoundError):
            folder_at(folder.parent).unlink(entry.path)
        removed.append(entry.path)
    return removed


def _may_be_good(entry: Backup) -> bool:
    """Does a backup hold text? One that is only in the cloud is not fetched for this.

    Raises:
        OSError: it cannot be read just now; that is no reason to let it go.
    """
    return not entry.is_evicted() and entry.is_good()


def keep_conflict_copy(path: Path, data: bytes, folder: Path) -> Path:
    """Move a conflict copy into `folder`, clearly beside the backups; return where it is.

    The name is made of its content: two machines that move the same copy make the same file.

    Args:
        path: the copy.
        data: what was read from it; a copy that changed since stays where it is, too.
        folder: the backups.

    Raises:
        OSError: the copy is still where it was.
    """
    files = folder_at(folder.parent)
    below = files.make_folder(folder / COPIES)
    mark = f"{digest(data)[:12]}_"
    # The name of a copy of a copy may be as long as a file system takes.
    stem = shorten_name(path.stem, len(mark) + len(os.fsencode(path.suffix)))
    kept = below / f"{mark}{stem}{path.suffix}"
    if not files.create(kept, data) and not _holds(files, kept, data):
        files.replace(kept, data)
    if _holds(files, path, data):
        files.unlink(path)
    return kept


def _holds(files: RootFolder, path: Path, data: bytes) -> bool:
    with contextlib.suppress(OddFileError):
        return files.read(path) == data
    return False


def backup_copies(folder: Path, is_ours: Callable[[Copy], bool]) -> list[Path]:
    """Return the conflict copies of backups: two machines may make one under the same second.

    Args:
        folder: the backups.
        is_ours: tells of a name that a person might have chosen, too, whether it is a number or
            one of the machines. No other is one that a backup was made on.

    Raises:
        OSError: the folder cannot be listed.
    """
    found = []
    for path in folder_at(folder.parent).entries(folder, "GLOBAL_MEMORY_*"):
        match = _NAME_AHEAD.match(path.name)
        copy = recognise_copy(path.name, f"{match[0]}.md") if match else None
        if copy and (copy.certain or is_ours(copy)):
            found.append(path)
    return found


def unreadable_backup_copies(folder: Path, is_ours: Callable[[Copy], bool]) -> list[SkippedFile]:
    """Return those of the conflict copies of backups that cannot be read; raises as `copies`."""
    why = folder_at(folder.parent).why_unreadable
    found = ((path, why(path)) for path in backup_copies(folder, is_ours))
    return [SkippedFile(*pair) for pair in found if pair[1]]


def texts_by_digest(folder: Path) -> dict[str, Path]:
    """Return the backups and the moved conflict copies by the digests of their content.

    Regular files only: a link among them could bring any file of this machine into a merge.
    """
    files, found = folder_at(folder.parent), dict[str, Path]()
    for place, pattern in ((folder / COPIES, "*"), (folder, "GLOBAL_MEMORY_*.md")):
        with contextlib.suppress(OSError):
            for path in files.files_in(place, pattern):
                with contextlib.suppress(OSError):
                    found[_digest_at(files, path)] = path
    return found


def _digest_at(files: RootFolder, path: Path) -> str:
    info = files.look(path)
    return _digest_of(files, path, info.st_size, info.st_mtime_ns)


@lru_cache(maxsize=4096)  # a backup never changes
def _digest_of(files: RootFolder, path: Path, _size: int, _changed: int) -> str:
    return digest(files.read(path))
