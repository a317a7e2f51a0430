"""Conflicts as the page and the API show them: both texts, and what each choice removes."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from memsync.config.workspace import MEMORY_NAME
from memsync.daemon.presenters import changes
from memsync.daemon.presenters.changes import Parts
from memsync.memory import machines
from memsync.memory.conflicts.merge import Conflict, can_pick, has_side, lines_to_remove
from memsync.providers.conflict_copies import recognise_copy
from memsync.text.diff3 import Lines, Resolution
from memsync.text.document import scan


@dataclass(frozen=True)
class Side:
    """One of the two texts: its lines in pieces, its place, and what is removed if it is picked.

    `at` is the number of its first line in the memory; None if it has no lines, or if they are no
    longer all there. It can be picked if it `can_stay`. `takes` are the numbers of the lines that
    are removed, `constraints` those lines that are hard constraints.
    """

    lines: tuple[Parts, ...]
    at: int | None
    is_whole: bool
    can_stay: bool
    takes: tuple[int, ...]
    constraints: tuple[str, ...]


@dataclass(frozen=True)
class ConflictView:
    """A conflict as the page shows it; a moment, client or host that is not known is empty."""

    conflict: Conflict
    found: datetime | None
    is_here: bool
    client: str
    host: str
    ours: Side
    theirs: Side


def view_conflicts(open_ones: Sequence[Conflict], memory: str) -> list[ConflictView]:
    """Return conflicts as the page shows them: oldest first, then in the order of the memory."""
    outline = scan(memory)
    limits = changes.constraint_lines(outline)
    here = machines.this_machine()

    def side(
        conflict: Conflict, choice: Resolution, lines: Lines, parts: tuple[Parts, ...]
    ) -> Side:
        gone = lines_to_remove(outline.lines, conflict, choice)
        held = tuple(outline.lines[at].strip() for at in gone if at in limits)
        is_whole = has_side(outline.lines, lines)
        at = _line_of(lines, outline.lines) if is_whole else None
        can_stay = can_pick(outline.lines, conflict, choice)
        return Side(parts, at, is_whole, can_stay, tuple(at + 1 for at in gone), held)

    found = []
    for conflict in open_ones:
        copy = recognise_copy(conflict.source, MEMORY_NAME)
        left, right = changes.side_by_side(*(_shown(s) for s in (conflict.ours, conflict.theirs)))
        found.append(
            ConflictView(
                conflict,
                _moment(conflict.time),
                conflict.machine == here,
                copy.client if copy else "",
                copy.host if copy else "",
                side(conflict, Resolution.OURS, conflict.ours, left),
                side(conflict, Resolution.THEIRS, conflict.theirs, right),
            )
        )
    return sorted(found, key=lambda view: (view.conflict.time, view.ours.at or 0))


def conflict_table(view: ConflictView) -> dict[str, Any]:
    """Return a conflict as the API gives it."""
    conflict = view.conflict
    return {
        "id": conflict.id,
        "time": view.found.isoformat(timespec="seconds") if view.found else None,
        "machine": conflict.machine or None,
        "source": conflict.source,
        "client": view.client or None,
        "host": view.host or None,
        "section": conflict.section or None,
        "base": "".join(conflict.base),
        "ours": "".join(conflict.ours),
        "theirs": "".join(conflict.theirs),
        "ours_line": view.ours.at,
        "theirs_line": view.theirs.at,
    }


def _shown(lines: Lines) -> list[str]:
    """Return the lines without their endings and without blank lines around them."""
    return "".join(lines).strip("\r\n").splitlines()


def _line_of(lines: Lines, memory: Sequence[str]) -> int | None:
    """Return the number of the memory's last line that is the first of `lines`."""
    first = next((line.rstrip() for line in lines if line.strip()), None)
    if first is None:
        return None
    places = [at for at, line in enumerate(memory, 1) if line.rstrip() == first]
    return places[-1] if places else None


def _moment(text: str) -> datetime | None:
    with suppress(ValueError, OverflowError):
        return datetime.fromisoformat(text).astimezone()
    return None
