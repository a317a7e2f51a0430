"""The keeper of ``changes.jsonl``: for each line that came into the memory, from what it came.

Each machine writes its own, one line a change, before the memory itself is replaced, so that a
crash leaves no line of the memory without its origin; everybody reads all. What is recorded of a
line is a digest of it and of the section it stands in, not its words.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from memsync import clock
from memsync.config.machine_log import MachineLog
from memsync.config.workspace import Workspace
from memsync.text.attribution import sources_of, words_of
from memsync.text.digest import digest
from memsync.text.document import Outline, scan
from memsync.text.mark import recorded_mark
from memsync.text.note import Note, NoteName

LOG = MachineLog("changes.jsonl")

_DATE = re.compile(r"^[-*+] (?:\d{4}-\d\d-\d\d: )?")


MOST_STEPS = 1000
RETURNS = ("restore", "reconcile", "found")
"""Deeds that bring back lines which may have come from elsewhere."""


@dataclass(frozen=True)
class Cause:
    """What a change of the memory came from: a deed's name, and the notes that led to it."""

    deed: str
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True)
class Origin:
    """How a line came into the memory: when, by what deed, on which machine, from which notes.

    More than one note means one of these, and that it is not clear which.
    """

    when: datetime
    machine: str
    deed: str
    notes: tuple[NoteName, ...]
    was: str = ""
    """The line it was made from, as `Key.alone` has it; empty where it came from the notes."""


@dataclass(frozen=True)
class LineKey:
    """A line by digests: with the section it stands in, and alone (without a bullet's date)."""

    placed: str
    alone: str


def record_lines(workspace: Workspace, before: str, after: str, cause: Cause) -> None:
    """Write down which lines come into the memory, and why; durable when this returns.

    Raises:
        OSError: it cannot be written.
    """
    lines = added_lines(before, after)
    if not lines:
        return
    names = [note.name for note in cause.notes]
    place = {name.id: at for at, name in enumerate(names)}
    gone = added_lines(after, before) if cause.notes else []
    known = frozenset[str]().union(*(words_of(_DATE.sub("", text)) for _, text in gone))
    rows = [
        [key.placed, key.alone, [place[n.id] for n in sources_of(text, cause.notes, known)],
         *_was(key, text, gone, known, cause.notes)]
        for key, text in ((key, _DATE.sub("", text)) for key, text in lines)
    ]  # fmt: skip
    table = {
        "time": clock.now().isoformat(),
        "by": cause.deed,
        "notes": [[n.id, n.day.isoformat(), n.time, str(n.mark)] for n in names],
        "lines": rows,
    }
    LOG.append(workspace, json.dumps(table, separators=(",", ":")))


def _was(
    key: LineKey,
    text: str,
    gone: Sequence[tuple[LineKey, str]],
    known: frozenset[str],
    notes: Sequence[Note],
) -> tuple[str, ...]:
    """Return the key of the line that this one took the words of, if that is what it did.

    A merge also moves and condenses what stood there; that came from an older note than its own.
    A value that a note put in the place of another is the note's, however much else stood there.
    """
    if any(was.alone == key.alone for was, _ in gone):
        return (key.alone,)
    words, said = words_of(text), [words_of(note.text) for note in notes]
    if any((words - known) & told for told in said):
        return ()
    nearest = max(gone, key=lambda line: _likeness(words, words_of(line[1])), default=None)
    if nearest is None:
        return ()
    shared = len(words & words_of(nearest[1]))
    is_of_it = shared > max((len(words & told) for told in said), default=0)
    return (nearest[0].alone,) if is_of_it else ()


def _likeness(one: frozenset[str], other: frozenset[str]) -> float:
    """Return which share of their words two lines have in common; a long line shares many."""
    return 2 * len(one & other) / (len(one) + len(other)) if one and other else 0.0


def added_lines(before: str, after: str) -> list[tuple[LineKey, str]]:
    """Return the lines, with their keys, that `after` has and `before` has not, in order.

    A line that only moved within its section is none.
    """
    old, new = keys_of(scan(before)), keys_of(scan(after))
    left = Counter(key for key, _ in old)
    found = []
    for key, text in new:
        if left[key] > 0:
            left[key] -= 1
        else:
            found.append((key, text))
    return found


def keys_of(outline: Outline) -> list[tuple[LineKey, str]]:
    """Return the lines that are not blank, each with its key, in order."""
    paths = {heading.line: heading.path for heading in outline.headings}
    found, path = [], ""
    for number, line in enumerate(outline.lines):
        text = line.strip()
        path = paths.get(number, path)
        if text:
            alone = _short(_DATE.sub("", text))
            found.append((LineKey(_short(f"{path}\0{text}"), alone), text))
    return found


def _short(text: str) -> str:
    return digest(text.encode("utf-8", "surrogatepass"))[:12]


class Provenance:
    """How lines came into the memory, from every machine's record, newest first."""

    def __init__(self, workspace: Workspace) -> None:
        self._placed: dict[str, list[Origin]] = {}
        self._alone: dict[str, list[Origin]] = {}
        rows = [row for machine, line in LOG.lines(workspace) for row in _read(line, machine)]
        for came, placed, alone in sorted(rows, key=lambda row: row[0].when, reverse=True):
            self._placed.setdefault(placed, []).append(came)
            self._alone.setdefault(alone, []).append(came)

    def of(self, key: LineKey, turn: int) -> Origin | None:
        """Return how a line came in; None where no record has it.

        Args:
            key: the line.
            turn: how many lines with the same key stand behind it: the last of them came last.
        """
        placed, alone = self._placed.get(key.placed), self._alone.get(key.alone, [])
        known = placed or alone
        if not known:
            return None
        return self._origin(known[min(turn, len(known) - 1)], alone)

    def _origin(self, came: Origin, alone: Sequence[Origin]) -> Origin:
        """Follow a line back to the note it came from, through those it was made from."""
        for _ in range(MOST_STEPS):
            if came.was:
                alone = self._alone.get(came.was, [])  # from here on it is about that line
            elif came.notes or came.deed not in RETURNS:
                return came
            before = next((c for c in alone if c.when < came.when and c != came), None)
            if before is None:
                return came
            came = before
        return came


def _read(line: str, machine: str) -> list[tuple[Origin, str, str]]:
    try:
        return _rows(json.loads(line), machine)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError,
            OverflowError, RecursionError):  # fmt: skip
        return []  # a torn line


def _rows(table: dict[str, Any], machine: str) -> list[tuple[Origin, str, str]]:
    when = datetime.fromisoformat(table["time"]).astimezone()
    names = [_name(*entry) for entry in table["notes"]]
    return [
        (
            Origin(when, machine, str(table["by"]), tuple(names[at] for at in which), *was),
            str(placed),
            str(alone),
        )
        for placed, alone, which, *was in table["lines"]
    ]


def _name(identifier: str, day: str, time: str, way: str) -> NoteName:
    return NoteName(date.fromisoformat(day), time, recorded_mark(way), identifier)
