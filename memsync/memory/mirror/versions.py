"""What happens to a file of the mirror: made whole, put aside as a version, pruned in the end.

A version is named after its file and the moment it was put aside,
``.versions/sessions/2026-11-23.md.20261124_030000``; a second one within that second ends in
``_2``, and a name that leaves no room for the moment is cut at its end. Nothing here follows a
link out of the mirror.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from memsync.config.workspace import MEMORY_NAME
from memsync.files.atomic import shorten_name
from memsync.memory.mirror.contents import STAMP, VERSION_NAME, VERSIONS

_TAIL_BYTES = len(".20261124_030000_99999")


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
        folder = self.folders.ensure(parent)
        version = _free_name(folder, shorten_name(base, _TAIL_BYTES), f".{self._stamp(self.now)}")
        current = self.folders.root / name
        if not (stays and _has_second_name(current, version)):
            current.rename(version)
        self.kept += 1

    def prune(self, keep_days: int, clock_goes_on: Callable[[], bool]) -> int:
        """Remove the versions put aside more than `keep_days` ago; return how many.

        The moment in the name counts, never the file's own time. The newest version of the
        memory stays whatever its age; so does the longest of a day's log that is gone or became
        shorter, because a log only ever grows. A version from the future (a clock that was wrong)
        stays, as does what bears no version's name. One that cannot be removed is tried again.

        Args:
            keep_days: for how long versions are kept.
            clock_goes_on: tells whether the clock is to be believed; asked where it matters.
        """
        folder = self.folders.root / VERSIONS
        if folder.is_symlink() or not folder.is_dir():
            return 0
        outdated = list(_older_than(str(folder), self._stamp(self.now - timedelta(days=keep_days))))
        if not outdated or not clock_goes_on():
            return 0
        never = set(self._last_ones(folder))
        return sum(_remove(folder, Path(path)) for path in outdated if path not in never)

    def _last_ones(self, folder: Path) -> Iterator[str]:
        """Return the versions that hold what is nowhere else."""
        of_memory = _by_name(folder).get(MEMORY_NAME)
        if of_memory:
            yield str(max(of_memory, key=_order))
        for name, versions in _by_name(folder / "sessions").items():
            longest = max(versions, key=_size)
            if _size(self.folders.root / "sessions" / name) < _size(longest):
                yield str(longest)

    @staticmethod
    def _stamp(moment: datetime) -> str:
        return moment.strftime(STAMP)


def _has_second_name(current: Path, version: Path) -> bool:
    try:
        os.link(current, version)
    except OSError:
        return False
    return True


def _free_name(folder: Path, base: str, stamp: str) -> Path:
    candidate, count = folder / f"{base}{stamp}", 1
    while os.path.lexists(candidate):
        count += 1
        candidate = folder / f"{base}{stamp}_{count}"
    return candidate


def _by_name(folder: Path) -> dict[str, list[Path]]:
    """Return the versions that lie in a folder, by the name of the file they are of."""
    found: dict[str, list[Path]] = {}
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            match = VERSION_NAME.fullmatch(path.name)
            if match and path.is_file():
                found.setdefault(match["name"], []).append(path)
    return found


def _order(version: Path) -> tuple[str, int]:
    match = VERSION_NAME.fullmatch(version.name)
    return (match["stamp"], int(match["count"] or 1)) if match else ("", 0)


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0


def _older_than(folder: str, oldest_kept: str) -> Iterator[str]:
    """Return the versions below a folder that were put aside before a moment."""
    try:
        with os.scandir(folder) as entries:
            listed = list(entries)
    except OSError:
        return
    for entry in listed:
        if entry.is_dir(follow_symlinks=False):
            yield from _older_than(entry.path, oldest_kept)
            continue
        match = VERSION_NAME.fullmatch(entry.name)
        # Stamps have a fixed width: they sort as text the way they sort in time.
        if match and match["stamp"] < oldest_kept:
            yield entry.path


def _remove(versions: Path, path: Path) -> bool:
    """Remove a version, and the folders that are empty without it; tell whether it is gone."""
    try:
        path.unlink()
    except OSError:
        return False
    with contextlib.suppress(OSError):  # the first one that is not empty ends it
        for folder in path.parents:
            if folder == versions:
                break
            folder.rmdir()
    return True
