"""Walks from the memory root to a file below it, folder by folder, and follows no link on the way.

Promise: what was checked is what is used, because each folder is held open while the next one is
opened from it. Windows holds no folders: there each part is looked at before and after.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator, Sequence
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
        *above, name = self.parts(path)
        with self._held_below(above, write=write) as (held, folder):
            # The path itself is as good while no link was followed; to make one takes a while.
            place = Place(path if folder is None else folder / name, held, guarded=True)
            # Of files only the memory, at the top, may be a link.
            real = None if above or raw else self.behind(place, name, write=write)
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
        with self._held_below(self.parts(folder), write=write, make=make) as (held, real):
            yield held, real or folder

    @contextmanager
    def _held_below(
        self, parts: Sequence[str], *, write: bool, make: bool = False
    ) -> Iterator[tuple[int | None, Path | None]]:
        """Hold the folder at the end of `parts` open; give where it is if a link was followed."""
        with _held(self.root, in_use=write) as root:
            held, where, real = root, self.root, None
            try:
                for count, part in enumerate(parts, start=1):
                    place, name = Place(where / part, held, guarded=True), "/".join(parts[:count])
                    behind = self.behind(place, name, write=write)
                    if behind is not None:
                        place = Place(behind)
                    elif make:
                        _make(place)
                    inner, where = _open(place), place.path
                    real = where if behind or real else None
                    if held not in {None, root}:
                        os.close(held)
                    held = inner
                yield held, real
                if held is None:  # Windows holds nothing: look again whether it is the same
                    self._look_again(parts)
            finally:
                if held not in {None, root}:
                    os.close(held)

    def behind(
        self, place: Place, name: str, *, write: bool = False, count: bool = False
    ) -> Path | None:
        """Return what a link leads to; None if `place` is none, or `count` and it does not count.

        Args:
            place: where.
            name: its path from the root, with ``/`` between the parts.
            write: whether something is to be written through it.
            count: return None for a link that does not count.

        Raises:
            OddFileError: the link does not count, or must not be written through.
        """
        try:
            if not is_link(place.look()):
                return None
            to = os.readlink(place.name, dir_fd=place.folder)
        except FileNotFoundError:
            return None
        known = self.link_at(name)
        if known is None or known.to != to:
            if count:
                return None
            raise OddFileError("a link", place.path)
        if write and not known.may_write:
            way = f"memsync doctor --trust-link {name}"
            raise OddFileError(f"a link, and nobody said yet that it is yours: {way}", place.path)
        return Path(os.path.realpath(place.path.parent / to))

    def parts(self, path: Path) -> list[str]:
        """Return the parts of a path below the root; none for the root itself.

        Raises:
            ValueError: it is not below the root, or leads up again; no caller may do that.
        """
        root, text = str(self.root), str(path)  # with `Path` it takes five times as long
        if text == root:
            return []
        head = root if root.endswith(os.sep) else root + os.sep
        found = text.removeprefix(head).split(os.sep)  # noqa: PTH206
        if not text.startswith(head) or ".." in found:
            raise ValueError(f"{path} is not below {root}")
        return found

    def _look_again(self, parts: Sequence[str]) -> None:
        path = self.root
        for count, part in enumerate(parts, start=1):
            path = self.behind(Place(path / part, guarded=True), "/".join(parts[:count])) or (
                path / part
            )


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


def _make(place: Place) -> None:
    with suppress(FileExistsError):
        os.mkdir(place.name, dir_fd=place.folder)
