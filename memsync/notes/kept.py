"""Notes that were taken on this machine, kept in the local state until they are merged.

A sync client may put another machine's log over ours; what was said here is then still here.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from datetime import date
from pathlib import Path

from memsync.config.state import seen_folder
from memsync.files.append import append_durably
from memsync.text.note import Note, parse_log, render_entry


def keep_notes(root: Path, taken: Iterable[Note]) -> None:
    """Keep notes that were taken on this machine until `forget_notes`; durable when this returns.

    Raises:
        OSError: they are not all kept.
    """
    for note in taken:
        folder = seen_folder(root)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        append_durably(folder / f"{note.day}.notes", render_entry(note).encode("utf-8"))


def kept_notes(root: Path) -> dict[date, list[Note]]:
    """Return the kept notes by day."""
    found: dict[date, list[Note]] = {}
    for path in seen_folder(root).glob("????-??-??.notes"):
        with contextlib.suppress(OSError, ValueError):
            day = date.fromisoformat(path.stem)
            found[day] = parse_log(path.read_bytes().decode("utf-8", "replace"), day)
    return found


def forget_notes(root: Path, day: date) -> None:
    """Keep the notes of a day no longer: they are merged, and long so."""
    with contextlib.suppress(OSError):
        (seen_folder(root) / f"{day}.notes").unlink(missing_ok=True)
