"""The notes as pages to leaf through: newest first, by day, all or those with some words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from memsync import clock
from memsync.config.workspace import Workspace
from memsync.errors import MemsyncError
from memsync.notes import held, ledger, reader, search
from memsync.notes.held import Decided, Decisions
from memsync.notes.search import Finder
from memsync.refresh import proposals
from memsync.text.mark import TYPED
from memsync.text.note import Note

PER_PAGE = 50
CLIPPED_AT = 2000
"""Characters of a long note that a list shows; the rest is on a page of its own."""

_PLACE = re.compile(r"(\d{4}-\d\d-\d\d)_(\d{1,6})", re.ASCII)


@dataclass(frozen=True)
class Listed:
    """A note, and what became of it: pending, in review, held, rejected, merged."""

    note: Note
    state: str
    decided: Decided | None = None

    @property
    def source(self) -> str:
        """How the note came, in words; empty if it was typed, as most are."""
        return "" if self.note.mark == TYPED else self.note.mark.in_words


@dataclass(frozen=True)
class Day:
    """The notes of a day, newest first, or why they cannot be read."""

    day: date
    notes: tuple[Listed, ...]
    problem: str = ""


@dataclass(frozen=True)
class Leaf:
    """Some days of notes, newest first; `older` is the place the next leaf begins, if any."""

    days: tuple[Day, ...]
    older: str

    @property
    def count(self) -> int:
        """How many notes are on this leaf."""
        return sum(len(day.notes) for day in self.days)


def leaf(workspace: Workspace, finder: Finder, place: str = "") -> Leaf:
    """Return the notes from `place` on, which is empty or what another leaf calls `older`.

    A day that cannot be read hides no other.

    Raises:
        FolderAwayError: a ledger cannot be read.
    """
    known = _states(workspace)
    files = search.logs_by_day(workspace) if finder.query else None
    start, skipped = _parse(place)
    found: list[Day] = []
    room = PER_PAGE
    for day in reversed(reader.days(workspace)):
        if start is not None and day > start:
            continue
        skip = skipped if day == start else 0
        if not room:
            return Leaf(tuple(found), f"{day}_{skip}")
        if files is not None and not finder.may_find(workspace, files[day.isoformat()]):
            continue
        shown = _day(workspace, day, finder, known)
        part = shown.notes[skip : skip + room]
        room -= len(part)
        if part or shown.problem:
            found.append(Day(day, part, shown.problem))
        if len(shown.notes) > skip + len(part):
            return Leaf(tuple(found), f"{day}_{skip + len(part)}")
    return Leaf(tuple(found), "")


def find_note(workspace: Workspace, day: date, note_id: str) -> Listed | None:
    """Return one note of a day, or None.

    Raises:
        FolderAwayError: the day's log or a ledger cannot be read.
    """
    for note in reader.read_day(workspace, day):
        if note.id == note_id:
            return _states(workspace).listed(note)
    return None


def _day(workspace: Workspace, day: date, finder: Finder, known: _States) -> Day:
    try:
        found = search.find_in_day(workspace, day, finder)
    except MemsyncError as error:
        return Day(day, (), error.message)
    return Day(day, tuple(map(known.listed, reversed(found))))


@dataclass(frozen=True)
class _States:
    """What every machine knows about notes: merged ids, decisions, notes in proposals."""

    merged: set[str] | None
    decisions: Decisions
    proposed: Mapping[str, bool]

    def listed(self, note: Note) -> Listed:
        """Return a note with its state; a note whose proposal is decided counts as merged."""
        decided = self.decisions.of(note)
        return Listed(note, self._state(note, decided), decided)

    def _state(self, note: Note, decided: Decided | None) -> str:
        if note.id in self.proposed:
            return "in review" if self.proposed[note.id] else "merged"
        # As for a refresh: without any ledger, only today's notes are pending.
        if note.day < clock.now().date() if self.merged is None else note.id in self.merged:
            return "merged"
        if self.decisions.makes_own_word(note):
            return "pending"
        return decided.verdict if decided else "held"


def _states(workspace: Workspace) -> _States:
    return _States(
        ledger.merged_ids(workspace),
        held.read_decisions(workspace),
        proposals.note_ids(workspace),
    )


def _parse(place: str) -> tuple[date | None, int]:
    match = _PLACE.fullmatch(place)
    try:
        return (date.fromisoformat(match[1]), int(match[2])) if match else (None, 0)
    except ValueError:
        return None, 0
