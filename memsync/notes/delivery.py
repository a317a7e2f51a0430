"""Notes that wait on this machine until their folder is back, and their way into the log.

What a command took while the folder was away goes in at the next one that finds it, or by the
daemon; what a sync mount lost from a log is put back from the spool.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from dataclasses import replace

from memsync.config.workspace import Workspace
from memsync.files.mounts import is_lossy_mount
from memsync.notes import held, log, never, spool
from memsync.text.note import Note


def add_note(workspace: Workspace, note: Note) -> None:
    """Append a note to its day's log; keep a copy here if the log is on a mount that may lose it.

    Raises:
        FolderAwayError: the log cannot be written; nothing of the note is in it.
    """
    if is_lossy_mount(workspace.root):
        with contextlib.suppress(OSError):  # the log alone is as good as it gets then
            spool.keep_until_safe(note)
    log.append(workspace, note)


def deliver(workspace: Workspace, timeout: float = 30) -> int:
    """Put the notes that commands kept into their logs; return how many that were.

    On a mount that may forget what it was given they stay kept until they are merged.

    Raises:
        BusyError: another process wrote for all of `timeout` seconds; the notes stay kept.
        FolderAwayError: a log or ledger cannot be read or written; the notes stay kept.
        OSError: one cannot be read, or not removed after it is in its log.
    """
    kept = spool.notes_of_commands()
    if not kept:
        return 0
    moved = log.add_missing(workspace, _checked(workspace, kept.values()), timeout=timeout)
    is_settled = held.settled(workspace) if is_lossy_mount(workspace.root) else None
    for path, note in kept.items():
        if is_settled is None or is_settled(note):
            path.unlink(missing_ok=True)
    return moved


def _checked(workspace: Workspace, notes: Iterable[Note]) -> list[Note]:
    """Return the notes with those held that a program thought of and the person rejected before.

    When they were taken the folder was away, so nobody could tell.
    """
    return [
        replace(note, mark=note.mark.as_held())
        if note.mark.is_machine_made and never.is_rejected(workspace, note.text)
        else note
        for note in notes
    ]


def redeliver(workspace: Workspace) -> Callable[[Note], bool]:
    """Put every spooled note that is not settled into its log; return `held.settled`.

    Doing it again changes nothing, so it also mends a log that lost notes.

    Raises:
        FolderAwayError: a log or ledger cannot be read or written.
        OSError: the spool cannot be read.
    """
    is_settled = held.settled(workspace)
    missing = [e.note for e in spool.spooled_notes() if not is_settled(e.note)]
    if missing:
        log.add_missing(workspace, _checked(workspace, missing))
    deliver(workspace)
    return is_settled
