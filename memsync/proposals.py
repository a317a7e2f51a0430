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
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from memsync import clock
from memsync.appending import append_line
from memsync.digests import digest
from memsync.edits import EditError, parse
from memsync.errors import FolderAwayError, MemsyncError, WrongUsageError
from memsync.files import atomic_write, create_new
from memsync.gate import Held
from memsync.notes import CameBy, Note, NoteName
from memsync.state import machine_name, own_folder
from memsync.workspace import Workspace

FOLDER = "proposals"
DECISIONS = "decisions.log"

Deed = Literal["applied", "dropped", "again"]
"""What became of an edit: in the memory, refused, or its notes made pending anew."""

_ID = re.compile(r"[0-9a-f]{10}")


@dataclass(frozen=True)
class Decision:
    """What was decided about one edit of a proposal, when, and on which machine."""

    deed: Deed
    time: str
    machine: str


@dataclass(frozen=True)
class Proposal:
    """Edits that wait, each with its reasons, and the notes they were made from."""

    id: str
    made: datetime
    machine: str
    summary: str
    notes: tuple[NoteName, ...]
    edits: tuple[Held, ...]
    decisions: dict[int, Decision]

    @property
    def waiting(self) -> tuple[int, ...]:
        """The numbers, from 1, of the edits that nobody has decided about."""
        return tuple(n for n in range(1, len(self.edits) + 1) if n not in self.decisions)

    @property
    def is_open(self) -> bool:
        """Whether anything in it waits."""
        return bool(self.waiting)

    @property
    def given_back(self) -> bool:
        """Whether its notes were made pending anew."""
        return any(decision.deed == "again" for decision in self.decisions.values())


def keep(
    workspace: Workspace, held: Sequence[Held], notes: Iterable[Note], summary: str
) -> Proposal:
    """Write down edits that wait; durable when this returns.

    The same edits from the same notes are the same proposal, on every machine, unless its notes
    were made pending anew since. A file of it that cannot be read any more is written anew.

    Raises:
        MemsyncError: it cannot be written; the notes stay pending.
    """
    names = tuple(note.name for note in notes)
    decisions = _decisions(workspace)
    identifier = _name(held, names, decisions)
    made = Proposal(identifier, clock.now(), machine_name(), summary, names, tuple(held), {})
    try:
        folder = own_folder(workspace.machines) / FOLDER
        folder.mkdir(exist_ok=True)
        path, data = folder / f"{identifier}.json", _render(made)
        if not create_new(path, data) and _read(path, decisions) is None:
            atomic_write(path, data)  # damaged: it would be asked for each night and never shown
    except OSError as error:
        raise MemsyncError(
            f"the proposal cannot be written: {error.strerror or error}",
            hint="free some space or check the folder; the notes stay pending",
        ) from error
    return made


def _name(held: Sequence[Held], names: Iterable[NoteName], decisions: _Decisions) -> str:
    content = [[name.id for name in names], [asdict(entry.edit) for entry in held]]
    for turn in range(10_000):
        name = digest(json.dumps([content, turn]).encode())[:10]
        if all(decision.deed != "again" for decision in decisions.get(name, {}).values()):
            return name
    raise MemsyncError("these notes were made pending too often", hint="memsync review --drop")


def decide(workspace: Workspace, proposal: Proposal, numbers: Iterable[int], deed: Deed) -> None:
    """Write down what became of some edits of a proposal; durable when this returns.

    Raises:
        MemsyncError: it cannot be written; the edits wait as before.
    """
    moment = clock.now().isoformat(timespec="seconds")
    lines = [f"{moment} {proposal.id} {number} {deed}" for number in numbers]
    if not lines:
        return
    try:
        append_line(own_folder(workspace.machines) / DECISIONS, "\n".join(lines))
    except OSError as error:
        raise MemsyncError(
            f"the decision cannot be written down: {error.strerror or error}",
            hint="free some space or check the folder, then decide again",
        ) from error


def list_all(workspace: Workspace) -> list[Proposal]:
    """Return every machine's proposals, oldest first; the same one of two machines once.

    Raises:
        FolderAwayError: a proposal or a decision cannot be read.
    """
    decisions = _decisions(workspace)
    found: dict[str, Proposal] = {}
    for path in sorted(workspace.machines.glob(f"*/{FOLDER}/*.json")):
        proposal = _read(path, decisions)
        if proposal is not None:
            found.setdefault(proposal.id, proposal)
    return sorted(found.values(), key=lambda proposal: (proposal.made, proposal.id))


def list_open(workspace: Workspace) -> list[Proposal]:
    """Return the proposals in which something waits, oldest first; raises as `list_all` does."""
    return [proposal for proposal in list_all(workspace) if proposal.is_open]


def in_words(count: int, oldest: datetime | None = None) -> str:
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
    return in_words(len(listed), listed[0].made if listed else None)


def find(workspace: Workspace, identifier: str) -> Proposal:
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
    for path in sorted(workspace.machines.glob(f"*/{DECISIONS}")):
        for line in _text(path).splitlines():
            match = re.fullmatch(r"(\S+) ([0-9a-f]{10}) (\d{1,6}) (applied|dropped|again)", line)
            if match is None:
                continue
            time, identifier, number, word = match.groups()
            deed = next(deed for deed in get_args(Deed) if deed == word)
            entry = found.setdefault(identifier, {})
            known = entry.get(int(number))
            if known is None or time < known.time:  # the first word counts
                entry[int(number)] = Decision(deed, time, path.parent.name)
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise FolderAwayError(
            f"{path} cannot be read: {error.strerror or error}",
            hint="check that the sync client runs and the file is yours",
        ) from error


def _render(proposal: Proposal) -> bytes:
    table = {
        "id": proposal.id,
        "made": proposal.made.isoformat(timespec="seconds"),
        "summary": proposal.summary,
        "notes": [
            {"id": n.id, "day": n.day.isoformat(), "time": n.time, "came_by": n.came_by}
            for n in proposal.notes
        ],
        "edits": [
            {**{key: value for key, value in asdict(held.edit).items() if value},
             "reasons": list(held.reasons)}
            for held in proposal.edits
        ],
    }  # fmt: skip
    return json.dumps(table, indent=1, ensure_ascii=False).encode() + b"\n"


def _read(path: Path, decisions: _Decisions) -> Proposal | None:
    """Return the proposal in a file; None where it is none, and its notes are pending."""
    if not _ID.fullmatch(path.stem):
        return None
    try:
        table = json.loads(_text(path))
        names = tuple(map(_note_name, table["notes"]))
        edits = tuple(map(_held, table["edits"]))
        made = datetime.fromisoformat(table["made"]).astimezone()
    except (ValueError, KeyError, TypeError, EditError, OverflowError, RecursionError):
        return None
    return Proposal(
        path.stem,
        made,
        path.parents[1].name,
        str(table.get("summary", "")),
        names,
        edits,
        {n: d for n, d in decisions.get(path.stem, {}).items() if 1 <= n <= len(edits)},
    )


def _note_name(entry: dict[str, Any]) -> NoteName:
    came_by: CameBy = next((way for way in get_args(CameBy) if way == entry["came_by"]), "network")
    return NoteName(date.fromisoformat(entry["day"]), str(entry["time"]), came_by, str(entry["id"]))


def _held(entry: dict[str, Any]) -> Held:
    (edit,) = parse([entry])
    return Held(edit, tuple(map(str, entry.get("reasons", ()))))
