"""The notes as they were said, one file a day, as they are read; `sessions` adds to them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path

from memsync.config.sync_folder import folder_at
from memsync.config.workspace import Workspace
from memsync.errors import FolderAwayError
from memsync.files.opener import RootFolder, SkippedFile
from memsync.files.place import OddFileError
from memsync.providers.conflict_copies import recognise_copy
from memsync.text.note import Note, has_entries, is_free_text, parse_log

PAGE = 4096
"""What a power cut leaves of a file it leaves in blocks of this size."""


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
    return _read_files(
        folder_at(workspace.root), day, [path for path, _ in _files(workspace, str(day))]
    )


def read_days(workspace: Workspace, wanted: Iterable[date] | None = None) -> list[Note]:
    """Return the notes of several days in order, of all where `wanted` is None, as `read_day` does.

    The folder is listed once: a folder of years has thousands of logs. A log that is no regular
    file or far too large is passed over, as is a copy of one that cannot be read, so that it stops
    no refresh; `unreadable_logs` names it.

    Raises:
        FolderAwayError: the folder or a log cannot be read.
    """
    files, by_day = folder_at(workspace.root), dict[date, list[Path]]()
    for path, day in _files(workspace):
        by_day.setdefault(day, []).append(path)
    chosen = sorted(by_day.keys() if wanted is None else by_day.keys() & set(wanted))
    return [note for day in chosen for note in _read_files(files, day, by_day[day], leave_odd=True)]


def _read_files(
    files: RootFolder, day: date, there: Sequence[Path], *, leave_odd: bool = False
) -> list[Note]:
    """Return the notes of a day's log, then those that only its copies hold."""
    listed: list[Note] = []
    for path in sorted(there, key=lambda path: path.name != f"{day}.md"):
        known = {note.key for note in listed}
        try:
            found = _parsed(files, path, day)
        except OddFileError as error:
            if leave_odd:
                continue
            raise unreadable(path, error) from error
        except OSError as error:
            raise unreadable(path, error) from error
        listed += [note for note in found if note.key not in known]
    return listed


def log_copies(workspace: Workspace) -> list[tuple[Path, date]]:
    """Return the conflict copies among the logs, with the day of each.

    Where the name alone does not tell a copy from a file of a person's own, its entries do.
    """
    return [(path, day) for path, day in _files(workspace) if path.name != f"{day}.md"]


def doubtful_files(workspace: Workspace) -> list[tuple[Path, date]]:
    """Return the files beside the logs, named by a day, of which nothing is read, with that day.

    They have no entries, or a name that no known client makes: a person's own, or a copy after all.
    """
    files = folder_at(workspace.root)
    known = {path for path, _ in _files(workspace)}
    known |= {left.path for left in _unread_copies(workspace)}
    return [
        (path, day)
        for path, day in _named_by_days(workspace)
        if path not in known
        and (path.suffix == ".md" or recognise_copy(path.name, f"{day}.md"))
        and not _other_kind(files, path)
    ]


def unreadable_logs(workspace: Workspace) -> list[SkippedFile]:
    """Return what is named like a log and is no file, or is all NUL, and each unread copy of one.

    Of a log that has notes left these are read.
    """
    files = folder_at(workspace.root)
    logs = [path for path, day in _named_like_logs(workspace) if path.name == f"{day}.md"]
    whys = (
        (path, _other_kind(files, path) or ("NUL bytes" if _is_lost(files, path) else ""))
        for path in logs
    )
    return sorted(
        [*(SkippedFile(path, why) for path, why in whys if why), *_unread_copies(workspace)],
        key=lambda left: left.path,
    )


def _unread_copies(workspace: Workspace) -> list[SkippedFile]:
    copies = [path for path, day in _named_like_logs(workspace) if path.name != f"{day}.md"]
    files = folder_at(workspace.root)
    whys = ((path, files.why_unreadable(path, _is_damaged)) for path in copies)
    return [SkippedFile(path, why) for path, why in whys if why]


def _is_damaged(data: bytes) -> bool:
    """Has a power cut left NUL in the place of all notes of a log?"""
    return b"\0" in data and not parse_log(data.decode("utf-8", "replace"), date.min)


def _is_lost(files: RootFolder, log: Path) -> bool:
    """Is this log all NUL bytes? Reads one page unless it looks damaged."""
    with contextlib.suppress(OSError):  # whoever reads it says what is wrong
        return (
            not files.is_evicted(log)
            and b"\0" in files.read(log, PAGE)
            and _is_damaged(files.read(log))
        )
    return False


def _files(workspace: Workspace, day_name: str = "????-??-??") -> list[tuple[Path, date]]:
    """Return the logs and their conflict copies, oldest first, with the day of each."""
    files, found = folder_at(workspace.root), []
    for path, day in _named_like_logs(workspace, day_name):
        is_day = path.name == f"{day}.md"  # of any kind: who asks for that day is told
        if is_day or (not files.why_unreadable(path, _is_damaged) and _is_log(files, path, day)):
            found.append((path, day))
    return found


def _is_log(files: RootFolder, path: Path, day: date) -> bool:
    copy = recognise_copy(path.name, f"{day}.md")
    return copy is None or copy.certain or _has_entries(files, path)


def _other_kind(files: RootFolder, path: Path) -> str:
    with contextlib.suppress(OSError):  # whoever reads it says what is wrong
        return files.why_odd(path)
    return ""


def _named_like_logs(workspace: Workspace, day_name: str = "????-??-??") -> list[tuple[Path, date]]:
    return [
        (path, day)
        for path, day in _named_by_days(workspace, day_name)
        if path.name == f"{day}.md" or recognise_copy(path.name, f"{day}.md")
    ]


def _named_by_days(workspace: Workspace, day_name: str = "????-??-??") -> list[tuple[Path, date]]:
    found = []
    for path in logs_named(workspace, f"{day_name}*"):
        with contextlib.suppress(ValueError):
            found.append((path, date.fromisoformat(path.name[:10])))
    return found


def _has_entries(files: RootFolder, path: Path) -> bool:
    try:
        return has_entries(files.read(path).decode("utf-8", "replace"))
    except OSError:
        return True  # whoever reads it says what is wrong


def logs_named(workspace: Workspace, pattern: str) -> list[Path]:
    """Return what is in the folder of the logs under names that match, sorted.

    Raises:
        FolderAwayError: the folder cannot be read.
    """
    try:
        return folder_at(workspace.root).entries(workspace.sessions, pattern)
    except OSError as error:
        raise FolderAwayError(
            f"the logs in {workspace.sessions} cannot be read: {error.strerror or error}",
            hint="check that the sync client runs and the folder is yours; memsync doctor",
        ) from error


def read_log(workspace: Workspace, path: Path, day: date) -> list[Note]:
    """Return the notes of one file of a day; raises as `read_day` does."""
    try:
        return _parsed(folder_at(workspace.root), path, day)
    except OSError as error:
        raise unreadable(path, error) from error


def is_foreign_log(workspace: Workspace, path: Path) -> bool:
    """Is no entry of ours in this file of a day? Raises as `read_day` does."""
    try:
        return is_free_text(folder_at(workspace.root).read(path).decode("utf-8", "replace"))
    except OSError as error:
        raise unreadable(path, error) from error


def _parsed(files: RootFolder, path: Path, day: date) -> list[Note]:
    return parse_log(files.read(path).decode("utf-8", "replace"), day)


def unreadable(path: Path, error: OSError) -> FolderAwayError:
    """Return what is to be raised where a log cannot be read."""
    return FolderAwayError(
        f"the log {path} cannot be read: {error.strerror or error}",
        hint="check that the sync client runs and the file is yours",
    )
