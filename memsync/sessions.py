"""The notes as they were said, one file a day, and the ledger of those a refresh has merged.

The log is append-only and never pruned. Each machine keeps its own ledger and reads everybody's,
so no two machines ever write the same ledger file.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from memsync import clock, lastseen, notes, proposals
from memsync.appending import append_durably, append_line, ends_in_newline
from memsync.copies import recognise
from memsync.errors import FolderAwayError, MemsyncError
from memsync.files import create_new
from memsync.folders import make_below
from memsync.listing import in_each, matching
from memsync.locks import exclusive_lock
from memsync.notes import Note, NoteName
from memsync.placeholders import icloud_stub
from memsync.state import lock_path, own_folder
from memsync.workspace import Workspace

LEDGER_NAME = "merged.log"
Looks = tuple[tuple[str, int, int, int], ...]
LEDGER_HEAD = "# merged notes: when merged, the note's day and time, its id"


def append(workspace: Workspace, note: Note) -> None:
    """Add a note to its day's log; durable when this returns.

    Raises:
        FolderAwayError: the log cannot be written; nothing of the note is in it.
    """
    add_missing(workspace, [note])
    with contextlib.suppress(OSError):  # it is in the log; this only helps where that is lost
        lastseen.keep_notes(workspace.root, [note])


def bring_back(workspace: Workspace) -> int:
    """Add to the logs the notes of this machine that a sync client wrote over; return how many.

    Those that are merged, on whatever machine, are kept no longer.
    """
    count = 0
    merged = merged_ids(workspace) or set()
    for day, taken in lastseen.kept_notes(workspace.root).items():
        waiting = [note for note in taken if note.id not in merged]
        if waiting:
            count += add_missing(workspace, waiting)
        else:
            lastseen.forget_notes(workspace.root, day)
    return count


@dataclass
class LastSeen:
    """The ids of a day's notes, and how its files looked when `add_missing` left them.

    Who adds notes several times a second keeps one: the day's log, which grows all the while, is
    then not read each time.
    """

    day: date | None = None
    looks: Looks = ()
    ids: set[str] = field(default_factory=set)


def add_missing(
    workspace: Workspace, wanted: Iterable[Note], last_seen: LastSeen | None = None
) -> int:
    """Add those notes that their days' logs do not hold yet; return how many that were.

    Calling it again with the same notes changes nothing, so a mover that was interrupted may
    simply start over.

    Args:
        workspace: whose logs.
        wanted: the notes.
        last_seen: what the last call saw; a log that looks otherwise now is read again.

    Raises:
        FolderAwayError: a log cannot be written; it is as it was.
    """
    by_day: dict[date, list[Note]] = {}
    for note in wanted:
        by_day.setdefault(note.day, []).append(note)
    try:
        with exclusive_lock(lock_path(workspace.root, "sessions"), "the day's log"):
            open_ledger(workspace)
            seen = last_seen or LastSeen()
            return sum(_add_to_day(workspace, day, by_day[day], seen) for day in sorted(by_day))
    except OSError as error:
        raise FolderAwayError(
            f"the note cannot be written to {workspace.sessions}: {error.strerror or error}",
            hint="free some space or check the folder, then give the note again",
        ) from error


def _add_to_day(workspace: Workspace, day: date, wanted: list[Note], seen: LastSeen) -> int:
    make_below(workspace.root, workspace.sessions.name)
    path = log_path(workspace, day)
    if icloud_stub(path).exists():
        raise FolderAwayError(
            f"the log {path} is only a placeholder; its content is in the cloud",
            hint="open it once in the Finder, then give the note again",
        )
    looks = _looks(workspace, day)
    if (seen.day, seen.looks) != (day, looks):
        seen.ids = {note.id for note in _read_log(path, day)} if path.exists() else set()
    seen.day, seen.looks = None, ()
    missing = {note.id: note for note in wanted if note.id not in seen.ids}
    data = "".join(map(notes.render, missing.values())).encode("utf-8")
    if missing:
        data = data if ends_in_newline(path) else b"\n" + data
        append_durably(path, data)
        seen.ids |= missing.keys()
    after = _looks(workspace, day)
    grown = sum(look[2] for look in after) - sum(look[2] for look in looks)
    if grown == len(data):  # nobody else wrote meanwhile
        seen.day, seen.looks = day, after
    return len(missing)


def _looks(workspace: Workspace, day: date) -> Looks:
    with os.scandir(workspace.sessions) as entries:
        names = sorted(entry.name for entry in entries if entry.name.startswith(str(day)))
    looks = [(name, (workspace.sessions / name).stat()) for name in names]
    return tuple((name, i.st_ino, i.st_size, i.st_mtime_ns) for name, i in looks)


def log_path(workspace: Workspace, day: date) -> Path:
    """Return the file of a day's log."""
    return workspace.sessions / f"{day.isoformat()}.md"


def days(workspace: Workspace) -> list[date]:
    """Return the days that have a log, oldest first; files with other names are none.

    Raises:
        FolderAwayError: the folder of the logs cannot be read.
    """
    return sorted({day for _, day in _files(workspace)})


def read_day(workspace: Workspace, day: date) -> list[Note]:
    """Return the notes of a day in order; none where it has no log.

    Where two machines wrote a log at once, the sync client keeps one under a longer name
    (``2026-11-23-PI.md``, ``2026-11-23 (1).md``): what only that copy holds comes behind.

    Raises:
        FolderAwayError: a log cannot be read.
    """
    return _read_files(day, [path for path, _ in _files(workspace, str(day))])


def read_days(workspace: Workspace, wanted: Iterable[date] | None = None) -> list[Note]:
    """Return the notes of several days in order, of all where `wanted` is None, as `read_day` does.

    The folder is listed once: a folder of years has thousands of logs.

    Raises:
        FolderAwayError: the folder or a log cannot be read.
    """
    by_day: dict[date, list[Path]] = {}
    for path, day in _files(workspace):
        by_day.setdefault(day, []).append(path)
    chosen = sorted(by_day.keys() if wanted is None else by_day.keys() & set(wanted))
    return [note for day in chosen for note in _read_files(day, by_day[day])]


def _read_files(day: date, there: Sequence[Path]) -> list[Note]:
    log = next((path for path in there if path.name == f"{day}.md"), None)
    listed = _read_log(log, day) if log else []
    for path in there:
        if path != log:
            known = {note.id for note in listed}
            listed += [note for note in _read_log(path, day) if note.id not in known]
    return listed


def copies(workspace: Workspace) -> list[tuple[Path, date]]:
    """Return the conflict copies among the logs, with the day of each.

    Where the name alone does not tell a copy from a file of a person's own, its entries do.
    """
    found = []
    for path, day in _files(workspace):
        copy = recognise(path.name, f"{day}.md")
        if copy and (copy.certain or _has_entries(path)):
            found.append((path, day))
    return found


def bring_in(workspace: Workspace, copy: Path, day: date) -> tuple[bytes, int]:
    """Add to a day's log the notes that only its conflict copy holds.

    Returns:
        What was read from the copy, and how many notes were added.

    Raises:
        FolderAwayError: the copy cannot be read, or the log cannot be written.
    """
    try:
        data = copy.read_bytes()
    except OSError as error:
        raise _unreadable(copy, error) from error
    return data, add_missing(workspace, notes.parse(data.decode("utf-8", "replace"), day))


def _files(workspace: Workspace, day_name: str = "????-??-??") -> list[tuple[Path, date]]:
    """Return the logs, and what is named like a copy of one, oldest first, with the day of each."""
    found = []
    for path in sorted(_logs(workspace, f"{day_name}*")):
        try:
            day = date.fromisoformat(path.name[:10])
        except ValueError:
            continue
        if path.name == f"{day}.md" or recognise(path.name, f"{day}.md"):
            found.append((path, day))
    return found


def _has_entries(path: Path) -> bool:
    try:
        return notes.has_entries(path.read_bytes().decode("utf-8", "replace"))
    except OSError:
        return True  # whoever reads it says what is wrong


def _logs(workspace: Workspace, pattern: str) -> list[Path]:
    try:
        return matching(workspace.sessions, pattern)
    except OSError as error:
        raise FolderAwayError(
            f"the logs in {workspace.sessions} cannot be read: {error.strerror or error}",
            hint="check that the sync client runs and the folder is yours",
        ) from error


def _read_log(path: Path, day: date) -> list[Note]:
    try:
        return notes.parse(path.read_bytes().decode("utf-8", "replace"), day)
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> FolderAwayError:
    return FolderAwayError(
        f"the log {path} cannot be read: {error.strerror or error}",
        hint="check that the sync client runs and the file is yours",
    )


def pending(workspace: Workspace) -> list[Note]:
    """Return every note of every day that no machine has merged yet, oldest first.

    A note in a proposal is not pending: it waits for a person, or was decided about. In a folder
    of an older tool, where no machine has a ledger, today's notes alone are pending.

    Raises:
        FolderAwayError: a log or a ledger cannot be read.
    """
    merged = merged_ids(workspace)
    wanted = None
    if merged is None:
        merged, wanted = set(), [day for day in days(workspace) if day >= clock.now().date()]
    merged = merged | proposals.note_ids(workspace).keys()
    found: dict[str, Note] = {}
    for note in read_days(workspace, wanted):
        if note.id not in merged:
            found.setdefault(note.id, note)
    return list(found.values())


def mark_merged(workspace: Workspace, merged: Iterable[Note | NoteName]) -> None:
    """Write down that these notes are in the memory; durable when this returns.

    Raises:
        MemsyncError: the ledger cannot be written; the notes stay pending and would be merged
            again, which loses nothing.
    """
    lines = _ledger_lines(merged)
    if not lines:
        return
    try:
        append_line(own_folder(workspace.machines) / LEDGER_NAME, "\n".join(lines))
    except OSError as error:
        raise MemsyncError(
            f"the memory is written, but the ledger is not: {error.strerror or error}",
            hint="free some space; the next refresh merges these notes once more",
        ) from error


def _ledger_lines(merged: Iterable[Note | NoteName]) -> list[str]:
    moment = clock.now().isoformat(timespec="seconds")
    return [f"{moment} {note.day} {note.time} {note.id}" for note in merged]


def merged_ids(workspace: Workspace) -> set[str] | None:
    """Return the ids of all merged notes, of every machine; None where no machine has a ledger.

    Raises:
        FolderAwayError: a ledger cannot be read.
    """
    ledgers = _ledgers(workspace)
    if not ledgers:
        return None
    found: set[str] = set()
    for ledger in ledgers:
        try:
            text = ledger.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise FolderAwayError(
                f"the ledger {ledger} cannot be read: {error.strerror or error}",
                hint="check that the sync client runs and the file is yours",
            ) from error
        found.update(line.rsplit(" ", 1)[-1] for line in text.splitlines())
    return found


def _ledgers(workspace: Workspace) -> list[Path]:
    try:
        stubs = in_each(workspace.machines, icloud_stub(Path(LEDGER_NAME)).name)
        found = in_each(workspace.machines, LEDGER_NAME)
    except OSError as error:  # not to be taken for a folder without ledgers
        raise FolderAwayError(
            f"the ledgers in {workspace.machines} cannot be read: {error.strerror or error}",
            hint="check that the sync client runs and the folder is yours",
        ) from error
    if stubs:
        raise FolderAwayError(
            f"the ledger {stubs[0]} is only a placeholder; its content is in the cloud",
            hint="open it once in the Finder, then run the command again",
        )
    return found


def open_ledger(workspace: Workspace) -> None:
    """Make first contact: where no machine has a ledger, begin one in which earlier days stand.

    An older tool left those notes; it merged them in its own time. Today's stay pending. The
    ledger comes whole: one begun but cut off would make the earlier days pending.

    Raises:
        FolderAwayError: the folder is away, or a log cannot be read; nothing is made in it.
        OSError: the ledger cannot be written.
    """
    if _ledgers(workspace):
        return
    workspace.require_present()
    today = clock.now().date()
    earlier = read_days(workspace, [day for day in days(workspace) if day < today])
    text = "\n".join([LEDGER_HEAD, *_ledger_lines(earlier)]) + "\n"
    create_new(own_folder(workspace.machines) / LEDGER_NAME, text.encode())
