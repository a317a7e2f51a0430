"""Read both sides of a mirror in full, to find damage that size and time do not show."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from memsync.files.placeholders import is_evicted
from memsync.memory.mirror.contents import VERSIONS

_MOST_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class BadFile:
    """One damaged file.

    Attributes:
        name: the file, relative to both sides.
        where: the damaged side: mirror, source, or version (an old version in the mirror).
    """

    name: str
    where: str


def differs(source: Path, mirror: Path) -> bool:
    """Has the mirror's file another content than the source's, or one that cannot be read?

    Raises:
        OSError: the source cannot be read.
    """
    return file_digest(source) != _digest_or_none(mirror)


def examine(name: str, source: Path, mirror: Path) -> BadFile | None:
    """Read an unchanged file on both sides; return what is wrong, or None.

    A side that holds NUL or is not UTF-8 is the damaged one, because memsync writes no such text.
    If both sides hold text, the source is trusted; the other text is kept as a version.
    """
    try:
        if not differs(source / name, mirror / name):
            return None
    except OSError:
        return BadFile(name, "source")
    if _is_text(mirror / name) and not _is_text(source / name):
        return BadFile(name, "source")
    return BadFile(name, "mirror")


def unreadable_versions(mirror: Path) -> Iterator[BadFile]:
    """Read all old versions, and return those that cannot be read."""
    for folder, _, names in os.walk(mirror / VERSIONS):
        for name in names:
            path = Path(folder, name)
            if not path.is_symlink() and _digest_or_none(path) is None:
                yield BadFile(path.relative_to(mirror).as_posix(), "version")


def file_digest(path: Path) -> str:
    """Return the digest of a file's content."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _digest_or_none(path: Path) -> str | None:
    try:
        return file_digest(path)
    except OSError:
        return None  # an unreadable copy is no copy


def _is_text(path: Path) -> bool:
    try:
        if is_evicted(path) or path.stat().st_size > _MOST_BYTES:
            return False
        data = path.read_bytes()
        data.decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    return b"\0" not in data
