"""The texts of the memory in a mirror: the present copy, its old versions, and the backups.

The daemon fills a mirror; this only reads it, for the day the sync folder cannot be trusted.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path

from memsync.config import Config
from memsync.config.workspace import MEMORY_NAME
from memsync.errors import FolderAwayError, MemsyncError, WrongUsageError, refused
from memsync.files.timeout import with_timeout
from memsync.memory.history.backups import Backup, backup_at

VERSIONS = ".versions"
MARK = ".memsync-mirror"
STAMP = "%Y%m%d_%H%M%S"
VERSION_NAME = re.compile(r"(?P<name>.+)\.(?P<stamp>\d{8}_\d{6})(?:_(?P<count>\d+))?", re.DOTALL)


def mirror_path(config: Config) -> Path:
    """Return where this machine's mirror is, whether it is there or not.

    Raises:
        WrongUsageError: it has no mirror.
    """
    if not config.daemon.backup_mirror_path:
        raise WrongUsageError(
            "this machine has no mirror",
            hint="memsync config set daemon.backup_mirror_path PATH names one",
        )
    return Path(config.daemon.backup_mirror_path).expanduser()


def require_answer(mirror: Path) -> None:
    """Check that the mirror's folder answers; it may be missing.

    Raises:
        FolderAwayError: its disk hangs, or it cannot be read.
    """
    with _refused(mirror), contextlib.suppress(FileNotFoundError):
        with_timeout(mirror, lambda: next(mirror.iterdir(), None))


def mirrored_memories(mirror: Path) -> list[Backup]:
    """Return all texts of the memory in a mirror: its last copy, then the others, newest first.

    Raises:
        FolderAwayError: the mirror is not there or cannot be read.
    """
    with _refused(mirror):
        return with_timeout(mirror, lambda: _listed(mirror))


def _listed(mirror: Path) -> list[Backup]:
    next(mirror.iterdir(), None)
    older = [*_versions(mirror / VERSIONS), *_backups(mirror / "backups")]
    return _present(mirror / MEMORY_NAME) + sorted(older, reverse=True)


def choose_memory(mirror: Path, name: str | None) -> Backup:
    """Return the text called `name` in a mirror, or the newest one that holds text.

    Args:
        mirror: the mirror's folder; raises as `mirrored_memories` does.
        name: a file name as `mirrored_memories` returns it, with or without its ending; None is
            the newest.

    Raises:
        WrongUsageError: there is no such file; a path is never accepted.
        MemsyncError: no name was given and nothing in the mirror holds text.
    """
    listed = mirrored_memories(mirror)
    if name is None:
        newest = next((entry for entry in listed if entry.is_good()), None)
        if newest is None:
            raise MemsyncError(
                f"no text of the memory was found in {mirror}",
                hint="see whether this is the right folder: memsync config get backup_mirror_path",
            )
        return newest
    for entry in listed:
        short = entry.path.stem.removeprefix("GLOBAL_MEMORY_")
        if name in {entry.path.name, entry.path.stem, short}:
            return entry
    raise WrongUsageError(
        f"there is no {name!r} in the mirror", hint="memsync log --from-mirror lists what is"
    )


def _present(path: Path) -> list[Backup]:
    if not path.is_file():
        return []
    return [Backup(datetime.fromtimestamp(path.stat().st_mtime).astimezone(), 1, path)]


def _versions(folder: Path) -> Iterator[Backup]:
    for path in folder.glob(f"{MEMORY_NAME}.*"):
        match = VERSION_NAME.fullmatch(path.name)
        if match is None or match["name"] != MEMORY_NAME or not path.is_file():
            continue
        try:
            moment = datetime.strptime(match["stamp"], STAMP).astimezone()
        except (ValueError, OverflowError):
            continue
        yield Backup(moment, int(match["count"] or 1), path)


def _backups(folder: Path) -> Iterator[Backup]:
    found = (backup_at(path) for path in folder.glob("GLOBAL_MEMORY_*.md") if path.is_file())
    return (entry for entry in found if entry is not None)


def _refused(mirror: Path) -> AbstractContextManager[None]:
    hint = "see that its drive is mounted and the folder is yours"
    return refused(f"the mirror {mirror} cannot be read", hint, FolderAwayError)
