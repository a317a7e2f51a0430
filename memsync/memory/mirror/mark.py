"""The mark by which a mirror is recognised: a file in it, remembered on this machine.

An empty folder may be a new mirror, or the mount point of a drive that is not mounted. The mark
tells them apart: if there was a mirror, a folder without its mark is not that mirror.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from memsync import clock
from memsync.config.state_file import StateFile
from memsync.errors import FolderAwayError
from memsync.files.atomic import atomic_write, create_new
from memsync.memory.mirror.contents import MARK

VERIFIED_FOR = timedelta(days=30)
"""After this time both sides are read in full again."""

_FILE = StateFile("mirrors.json", indent=2)


@dataclass
class _Known:
    """What this machine remembers about a folder: the marks seen there, the last verification."""

    marks: list[str] = field(default_factory=list)
    verified: str = ""


def recognise_mirror(mirror: Path, *, accept: bool) -> None:
    """Check that the folder is the mirror that was there before, or may become one.

    Args:
        mirror: the mirror's folder; need not exist the first time.
        accept: a person says that the folder is right, whatever is in it.

    Raises:
        FolderAwayError: this is not the mirror that was there, or it cannot be read.
    """
    mark = _read(mirror)
    known = _all().get(str(mirror), _Known()).marks
    if accept or not known or mark in known:
        return
    what = "another mirror is" if mark else "it is not there now: no mirror is"
    raise FolderAwayError(
        f"a mirror was at {mirror}, but {what} in that folder; nothing was copied",
        hint="see that its drive is mounted; if this is to be the mirror from now on: "
        "memsync daemon run mirror --accept",
    )


def remember_mirror(mirror: Path) -> None:
    """Write the mark into a mirror that has none, and remember it; the folder exists.

    Raises:
        OSError: the mark cannot be written or remembered.
    """
    mark = _read(mirror)
    if not mark:
        mark = secrets.token_hex(8)
        table = {"mirror": mark, "since": clock.now().isoformat(timespec="seconds")}
        words = "memsync keeps a mirror in this folder, and knows it by this file."
        data = json.dumps({"what": words, **table}, indent=2).encode() + b"\n"
        if not create_new(mirror / MARK, data):  # there is a damaged one
            atomic_write(mirror / MARK, data)
    everything = _all()
    known = everything.setdefault(str(mirror), _Known())
    if mark not in known.marks:
        known.marks.append(mark)
        _write(everything)


def is_due_for_reading(mirror: Path) -> bool:
    """Is a known mirror due to be verified again? A new one is not."""
    known = _all().get(str(mirror))
    if known is None:
        return False
    try:
        return (
            not timedelta(0) <= clock.now() - datetime.fromisoformat(known.verified) < VERIFIED_FOR
        )
    except (ValueError, TypeError):
        return True


def remember_verified(mirror: Path) -> None:
    """Remember that a mirror was verified just now."""
    everything = _all()
    everything.setdefault(str(mirror), _Known()).verified = clock.now().isoformat()
    _write(everything)


def _read(mirror: Path) -> str:
    """Return a folder's mark; empty if it has none."""
    try:
        data = (mirror / MARK).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:
        raise FolderAwayError(
            f"the mirror {mirror} cannot be read ({error.strerror or error})",
            hint="see that its drive is mounted and the folder is yours",
        ) from error
    try:
        mark = json.loads(data)["mirror"]
    except (ValueError, KeyError, TypeError):
        return ""
    return mark if isinstance(mark, str) else ""


def _all() -> dict[str, _Known]:
    return _FILE.load(_parse, {})


def _parse(table: dict[str, Any]) -> dict[str, _Known]:
    return {place: _Known(**known) for place, known in table.items()}


def _write(everything: dict[str, _Known]) -> None:
    _FILE.save({place: asdict(known) for place, known in everything.items()})
