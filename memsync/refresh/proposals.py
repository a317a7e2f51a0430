"""The keeper of what waits for a person's word: proposals, and what was decided about them.

A proposal is a file that its machine writes once, ``machines/ME/proposals/ID.json``; a decision is
a line in the ``decisions.log`` of the machine where it was made. Everybody reads all of them. A
note of a proposal is not pending while its file is there, so no call is made twice for it; where
the file is gone, undecided, the note is pending again, so nothing is lost.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import get_args

from memsync import clock
from memsync.config.machine_log import is_left_out
from memsync.config.state import machine_name
from memsync.config.sync_folder import folder_at, own_folder
from memsync.config.workspace import Workspace
from memsync.errors import FolderAwayError, MemsyncError, WrongUsageError, refused
from memsync.notes import held
from memsync.refresh import proposal_file
from memsync.refresh.proposal_file import Decision, Deed, Proposal, WaitingEdit
from memsync.text.digest import digest
from memsync.text.note import Note, NoteName

FOLDER = "proposals"


def save_proposal(
    workspace: Workspace,
    waiting: Sequence[WaitingEdit],
    notes: Iterable[Note],
    *,
    summary: str,
    memory: str,
) -> Proposal:
    """Write down edits that wait; durable when this returns.

    The same edits from the same notes are the same proposal, on every machine, unless the notes
    were made pending anew since, by it or by another. A file of it that cannot be read any more is
    written anew. `memory` is the text the edits are for.

    Raises:
        MemsyncError: it cannot be written; the notes stay pending.
        FolderAwayError: as `list_all`.
    """
    names = tuple(note.name for note in notes)
    decisions = _decisions(workspace)
    again = {name.id for entry in list_all(workspace) if entry.given_back for name in entry.notes}
    asked_again = any(name.id in again for name in names)
    identifier = _name(waiting, names, decisions, asked_again=asked_again)
    new = proposal_file.sections_to_make(waiting, memory)
    made = Proposal(
        identifier, clock.now(), machine_name(), summary, names, tuple(waiting), {}, new
    )
    space = "free some space or check the folder; the notes stay pending"
    with refused("the proposal cannot be written", space):
        files = folder_at(workspace.root)
        folder = files.make_folder(own_folder(workspace.machines) / FOLDER)
        path, data = folder / f"{identifier}.json", proposal_file.render_proposal(made)
        if not files.create(path, data) and _read(workspace, path, decisions) is None:
            files.replace(path, data)  # damaged: it would be asked for each night and never shown
    return made


def _name(
    waiting: Sequence[WaitingEdit],
    names: Iterable[NoteName],
    decisions: _Decisions,
    *,
    asked_again: bool,
) -> str:
    """Return what the proposal is called; asked for again, as nothing that was decided about."""
    content = [[name.id for name in names], [asdict(entry.edit) for entry in waiting]]
    for turn in range(10_000):
        name = digest(json.dumps([content, turn]).encode())[:10]
        deeds = {decision.deed for decision in decisions.get(name, {}).values()}
        if "again" not in deeds and not (asked_again and deeds):
            return name
    raise MemsyncError("these notes were made pending too often", hint="memsync review --drop")


def record_decisions(
    workspace: Workspace, proposal: Proposal, numbers: Iterable[int], deed: Deed
) -> None:
    """Write down what became of some edits of a proposal; durable when this returns.

    Raises:
        MemsyncError: it cannot be written; the edits wait as before.
    """
    moment = clock.now().isoformat(timespec="seconds")
    lines = [f"{moment} {proposal.id} {number} {deed}" for number in numbers]
    if not lines:
        return
    again = "free some space or check the folder, then decide again"
    with refused("the decision cannot be written down", again):
        held.LOG.append(workspace, "\n".join(lines))


def list_all(workspace: Workspace) -> list[Proposal]:
    """Return every machine's proposals, oldest first; the same one of two machines once.

    Raises:
        FolderAwayError: a proposal or a decision cannot be read.
    """
    decisions = _decisions(workspace)
    found: dict[str, Proposal] = {}
    files = folder_at(workspace.root)
    for path in files.below_all(workspace.machines, FOLDER, "*.json"):
        proposal = _read(workspace, path, decisions)
        if proposal is not None:
            found.setdefault(proposal.id, proposal)
    return sorted(found.values(), key=lambda proposal: (proposal.made, proposal.id))


def list_open(workspace: Workspace) -> list[Proposal]:
    """Return the proposals in which something waits, oldest first; raises as `list_all` does."""
    return [proposal for proposal in list_all(workspace) if proposal.is_open]


def waiting_count_in_words(count: int, oldest: datetime | None = None) -> str:
    """Return how many proposals wait, since when the oldest does, and what shows them."""
    if not count:
        return "nothing waits"
    since = ""
    if oldest is not None:
        since = f", {'the oldest ' if count > 1 else ''}since {oldest.date()}"
    return f"{count} proposal{'s wait' if count > 1 else ' waits'} for you{since}: memsync review"


def waiting_in_words(workspace: Workspace) -> str:
    """Return `in_words` of all that waits here; raises as `list_all` does."""
    listed = list_open(workspace)
    return waiting_count_in_words(len(listed), listed[0].made if listed else None)


def find_proposal(workspace: Workspace, identifier: str) -> Proposal:
    """Return the proposal called so, by its name or the beginning of it.

    Raises:
        WrongUsageError: none, or more than one, is called so.
        FolderAwayError: as `list_all`.
    """
    named = [p for p in list_all(workspace) if identifier and p.id.startswith(identifier)]
    if len(named) != 1:
        raise WrongUsageError(
            f"there is no proposal {identifier!r}", hint="memsync review lists those that wait"
        )
    return named[0]


def note_ids(workspace: Workspace) -> dict[str, bool]:
    """Return the ids of the notes in proposals, and whether they wait (else all is decided).

    Notes that were made pending anew are in none but where they wait; raises as `list_all` does.
    """
    found: dict[str, bool] = {}
    given_back: set[str] = set()
    for proposal in list_all(workspace):
        if proposal.given_back:
            given_back |= {name.id for name in proposal.notes}
            continue
        for name in proposal.notes:
            found[name.id] = found.get(name.id, False) or proposal.is_open
    return {name: waits for name, waits in found.items() if waits or name not in given_back}


_Decisions = dict[str, dict[int, Decision]]


def _decisions(workspace: Workspace) -> _Decisions:
    found: _Decisions = {}
    for machine, line in held.LOG.lines(workspace):
        match = re.fullmatch(r"(\S+) ([0-9a-f]{10}) (\d{1,6}) (applied|dropped|again)", line)
        if match is None:
            continue
        time, identifier, number, word = match.groups()
        deed = next(deed for deed in get_args(Deed) if deed == word)
        entry = found.setdefault(identifier, {})
        known = entry.get(int(number))
        if known is None or time < known.time:  # the first word counts
            entry[int(number)] = Decision(deed, time, machine)
    return found


def _text(workspace: Workspace, path: Path) -> str:
    try:
        return folder_at(workspace.root).read(path).decode("utf-8", "replace")
    except FileNotFoundError:
        return ""
    except OSError as error:
        if is_left_out(error, path.parents[1].name):
            return ""
        raise FolderAwayError(
            f"{path} cannot be read: {error.strerror or error}",
            hint="check that the sync client runs and the file is yours",
        ) from error


def _read(workspace: Workspace, path: Path, decisions: _Decisions) -> Proposal | None:
    if not proposal_file.NAME.fullmatch(path.stem):
        return None
    return proposal_file.parse_proposal(path, _text(workspace, path), decisions.get(path.stem, {}))
