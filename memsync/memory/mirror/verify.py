"""Read both sides of a mirror in full, to find damage that size and time do not show."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from memsync.files.opener import RootFolder
from memsync.memory.mirror.contents import VERSIONS


@dataclass(frozen=True)
class BadFile:
    """One damaged file.

    Attributes:
        name: the file, relative to both sides.
        where: the damaged side: mirror, source, or version (an old version in the mirror).
    """

    name: str
    where: str


def differs(name: str, source: RootFolder, mirror: Path) -> bool:
    """Has the mirror's file another content than the source's, or one that cannot be read?

    Raises:
        OSError: the source cannot be read.
    """
    with source.opened(source.root / name) as descriptor:
        return _digest_of(descriptor) != _digest_or_none(mirror / name)


def examine(name: str, source: RootFolder, mirror: Path) -> BadFile | None:
    """Read an unchanged file on both sides; return what is wrong, or None.

    A side that holds NUL or is not UTF-8 is the damaged one, because memsync writes no such text.
    If both sides hold text, the source is trusted; the other text is kept as a version.
    """
    try:
        if not differs(name, source, mirror):
            return None
    except OSError:
        return BadFile(name, "source")
    is_sound = _is_text(RootFolder(mirror), mirror / name)
    if is_sound and not _is_text(source, source.root / name):
        return BadFile(name, "source")
    return BadFile(name, "mirror")


def unreadable_versions(mirror: Path) -> Iterator[BadFile]:
    """Read all old versions, and return those that cannot be read."""
    for folder, _, names in os.walk(mirror / VERSIONS):
        for name in names:
            path = Path(folder, name)
            if not path.is_symlink() and _digest_or_none(path) is None:
                yield BadFile(path.relative_to(mirror).as_posix(), "version")


def _digest_of(descriptor: int) -> str:
    with open(descriptor, "rb", closefd=False) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _digest_or_none(path: Path) -> str | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        try:
            return _digest_of(descriptor)
        finally:
            os.close(descriptor)
    except OSError:
        return None  # an unreadable copy is no copy


def _is_text(opener: RootFolder, path: Path) -> bool:
    try:
        if opener.is_evicted(path):
            return False
        return "\0" not in opener.read(path).decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return False
