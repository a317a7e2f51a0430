"""A file, as its path or in a folder that is held open: what the functions for files work on.

A `Place` that the `opener` made is guarded. It is a regular file in the folder that was checked, or
it is not opened: whoever puts a link, a pipe or another folder there meanwhile gains nothing.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_BINARY = getattr(os, "O_BINARY", 0)  # else Windows would change line endings
_GUARD = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
# winnt.h, IsReparseTagNameSurrogate: it stands for another file. Tags of cloud files have it not.
_NAME_SURROGATE = 0x20000000


class OddFileError(OSError):
    """Not what belongs there: a link, a folder, a pipe, or more than such a file ever holds."""

    def __init__(self, why: str, path: Path) -> None:
        super().__init__(errno.EINVAL, f"it is {why}", str(path))
        self.why = why


@dataclass(frozen=True)
class Place:
    """Where a file is, whether it exists or not.

    Attributes:
        path: its path.
        folder: the descriptor of its folder, which is used instead of the path; None uses the path.
        guarded: whether only a regular file may be opened, and no link is followed.
    """

    path: Path
    folder: int | None = None
    guarded: bool = False

    @property
    def name(self) -> str | Path:
        """What functions of `os` call the file, beside ``dir_fd=folder``."""
        return self.path if self.folder is None else self.path.name

    def beside(self, name: str) -> Place:
        """Return the place of this name in the same folder."""
        return Place(self.path.with_name(name), self.folder, self.guarded)

    def look(self) -> os.stat_result:
        """Return what `os.stat` says; a link is followed unless the place is guarded."""
        return os.stat(self.name, dir_fd=self.folder, follow_symlinks=not self.guarded)

    def exists(self) -> bool:
        """Is anything there?

        Raises:
            OSError: that cannot be found out.
        """
        with suppress(FileNotFoundError, NotADirectoryError):
            self.look()
            return True
        return False

    def open(self, flags: int, mode: int = 0o600) -> int:
        """Open the file as `os.open` does, and return the descriptor.

        Raises:
            OddFileError: the place is guarded, and what is there is no regular file.
            OSError: it cannot be opened.
        """
        flags |= _BINARY
        if not self.guarded:
            return os.open(self.name, flags, mode, dir_fd=self.folder)
        with suppress(FileNotFoundError):
            self._require_regular(self.look())
        try:
            descriptor = os.open(self.name, flags | _GUARD, mode, dir_fd=self.folder)
        except OSError as error:
            error.filename = str(self.path)
            raise
        try:
            self._require_regular(os.fstat(descriptor))
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def _require_regular(self, info: os.stat_result) -> None:
        kind = kind_if_not_file(info)
        if kind:
            raise OddFileError(kind, self.path)

    def unlink(self) -> None:
        """Remove the file."""
        os.unlink(self.name, dir_fd=self.folder)

    def rename(self, new: Place) -> None:
        """Give the file another name in its folder; what has that name is replaced."""
        os.replace(self.name, new.name, src_dir_fd=self.folder, dst_dir_fd=new.folder)

    def link(self, new: Place) -> None:
        """Give the file a second name in its folder."""
        if self.folder is None:
            os.link(self.name, new.name)
        else:
            os.link(
                self.name,
                new.name,
                src_dir_fd=self.folder,
                dst_dir_fd=new.folder,
                follow_symlinks=False,
            )


def place_of(where: Path | Place) -> Place:
    """Return the place of a path; a place stays as it is."""
    return where if isinstance(where, Place) else Place(where)


def is_link(info: os.stat_result) -> bool:
    """Is this, by `os.lstat`, a link? On Windows that includes what stands for another folder.

    A cloud placeholder is a reparse point on Windows, too, but stands for no other file.
    """
    return stat.S_ISLNK(info.st_mode) or bool(getattr(info, "st_reparse_tag", 0) & _NAME_SURROGATE)


def kind_if_not_file(info: os.stat_result) -> str:
    """Return in words what this is by `os.lstat`; empty if it is a regular file."""
    if is_link(info):
        return "a link"
    if stat.S_ISREG(info.st_mode):
        return ""
    return "a folder" if stat.S_ISDIR(info.st_mode) else "no regular file"
