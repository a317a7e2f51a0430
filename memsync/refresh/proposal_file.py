"""A proposal, and the text of the file that holds one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal

from memsync.text.document import scan
from memsync.text.edits import Edit, EditError, parse_edits
from memsync.text.mark import recorded_mark
from memsync.text.note import NoteName

NAME = re.compile(r"[0-9a-f]{10}")
"""The name of a proposal, which is also its file's name before the ``.json``."""

Deed = Literal["applied", "dropped", "again"]
"""What became of an edit: in the memory, kept out, or its notes made pending again."""


@dataclass(frozen=True)
class WaitingEdit:
    """An edit that waits for a person, and why."""

    edit: Edit
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Decision:
    """What was decided about one edit of a proposal, when, and on which machine."""

    deed: Deed
    time: str
    machine: str


@dataclass(frozen=True)
class Proposal:
    """Edits that wait, each with its reasons, and the notes from which they were made."""

    id: str
    made: datetime
    machine: str
    summary: str
    notes: tuple[NoteName, ...]
    edits: tuple[WaitingEdit, ...]
    decisions: dict[int, Decision]
    new_sections: tuple[str, ...] | None = None
    """The sections its edits add to that did not exist when it was made; None if not recorded."""

    def lost_section(self, number: int, memory: str) -> str:
        """Return the section that edit `number` adds to if it existed once and is gone; else ""."""
        edit = self.edits[number - 1].edit
        if not _may_make_section(edit, memory):
            return ""
        if self.new_sections is None:  # a new section would lose all of a path but its last name
            return edit.section if " > " in edit.section else ""
        return "" if edit.section in self.new_sections else edit.section

    @property
    def waiting(self) -> tuple[int, ...]:
        """The numbers, from 1, of the edits that are not decided."""
        return tuple(n for n in range(1, len(self.edits) + 1) if n not in self.decisions)

    @property
    def is_open(self) -> bool:
        """Does anything in it wait?"""
        return bool(self.waiting)

    @property
    def given_back(self) -> bool:
        """Whether its notes were made pending again."""
        return any(decision.deed == "again" for decision in self.decisions.values())


def sections_to_make(waiting: Iterable[WaitingEdit], memory: str) -> tuple[str, ...]:
    """Return the sections that edits add to and that `memory` does not have."""
    edits = [entry.edit for entry in waiting]
    return tuple(sorted({edit.section for edit in edits if _may_make_section(edit, memory)}))


def _may_make_section(edit: Edit, memory: str) -> bool:
    by_section = edit.op == "add" and not edit.after.strip()
    return by_section and not scan(memory).find_sections(edit.section)


def render_proposal(proposal: Proposal) -> bytes:
    """Return the bytes of the file that holds a proposal."""
    table = {
        "id": proposal.id,
        "made": proposal.made.isoformat(timespec="seconds"),
        "summary": proposal.summary,
        "notes": [
            {"id": n.id, "day": n.day.isoformat(), "time": n.time, "came_by": str(n.mark)}
            for n in proposal.notes
        ],
        "edits": [
            {**{key: value for key, value in asdict(waiting.edit).items() if value},
             "reasons": list(waiting.reasons)}
            for waiting in proposal.edits
        ],
        "new_sections": proposal.new_sections,
    }  # fmt: skip
    return json.dumps(table, indent=1, ensure_ascii=False).encode() + b"\n"


def parse_proposal(path: Path, text: str, decisions: Mapping[int, Decision]) -> Proposal | None:
    """Parse `text`, read from `path`, as a proposal and return it; None if it is not one."""
    try:
        table = json.loads(text)
        names = tuple(map(_note_name, table["notes"]))
        edits = tuple(map(_waiting_edit, table["edits"]))
        new = table.get("new_sections")
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
        {n: d for n, d in decisions.items() if 1 <= n <= len(edits)},
        tuple(map(str, new)) if isinstance(new, list) else None,
    )


def _note_name(entry: dict[str, Any]) -> NoteName:
    mark = recorded_mark(entry["came_by"])
    return NoteName(date.fromisoformat(entry["day"]), str(entry["time"]), mark, str(entry["id"]))


def _waiting_edit(entry: dict[str, Any]) -> WaitingEdit:
    (edit,) = parse_edits([entry])
    return WaitingEdit(edit, tuple(map(str, entry.get("reasons", ()))))
