"""The keeper of ``sessions/``: notes are added to their days' logs, and those not merged yet found.

The log is append-only and never pruned. It is read by `daylogs`; what is merged is in `ledger`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from memsync import clock
from memsync.config.state import lock_path
from memsync.config.sync_folder import folder_at
from memsync.config.workspace import Workspace
from memsync.errors import FolderAwayError, refused
from memsync.files.locks import exclusive_lock
from memsync.files.placeholders import icloud_stub
from memsync.notes import held, kept, ledger
from memsync.notes.ledger import open_ledger
from memsync.notes.reader import (
    is_foreign_log,
    log_path,
    read_log,
    unreadable,
)
from memsync.text.mark import Mark
from memsync.text.note import ENTRY_HEAD, Note, parse_log, render_entry

KEPT = timedelta(days=7)
"""How long a note that is merged is put back into its day's log where a client took it out."""

Looks = tuple[tuple[str, int, int, int], ...]


def append(workspace: Workspace, note: Note) -> None:
    """Add a note to its day's log; durable when this returns.

    Raises:
        FolderAwayError: the log cannot be written; nothing of the note is in it.
    """
    add_missing(workspace, [note])
    with contextlib.suppress(OSError):  # it is in the log; this only helps where that is lost
        kept.keep_notes(workspace.root, [note])


def bring_back(workspace: Workspace) -> int:
    """Add to the logs the notes of this machine that a sync client wrote over; return how many.

    Those that are merged or rejected, on whatever machine, are kept a week more: a client may
    remove a log for a copy of it that was brought in where the log still stood.
    """
    count = 0
    is_settled = held.settled(workspace)
    oldest = clock.now().date() - KEPT
    for day, taken in kept.kept_notes(workspace.root).items():
        are_settled = all(map(is_settled, taken))
        if are_settled and day < oldest:
            kept.forget_notes(workspace.root, day)
        elif not (are_settled and _is_evicted(workspace, day)):
            count += add_missing(workspace, taken)
    return count


@dataclass
class DaySeen:
    """The notes of a day by key, and how its files looked when `add_missing` left them.

    Who adds notes several times a second keeps one: the day's log, which grows all the while, is
    then not read each time.
    """

    day: date | None = None
    looks: Looks = ()
    keys: set[tuple[str, Mark]] = field(default_factory=set)


def add_missing(
    workspace: Workspace,
    wanted: Iterable[Note],
    last_seen: DaySeen | None = None,
    *,
    timeout: float = 30,
) -> int:
    """Add those notes that their days' logs do not hold yet; return how many that were.

    Calling it again with the same notes changes nothing, so a mover that was interrupted may
    simply start over.

    Args:
        workspace: whose logs.
        wanted: the notes.
        last_seen: what the last call saw; a log that looks otherwise now is read again.
        timeout: seconds to wait for another process that writes; 0 tries once.

    Raises:
        BusyError: another process wrote for all that time.
        FolderAwayError: a log cannot be written; it is as it was.
    """
    by_day: dict[date, list[Note]] = {}
    for note in wanted:
        by_day.setdefault(note.day, []).append(note)
    what = f"the note cannot be written to {workspace.sessions}"
    hint = "free some space or check the folder (memsync doctor), then give the note again"
    with (
        refused(what, hint, FolderAwayError),
        exclusive_lock(lock_path(workspace.root, "sessions"), "the day's log", timeout),
    ):
        open_ledger(workspace)
        seen = last_seen or DaySeen()
        return sum(_add_to_day(workspace, day, by_day[day], seen) for day in sorted(by_day))


def _add_to_day(workspace: Workspace, day: date, wanted: list[Note], seen: DaySeen) -> int:
    files = folder_at(workspace.root)
    files.make_folder(workspace.sessions)
    path = log_path(workspace, day)
    if _is_evicted(workspace, day):
        raise FolderAwayError(
            f"the log {path} is only a placeholder; its content is in the cloud",
            hint="open it once in the Finder, then give the note again",
        )
    looks = _looks(workspace, day)
    foreign: list[Note] = []
    if (seen.day, seen.looks) != (day, looks):
        # What is no log is refused, not written through.
        present = read_log(workspace, path, day) if files.exists(path) else []
        foreign = present if present and is_foreign_log(workspace, path) else []
        seen.keys = {note.key for note in present}
    seen.day, seen.looks = None, ()
    missing = {note.key: note for note in wanted if note.key not in seen.keys}
    data = "".join(map(render_entry, missing.values())).encode("utf-8")
    if missing:
        files.append_entries(path, data, head=ENTRY_HEAD.encode())
        seen.keys |= missing.keys()
        _keep_word(workspace, path, foreign, missing.keys())
    with contextlib.suppress(OSError):  # the notes are in the log; it is read again next time
        after = _looks(workspace, day)
        grown = sum(look[2] for look in after) - sum(look[2] for look in looks)
        if grown == len(data):  # nobody else wrote meanwhile
            seen.day, seen.looks = day, after
    return len(missing)


def _is_evicted(workspace: Workspace, day: date) -> bool:
    return folder_at(workspace.root).exists(icloud_stub(log_path(workspace, day)))


def _keep_word(
    workspace: Workspace, path: Path, foreign: list[Note], added: Collection[tuple[str, Mark]]
) -> None:
    """Accept what a person or another tool wrote into a log that has its first entry only now.

    It was their word until then; before an entry it could be anybody's. What is merged stays so,
    also where the log is read as several notes from now on.
    """
    if not foreign:
        return
    left = [n for n in read_log(workspace, path, foreign[0].day) if n.key not in added]
    merged = ledger.merged_ids(workspace) or set()
    if all(note.id in merged for note in foreign):
        ledger.mark_merged(workspace, [note for note in left if note.id not in merged])
    else:
        held.decide(workspace, [n for n in left if not n.mark.is_own_word], "accepted")


def _looks(workspace: Workspace, day: date) -> Looks:
    files = folder_at(workspace.root)
    looks = [(p.name, files.look(p)) for p in files.entries(workspace.sessions, f"{day}*")]
    return tuple((name, i.st_ino, i.st_size, i.st_mtime_ns) for name, i in looks)


def merge_log_copy(workspace: Workspace, copy: Path, day: date) -> tuple[bytes, int]:
    """Add to a day's log the notes that only its conflict copy holds.

    Returns:
        What was read from the copy, and how many notes were added.

    Raises:
        FolderAwayError: the copy cannot be read, or the log cannot be written.
    """
    try:
        data = folder_at(workspace.root).read(copy)
    except OSError as error:
        raise unreadable(copy, error) from error
    return data, add_missing(workspace, parse_log(data.decode("utf-8", "replace"), day))
