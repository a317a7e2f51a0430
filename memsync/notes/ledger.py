"""The keeper of ``merged.log``: which notes a refresh has merged.

Each machine keeps its own and reads everybody's, so no two machines ever write the same file.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from memsync import clock
from memsync.config.machine_log import MachineLog
from memsync.config.sync_folder import folder_at, is_alone, own_folder
from memsync.config.workspace import Workspace
from memsync.errors import FolderAwayError, refused
from memsync.files.placeholders import icloud_stub
from memsync.notes import reader
from memsync.text.note import Note, NoteName

LEDGER_NAME = "merged.log"
LEDGER = MachineLog(LEDGER_NAME, must_be_read=True)
LEDGER_HEAD = "# merged notes: when merged, the note's day and time, its id"


def mark_merged(workspace: Workspace, merged: Iterable[Note | NoteName]) -> None:
    """Write down that these notes are in the memory; durable when this returns.

    Raises:
        MemsyncError: the ledger cannot be written; the notes stay pending and would be merged
            again, which loses nothing.
    """
    lines = _ledger_lines(merged)
    if not lines:
        return
    again = "free some space; the next refresh merges these notes once more"
    with refused("the memory is written, but the ledger is not", again):
        LEDGER.append(workspace, "\n".join(lines))


def _ledger_lines(merged: Iterable[Note | NoteName]) -> list[str]:
    moment = clock.now().isoformat(timespec="seconds")
    return [f"{moment} {note.day} {note.time} {note.id}" for note in merged]


def merged_ids(workspace: Workspace) -> set[str] | None:
    """Return the ids of all merged notes, of every machine; None where no machine has a ledger.

    Raises:
        FolderAwayError: a ledger cannot be read.
    """
    if not _has_ledgers(workspace):
        return None
    return {line.rsplit(" ", 1)[-1] for _, line in LEDGER.lines(workspace)}


def _has_ledgers(workspace: Workspace) -> bool:
    """Has any machine a ledger? One that is in the cloud only is not a missing one."""
    stubs = MachineLog(icloud_stub(Path(LEDGER_NAME)).name, must_be_read=True).files(workspace)
    if stubs:
        raise FolderAwayError(
            f"the ledger {stubs[0]} is only a placeholder; its content is in the cloud",
            hint="open it once in the Finder, then run the command again",
        )
    return bool(LEDGER.files(workspace))


def open_ledger(workspace: Workspace) -> None:
    """Make first contact: where no machine has a ledger, begin one in which earlier days stand.

    An older tool left those notes; it merged them in its own time. Today's stay pending, and so do
    all where another machine has been: its ledger may be on its way. The ledger comes whole: one
    begun but cut off would make the earlier days pending.

    Raises:
        FolderAwayError: the folder is away, or a log cannot be read; nothing is made in it.
        OSError: the ledger cannot be written.
    """
    if _has_ledgers(workspace):
        return
    workspace.require_present()
    today = clock.now().date()
    alone = is_alone(workspace.machines)
    wanted = [day for day in reader.days(workspace) if day < today] if alone else []
    earlier = reader.read_days(workspace, wanted)
    text = "\n".join([LEDGER_HEAD, *_ledger_lines(earlier)]) + "\n"
    path = own_folder(workspace.machines) / LEDGER_NAME
    folder_at(workspace.root).create(path, text.encode())
