"""Opens what lies below the memory root, where somebody else who has the folder may put anything.

No link is followed, only regular files up to a size are opened, and nothing waits on a pipe. Each
operation holds the root open and walks from there, folder by folder, so what was checked is what is
used. The root itself, and what is above it, may be a link: that is this machine's own business.
"""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from memsync.files import append, atomic, placeholders, temps
from memsync.files.place import OddFileError, kind_if_not_file
from memsync.files.walk import Walk

_MIB = 1 << 20
_MOST = {".toml": 1 * _MIB, ".json": 4 * _MIB}
_MOST_AT_ROOT, _MOST_BELOW = 16 * _MIB, 64 * _MIB


@dataclass(frozen=True)
class SkippedFile:
    """A file that was not read, and the reason in a few words."""

    path: Path
    why: str


def _holds_nul(data: bytes) -> bool:
    return b"\0" in data


class RootFolder(Walk):
    """Reads, writes and lists below a memory root; each method takes a path below it."""

    def read(self, path: Path, most: int | None = None) -> bytes:
        """Return the content of a file, or its first `most` bytes.

        Raises:
            OddFileError: it is no regular file, or larger than such a file ever is.
            OSError: it cannot be read.
        """
        with self.opened(path) as descriptor, open(descriptor, "rb", closefd=False) as file:
            if most is not None:
                return file.read(most)
            info, limit = os.fstat(descriptor), self._limit(path)
            why = self._why_odd(path, info)
            data = b"" if why else file.read(info.st_size + 1)
            if len(data) > info.st_size:  # it grew meanwhile
                data += file.read(limit + 1 - len(data))
        if why or len(data) > limit:
            raise OddFileError(why or f"larger than {limit // _MIB} MiB", path)
        return data

    @contextmanager
    def opened(self, path: Path) -> Iterator[int]:
        """Give the descriptor of a file that is open for reading; raises as `read` does."""
        with self.at(path) as place:
            descriptor = place.open(os.O_RDONLY)
            try:
                yield descriptor
            finally:
                os.close(descriptor)

    def look(self, path: Path) -> os.stat_result:
        """Return what `os.lstat` says of a path; of a link that counts, what is behind it.

        Raises:
            OddFileError: it is behind a link that does not count.
            OSError: it is not there, or cannot be looked at.
        """
        with self.at(path) as place:
            return place.look()

    def why_odd(self, path: Path) -> str:
        """Return in words why this is no file of ours; empty if it is one.

        Raises:
            OSError: it is not there, or cannot be looked at.
        """
        try:
            return self._why_odd(path, self.look(path))
        except OddFileError as error:
            return error.why

    def exists(self, path: Path) -> bool:
        """Is anything there, whatever it is?

        Raises:
            OSError: that cannot be found out.
        """
        with suppress(FileNotFoundError), self.at(path, raw=True) as place:
            return place.exists()
        return False

    def is_evicted(self, path: Path) -> bool:
        """Is there only a cloud placeholder of this file? False if that cannot be found out."""
        with suppress(OSError), self.at(path) as place:
            return placeholders.is_evicted(place)
        return False

    def why_unreadable(self, path: Path, is_damaged: Callable[[bytes], bool] = _holds_nul) -> str:
        """Return in a few words why a file cannot be read; empty if it can be read, or is gone.

        Args:
            path: the file.
            is_damaged: tells whether NUL bytes replaced the content.
        """
        try:
            with self.opened(path):
                if self.is_evicted(path):
                    return "its content is in the cloud"
            if is_damaged(self.read(path)):
                return "NUL bytes"
        except FileNotFoundError:
            return ""
        except OSError as error:
            return error.why if isinstance(error, OddFileError) else error.strerror or str(error)
        return ""

    def entries(self, folder: Path, pattern: str = "*") -> list[Path]:
        """Return what is in `folder`, sorted, if the names match; nothing if it is missing.

        A folder that cannot be read is an error and never counts as empty: notes would be missed.

        Raises:
            OSError: the folder cannot be read.
        """
        return self._listed(folder, pattern, lambda _entry: True)

    def files_in(self, folder: Path, pattern: str = "*") -> list[Path]:
        """Return the regular files in `folder`, as `entries` does."""
        return self._listed(folder, pattern, lambda entry: entry.is_file(follow_symlinks=False))

    def _listed(
        self, folder: Path, pattern: str, is_wanted: Callable[[os.DirEntry[str]], bool]
    ) -> list[Path]:
        try:
            with self.within(folder) as (held, path), _scan(path, held) as found:
                names = [entry.name for entry in found if is_wanted(entry)]
        except FileNotFoundError:
            return []
        return [folder / name for name in sorted(fnmatch.filter(names, pattern))]

    def below(self, folder: Path, name: str) -> list[Path]:
        """Return the entries called `name` in the subfolders of `folder`, sorted by subfolder.

        What cannot be entered is left out: a link, a pipe, a folder that is not ours to read.

        Raises:
            OSError: one of the folders cannot be read.
        """
        found = []
        for path in (each / name for each in self.entries(folder)):
            try:
                self.look(path)
            except (FileNotFoundError, NotADirectoryError, PermissionError, OddFileError):
                continue
            found.append(path)
        return found

    def below_all(self, folder: Path, name: str, pattern: str) -> list[Path]:
        """Return what matches in the folder `name` of each subfolder of `folder`, sorted.

        What cannot be read is left out.
        """
        found: list[Path] = []
        with suppress(OSError):
            for each in self.entries(folder):
                with suppress(OSError):
                    found += self.entries(each / name, pattern)
        return found

    def all_files(self, pattern: str = "*") -> list[Path]:
        """Return the regular files at any depth whose names match, sorted; no link is followed.

        Raises:
            OSError: a folder cannot be read.
        """
        found, folders = list[Path](), [self.root]
        while folders:
            folder = folders.pop()
            found += self.files_in(folder, pattern)
            folders += self._listed(folder, "*", lambda e: e.is_dir(follow_symlinks=False))
        return sorted(found)

    def replace(self, path: Path, data: bytes) -> None:
        """Write a file durably and in one step; what is no file in its place is moved aside.

        Raises:
            FolderAwayError: the root is empty; nothing was written.
            OSError: the file has its old content, or the new one.
        """
        self.move_aside(path)
        with self.at(path, write=True) as place:
            atomic.atomic_write(place, data)

    def create(self, path: Path, data: bytes) -> bool:
        """Write a new file, durably and whole; return False if anything is there already.

        Raises:
            FolderAwayError: the root is empty; nothing was written.
            OSError: nothing was created.
        """
        with self.at(path, write=True, raw=True) as place:
            return atomic.create_new(place, data)

    def append_entries(self, path: Path, data: bytes, *, head: bytes) -> None:
        """Append entries, each of which begins with `head`; complete what an earlier call began.

        Raises:
            FolderAwayError: the root is empty; nothing was appended.
            OSError: nothing was appended.
        """
        with self.at(path, write=True) as place:
            append.append_durably(place, append.find_unwritten(place, data, head=head))

    def append_line(self, path: Path, text: str) -> None:
        """Append a line, or several, durably; raises as `append_entries` does."""
        with self.at(path, write=True) as place:
            append.append_line(place, text)

    def make_folder(self, path: Path) -> Path:
        """Make a folder where it is missing, and those above it; return it. The root is never made.

        Raises:
            FolderAwayError: the root is empty, as a bare mount point is.
            OSError: the root is missing, or the folder cannot be made.
        """
        with self.within(path, write=True, make=True):
            return path

    def unlink(self, path: Path) -> None:
        """Remove a file; a link itself goes, not what is behind it."""
        with self.at(path, write=True, raw=True) as place:
            place.unlink()

    def rename(self, path: Path, name: str) -> Path:
        """Give a file or link another name in its folder; return its new path."""
        with self.at(path, write=True, raw=True) as place:
            place.rename(place.beside(name))
        return path.with_name(name)

    def move_aside(self, path: Path) -> Path | None:
        """Rename what no file can be read from to ``NAME.aside``; return its new path.

        A link that counts stays, and so does a file that is not too large: None then.
        """
        with suppress(FileNotFoundError), self.at(path, raw=True) as place:
            is_file = not self._why_odd(path, place.look())
            if is_file or self.behind(place, "/".join(self.parts(path)), count=True) is not None:
                return None
            number, name = 1, f"{path.name}.aside"
            while place.beside(name).exists():
                number, name = number + 1, f"{path.name}.aside-{number + 1}"
            place.rename(place.beside(name))
            return path.with_name(name)
        return None

    def sweep(self, path: Path) -> int:
        """Remove temp files of killed processes beside a file; return how many; never raise."""
        with suppress(OSError), self.at(path) as place:
            return temps.sweep_temps(place.path.parent, place.folder)
        return 0

    def _why_odd(self, path: Path, info: os.stat_result) -> str:
        limit = self._limit(path)
        is_large = info.st_size > limit
        return kind_if_not_file(info) or (f"larger than {limit // _MIB} MiB" if is_large else "")

    def _limit(self, path: Path) -> int:
        """Return how many bytes a file may have; generous for honest use, see docs."""
        *above, name = self.parts(path)
        ending = os.path.splitext(name)[1]  # noqa: PTH122 - the suffix of a Path takes longer
        return _MOST.get(ending, _MOST_BELOW) if above else _MOST_AT_ROOT


def _scan(folder: Path, held: int | None) -> AbstractContextManager[Iterator[os.DirEntry[str]]]:
    return os.scandir(folder if held is None else held)
