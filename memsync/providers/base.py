"""What every provider is: a sync client, the folder it syncs, and where the memory lies in it.

The helpers below look at other programs' folders and settings, which may be missing, locked or
nonsense. None of them raises over that, so a provider can simply list where to look.
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
    """What the config and the command line call it: ``onedrive``."""

    label: ClassVar[str]
    """What its maker calls it: ``OneDrive``."""

    memory_folder: ClassVar[str] = ".claude-memory"

    @abstractmethod
    def candidates(self) -> Iterable[Path]:
        """Return where the sync root may be on this machine, the best first.

        The paths need not exist. They come from the home folder, the environment and the
        client's own settings, as they are at the time of the call.

        Raises:
            RuntimeError: this user has no home folder.
        """

    def detect(self) -> Path | None:
        """Return the folder that the client syncs here: the first candidate that is a folder.

        Returns:
            An existing directory, or None where none is found. Whether it can be read or holds
            anything is not looked at.

        Raises:
            TimeoutError: one of the places does not answer, as a mount whose server is gone.
        """
        return with_timeout(Path(self.name), self._look)

    def _look(self) -> Path | None:
        try:
            return next((path for path in self.candidates() if is_folder(path)), None)
        except RuntimeError:  # no home folder, as in some containers: so nothing lies in it
            return None

    def get_memory_root(self, sync_root: Path) -> Path:
        """Return the folder of the memory below `sync_root`, whether it exists or not."""
        return sync_root / self.memory_folder


def platform() -> str:
    """Return `sys.platform` as it is now, as a plain text that mypy does not narrow."""
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

    What is no text, empty or relative is left out: it comes from the environment or another
    program's settings, and an empty one would otherwise mean the current folder.
    """
    for text in texts:
        if not isinstance(text, str):
            continue
        in_home = text == "~" or text.startswith(("~/", "~\\"))
        path = home() / text[1:].lstrip("/\\") if in_home else Path(text)
        if path.is_absolute():
            yield path


def is_folder(path: Path) -> bool:
    """Is `path` a directory? False if that cannot be found out."""
    try:
        return path.is_dir()
    except OSError:  # `is_dir` itself sees to names that no file can have, such as a NUL
        return False


def subfolders(parent: Path, pattern: str = "*") -> list[Path]:
    """Return the directories right below `parent` that match `pattern`, by name.

    Returns:
        None of them where `parent` is missing or cannot be read.
    """
    try:
        return [path for path in sorted(parent.glob(pattern)) if is_folder(path)]
    except OSError:
        return []


def read_settings(path: Path) -> bytes:
    """Return the content of another program's settings file.

    Returns:
        Nothing where the file is missing, unreadable, no regular file or absurdly large.
    """
    try:
        info = path.stat()
        # Opening a pipe would wait for a writer, perhaps for ever.
        if not stat.S_ISREG(info.st_mode) or info.st_size > _SETTINGS_LIMIT:
            return b""
        return path.read_bytes()
    except OSError:
        return b""
