"""Walks from the memory root to a file below it, folder by folder, and follows no link on the way.

Promise: what was checked is what is used, because each folder is held open while the next one is
opened from it. Windows holds no folders: there each part is looked at before and after.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from memsync.errors import FolderAwayError
from memsync.files.place import OddFileError, Place, is_link

_CAN_HOLD = {os.open, os.mkdir, os.rename, os.unlink, os.stat, os.link} <= os.supports_dir_fd
_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NONBLOCK", 0)


@dataclass(frozen=True)
class KnownLink:
    """A link below the root that this machine knows: where it leads, and if it may be written."""

    to: str
    may_write: bool


def _no_link(_name: str) -> KnownLink | None:
    return None


@dataclass(frozen=True)
class Walk:
    """Ways from a memory root to what lies below it.

    Attributes:
        root: the memory root. It, and what is above it, may be a link.
        link_at: returns what this machine knows of a link, by its path from the root; None if it
            does not count.
    """

    root: Path
    link_at: Callable[[str], KnownLink | None] = field(default=_no_link, compare=False)

    @contextmanager
    def at(self, path: Path, *, write: bool = False, raw: bool = False) -> Iterator[Place]:
        """Hold the folder of a path open, and give the path's place in it.

        Args:
            path: a path below the root.
            write: whether something is to be written; then the root must not be empty.
            raw: whether it is about the entry itself, even if it is a link that counts.
        """
        with self.within(path.parent, write=write) as (held, folder):
            place = Place(folder / path.name, held, guarded=True)
            # Of files only the memory, at the top, may be a link.
            is_top = path.parent == self.root and not raw
            real = self.behind(place, path, write=write) if is_top else None
            if real is None:
                yield place
                return
        with _held(real.parent, in_use=write) as descriptor:
            yield Place(real, descriptor, guarded=True)

    @contextmanager
    def within(
        self, folder: Path, *, write: bool = False, make: bool = False
    ) -> Iterator[tuple[int | None, Path]]:
        """Hold a folder below the root open; give its descriptor, and where it really is."""
        with _held(self.root, in_use=write) as root:
            held, where, path = root, self.root, self.root
            try:
                for part in self._parts(folder):
                    path = path / part
                    inner, where = self._enter(Place(where / part, held, True), path, write, make)
                    if held not in {None, root}:
                        os.close(held)
                    held = inner
                yield held, where
                if held is None:  # Windows holds nothing: look again whether it is the same
                    self._look_again(folder)
            finally:
                if held not in {None, root}:
                    os.close(held)

    def _enter(self, place: Place, path: Path, write: bool, make: bool) -> tuple[int | None, Path]:
        """Open a folder that is no link, or one that counts."""
        real = self.behind(place, path, write=write)
        if real is not None:
            return _open(Place(real)), real
        if make:
            with suppress(FileExistsError):
                os.mkdir(place.name, dir_fd=place.folder)
        return _open(place), place.path

    def behind(
        self, place: Place, path: Path, *, write: bool = False, count: bool = False
    ) -> Path | None:
        """Return what a link leads to; None if `place` is none, or `count` and it does not count.

        Raises:
            OddFileError: the link does not count, or must not be written through.
        """
        try:
            if not is_link(place.look()):
                return None
            to = os.readlink(place.name, dir_fd=place.folder)
        except FileNotFoundError:
            return None
        name = path.relative_to(self.root).as_posix()
        known = self.link_at(name)
        if known is None or known.to != to:
            if count:
                return None
            raise OddFileError("a link", path)
        if write and not known.may_write:
            way = f"memsync doctor --trust-link {name}"
            raise OddFileError(f"a link, and nobody said yet that it is yours: {way}", path)
        return Path(os.path.realpath(place.path.parent / to))

    def _parts(self, folder: Path) -> tuple[str, ...]:
        parts = folder.relative_to(self.root).parts
        if ".." in parts:
            raise ValueError(f"{folder} is not in the subpath of {self.root}")
        return parts

    def _look_again(self, folder: Path) -> None:
        for path in [folder, *folder.parents]:
            if path == self.root:
                return
            self.behind(Place(path, guarded=True), path)


@contextmanager
def _held(folder: Path, *, in_use: bool) -> Iterator[int | None]:
    """Hold a folder open that is not checked for links; None on Windows, which holds none.

    Raises:
        FolderAwayError: it is in use, but empty, as the bare mount point of a drive that went away.
    """
    descriptor = _open(Place(folder))
    try:
        if in_use:
            with os.scandir(folder if descriptor is None else descriptor) as entries:
                is_bare = next(entries, None) is None
            if is_bare:
                raise FolderAwayError(
                    f"the memory folder {folder} is empty",
                    hint="mount the drive or let your sync client finish, then do it again",
                )
        yield descriptor
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _open(place: Place) -> int | None:
    """Open a folder; None on Windows."""
    if not _CAN_HOLD:
        if not stat.S_ISDIR(place.look().st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(place.path))
        return None
    no_link = getattr(os, "O_NOFOLLOW", 0) if place.guarded else 0
    try:
        return os.open(place.name, _FOLDER | no_link, dir_fd=place.folder)
    except OSError as error:
        error.filename = str(place.path)
        raise
