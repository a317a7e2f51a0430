"""The base of every provider: a sync client, the folder it syncs, and the memory's folder in it.

The helpers below read other programs' folders and settings, which may be missing, locked or
damaged. They raise no error for that, so a provider simply lists where to look.
"""

from __future__ import annotations

import os
import stat
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import ClassVar

from memsync.files.timeout import with_timeout

_SETTINGS_LIMIT = 16 * 1024 * 1024  # bytes: no sync client's settings come near this


class Provider(ABC):
    """A sync client that carries the memory between machines."""

    name: ClassVar[str]
    """Its name in the config and on the command line: ``onedrive``."""

    label: ClassVar[str]
    """The name its maker uses: ``OneDrive``."""

    memory_folder: ClassVar[str] = ".claude-memory"

    @abstractmethod
    def candidates(self) -> Iterable[Path]:
        """Return the places where the sync root may be on this machine, the best first.

        The paths need not exist. They come from the home folder, the environment and the
        client's own settings at the time of the call.

        Raises:
            RuntimeError: this user has no home folder.
        """

    def detect(self) -> Path | None:
        """Return the folder that the client syncs here: the first candidate that is a folder.

        Returns:
            An existing folder, which may be empty or unreadable; None if there is none.

        Raises:
            TimeoutError: a place does not answer, such as a mount whose server is gone.
        """
        return with_timeout(Path(self.name), self._look)

    def _look(self) -> Path | None:
        try:
            return next((path for path in self.candidates() if is_folder(path)), None)
        except RuntimeError:  # no home folder, as in some containers
            return None

    def get_memory_root(self, sync_root: Path) -> Path:
        """Return the folder of the memory below `sync_root`, whether it exists or not."""
        return sync_root / self.memory_folder


def platform() -> str:
    """Return `sys.platform` as plain text that mypy does not narrow."""
    return sys.platform


def home() -> Path:
    """Return the user's home folder: ``%USERPROFILE%`` on Windows, ``$HOME`` elsewhere.

    Raises:
        RuntimeError: this user has none.
    """
    profile = os.environ.get("USERPROFILE") if platform() == "win32" else None
    return Path(profile) if profile else Path.home()


def absolute_paths(*texts: object) -> Iterator[Path]:
    """Yield the absolute paths among `texts`, with a leading ``~`` replaced by `home`.

    The values come from the environment or another program's settings. Anything that is no text,
    empty or relative is left out: an empty text would otherwise mean the current folder.
    """
    for text in texts:
        if not isinstance(text, str):
            continue
        in_home = text == "~" or text.startswith(("~/", "~\\"))
        path = home() / text[1:].lstrip("/\\") if in_home else Path(text)
        if path.is_absolute():
            yield path


def is_folder(path: Path) -> bool:
    """Is `path` a folder? False if that cannot be found out."""
    try:
        return path.is_dir()
    except OSError:  # `is_dir` itself handles impossible names, such as a NUL
        return False


def subfolders(parent: Path, pattern: str = "*") -> list[Path]:
    """Return the folders directly below `parent` that match, sorted by name.

    The list is empty if `parent` is missing or cannot be read.
    """
    try:
        return [path for path in sorted(parent.glob(pattern)) if is_folder(path)]
    except OSError:
        return []


def read_settings(path: Path) -> bytes:
    """Return the content of another program's settings file.

    It is empty if the file is missing, unreadable, not a regular file or far too large.
    """
    try:
        info = path.stat()
        # Opening a pipe could wait for a writer for ever.
        if not stat.S_ISREG(info.st_mode) or info.st_size > _SETTINGS_LIMIT:
            return b""
        return path.read_bytes()
    except OSError:
        return b""
