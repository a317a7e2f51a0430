"""The keeper of ``decisions.log``: whose word each note is by now, and which notes are held.

A decision names a note by its id and the mark that was judged, so it holds for no other entry. It
is a line in the log of the machine where it was made; everybody reads all. The person's own word is
what carries such a mark or was accepted, unless it was rejected: a rejection beats an acceptance.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, get_args

from memsync import clock
from memsync.config.machine_log import MachineLog
from memsync.config.workspace import Workspace
from memsync.errors import refused
from memsync.notes import ledger, never, reader
from memsync.text.note import Note

LOG = MachineLog("decisions.log", must_be_read=True)
"""Decisions about notes, and beside them those about proposals."""

Verdict = Literal["accepted", "rejected", "withdrawn"]
"""The person's word about a note; a withdrawn one is a note of theirs that they took back."""

_LINE = re.compile(rf"(\S+) ([0-9a-f]{{20}}) \(([^()]*)\) ({'|'.join(get_args(Verdict))})")
_Judged = tuple[str, str]


@dataclass(frozen=True)
class Decided:
    """One decision about a note: what, when (ISO 8601), and on which machine."""

    verdict: Verdict
    time: str
    machine: str


@dataclass(frozen=True)
class Decisions:
    """What was decided about notes, on every machine."""

    by_note: dict[_Judged, list[Decided]] = field(default_factory=dict)

    def of(self, note: Note) -> Decided | None:
        """Return the decision that counts for a note; None where it is not decided."""
        listed = self.by_note.get(_judged(note), [])
        return max(listed, key=lambda made: made.verdict != "accepted", default=None)

    def makes_own_word(self, note: Note) -> bool:
        """Is this the person's own word, by its mark or by their decision?"""
        made = self.of(note)
        return note.mark.is_own_word if made is None else made.verdict == "accepted"

    def is_held(self, note: Note) -> bool:
        """Does this note wait for the person?"""
        return not note.mark.is_own_word and self.of(note) is None


def read_decisions(workspace: Workspace) -> Decisions:
    """Return what was decided about notes on every machine.

    Raises:
        FolderAwayError: a log of decisions cannot be read.
    """
    found: dict[_Judged, list[Decided]] = {}
    for machine, line in LOG.lines(workspace):
        match = _LINE.fullmatch(line)
        if match is not None:
            time, identifier, mark, word = match.groups()
            verdict = next(known for known in get_args(Verdict) if known == word)
            found.setdefault((identifier, mark), []).append(Decided(verdict, time, machine))
    return Decisions(found)


def _judged(note: Note) -> _Judged:
    return note.id, str(note.mark)


def unmerged_notes(workspace: Workspace) -> list[Note]:
    """Return every note of every day that no machine has merged yet, oldest first.

    In a folder of an older tool, in which no machine has a ledger, only the notes of today are.

    Raises:
        FolderAwayError: a log or a ledger cannot be read.
    """
    merged = ledger.merged_ids(workspace)
    wanted: list[date] | None = None
    if merged is None:
        merged = set()
        wanted = [day for day in reader.days(workspace) if day >= clock.now().date()]
    known = {
        note.key: note for note in reader.read_days(workspace, wanted) if note.id not in merged
    }
    return list(known.values())


def held_notes(workspace: Workspace) -> list[Note]:
    """Return the notes that wait for the person's decision, oldest first.

    Raises:
        FolderAwayError: a log, a ledger or a log of decisions cannot be read.
    """
    decisions = read_decisions(workspace)
    return [note for note in unmerged_notes(workspace) if decisions.is_held(note)]


def of_sender(notes: Iterable[Note], sender: str) -> list[Note]:
    """Return those notes that came by `sender`: as `Mark.sender` has it, or the name in it."""
    return [note for note in notes if sender in {note.mark.sender, note.mark.name}]


def as_table(note: Note) -> dict[str, str]:
    """Return a held note, as it was said, for ``--json`` and the API."""
    return {
        "id": note.id,
        "day": note.day.isoformat(),
        "time": note.time,
        "came_by": note.mark.sender,
        "text": note.text,
    }


def decide(workspace: Workspace, notes: Iterable[Note], verdict: Verdict) -> None:
    """Write the person's decision about notes down; durable when this returns.

    What is rejected is remembered, without its words, so that no machine says it again.

    Raises:
        MemsyncError: it cannot be written; the notes wait as before.
    """
    moment = clock.now().isoformat(timespec="seconds")
    judged = list(notes)
    if not judged:
        return
    lines = [f"{moment} {note.id} ({note.mark}) {verdict}" for note in judged]
    with refused("the decision cannot be written down", "free some space, then decide again"):
        if verdict == "rejected":
            never.remember(workspace, (note.text for note in judged))
        LOG.append(workspace, "\n".join(lines))


def settled(workspace: Workspace) -> Callable[[Note], bool]:
    """Return a function that answers: is nothing left to do for this note, merged or rejected?

    Raises:
        FolderAwayError: a ledger or a log of decisions cannot be read.
    """
    merged, decisions = ledger.merged_ids(workspace) or set(), read_decisions(workspace)

    def is_settled(note: Note) -> bool:
        made = decisions.of(note)
        return note.id in merged or (made is not None and made.verdict != "accepted")

    return is_settled


def held_in_words(count: int) -> str:
    """Return how many notes are held, and what shows them; empty for none."""
    if not count:
        return ""
    return (
        f"{'1 note waits' if count == 1 else f'{count} notes wait'} for your word: memsync review"
    )


def rejected_notes(workspace: Workspace, notes: Iterable[Note]) -> list[Note]:
    """Return those notes that the person rejected or took back; raises as `lost_word`."""
    decisions = read_decisions(workspace)
    made = ((note, decisions.of(note)) for note in notes)
    return [note for note, one in made if one is not None and one.verdict != "accepted"]


def lost_word(workspace: Workspace, notes: Iterable[Note]) -> AbstractSet[str]:
    """Return the ids of those notes that are not, or not any more, the person's own word.

    Raises:
        FolderAwayError: a log of decisions cannot be read.
    """
    decisions = read_decisions(workspace)
    return {note.id for note in notes if not decisions.makes_own_word(note)}
