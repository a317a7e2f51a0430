"""Finds new lines that only repeat what the memory already says.

A line is a duplicate only if dropping it loses nothing. So it must say exactly the same (see
`similarity`), the older line must make sense by itself, and no recent note may say something else
about the same thing: a person who moved to Turin and back says "I live in Oslo" twice and means it
both times. An event on two days happened twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from memsync.text.document import Heading, Kind, Outline, is_list_item, scan
from memsync.text.edits import Edit
from memsync.text.similarity import Words, day, is_close_to_any, is_lasting, words

LEAST_WORDS = 2
"""A line of fewer words says too little to count as a duplicate."""

Point = tuple[str, Words]
"""The date of a list item, and its words."""

Place = tuple[Heading, int | None]
"""Where a list stands: its heading, and the line that introduces it, if any."""

_NOTES = re.compile(r"recent notes\b", re.IGNORECASE)
_RECENT = re.compile(r"recent\b", re.IGNORECASE)
# Words in the headings of sections about the person. Other sections may be about one project, one
# language, somebody else or a certain time, so a note that says the same may mean more.
_GENERAL = frozenset(
    {"my", "about", "me", "who", "i", "am", "user", "personal", "general", "identity", "profile"}
    | {"background", "facts", "preferences", "communication", "working", "coding", "style"}
    | {"habits", "hard", "constraints", "and", "the", "of", "how", "like", "things", "done", "work"}
)


def is_recent(heading: Heading) -> bool:
    """Is this a section of recent things, such as ``Recent notes`` or ``Recent decisions``?"""
    return _RECENT.match(heading.text) is not None


class KnownLines:
    """The lines of a memory that make sense by themselves."""

    def __init__(self, memory: str) -> None:
        outline = scan(memory)
        self._has_one_title = sum(heading.level == 1 for heading in outline.headings) == 1
        self._recent: list[tuple[str, Words]] = []
        self._other: list[Words] = []
        self.by_heading: dict[Heading, list[Words]] = {}
        self.listed: dict[Place, list[Point]] = {}
        self.places: dict[int, Place] = {}
        self.ends: dict[Heading, Place] = {}
        for number, heading, introduced in _plain_lines(outline):
            line = outline.lines[number]
            is_point = _is_single_line_point(outline, number)
            alone = is_point and introduced is None
            if is_point:
                self.places[number] = heading, introduced
                self.listed.setdefault((heading, introduced), []).append((day(line), words(line)))
            self.ends[heading] = heading, _introduction_after(outline, number, introduced)
            if alone and _NOTES.match(heading.text):
                self._recent.append((day(line), words(line)))
            elif is_recent(heading):
                self._other.append(words(line))
            elif alone:
                self.by_heading.setdefault(heading, []).append(words(line))

    def has(self, bullet: str) -> bool:
        """Would a dated bullet, newer than all others, add nothing?"""
        on, said = day(bullet), words(bullet)
        if len(said) < LEAST_WORDS or said in self._other:
            return False
        if is_close_to_any(said, (*self._other, *(other for _, other in self._recent))):
            return False
        lasts = is_lasting(said)
        if any(said == other and (lasts or on == other_day) for other_day, other in self._recent):
            return True
        general = (other for where, other in self.by_heading.items() if self._is_general(where))
        return lasts and any(said in other for other in general)

    def add(self, bullet: str) -> None:
        """Add a bullet as the newest of the recent notes."""
        if "\n" in bullet:
            self._other.append(words(bullet.split("\n", maxsplit=1)[0]))
        else:
            self._recent.append((day(bullet), words(bullet)))

    def _is_general(self, heading: Heading) -> bool:
        """Are the lines under this heading about the person in general, as a note is?"""
        above = heading.parents[1:] if self._has_one_title else heading.parents
        names = " ".join((*above, heading.text)).casefold()
        return heading.level > 1 and set(re.findall(r"[\w']+", names)) <= _GENERAL


def without_repeats(memory: str, edits: Sequence[Edit]) -> tuple[Edit, ...]:
    """Return the edits without the list items that their section already has.

    An item stays if another edit removes the older one, or is placed after it. A replace without
    anything new becomes a remove.
    """
    duplicates = _DuplicateFilter(memory, edits)
    return tuple(left for edit in edits if (left := duplicates.without_repeats(edit)) is not None)


class _DuplicateFilter:
    """A memory and a list of edits to it, which are checked in order."""

    def __init__(self, memory: str, edits: Sequence[Edit]) -> None:
        self._outline = scan(memory)
        self._lines = [line.rstrip() for line in self._outline.lines]
        self._standing = KnownLines(memory)
        behind = [line for edit in edits for line in edit.after.split("\n")]
        taken = [line for edit in edits for line in edit.find.split("\n")]
        new = (line for line in behind if line.rstrip() not in self._lines)
        self._needed = {_point(line) for line in (*taken, *new)}
        self._added: dict[Place, set[Point]] = {}

    def without_repeats(self, edit: Edit) -> Edit | None:
        """Return the new part of the edit; None if nothing in it is new."""
        lines = edit.text.strip("\n").split("\n")
        place = self._place_of(edit)
        if place is None or not all(map(_is_plain_point, lines)):
            return edit
        left = [line for line in lines if not self._repeats(place, _point(line))]
        if len(left) == len(lines):
            return edit
        if left:
            return replace(edit, text="\n".join(left))
        return replace(edit, op="remove", text="") if edit.op == "replace" else None

    def _repeats(self, place: Place, point: Point) -> bool:
        if len(point[1]) < LEAST_WORDS:
            return False
        added = self._added.setdefault(place, set())
        if point in added:
            return True
        added.add(point)
        listed = self._standing.listed.get(place, [])
        return point not in self._needed and _says(listed, place[0], point)

    def _place_of(self, edit: Edit) -> Place | None:
        """Return the list that the edit changes; None if it is not a plain list."""
        anchor = (edit.after if edit.op == "add" else edit.find).strip("\n")
        if not anchor.strip():
            found = self._outline.find_sections(edit.section)
            return self._standing.ends.get(found[0], (found[0], None)) if len(found) == 1 else None
        first = anchor.split("\n", maxsplit=1)[0].rstrip()
        if edit.op == "remove" or self._lines.count(first) != 1:
            return None
        return self._standing.places.get(self._lines.index(first))


def _says(listed: Sequence[Point], heading: Heading, point: Point) -> bool:
    """Does a section have `point`, and nothing later that may contradict it?"""
    if point not in listed:
        return False
    last = len(listed) - 1 - listed[::-1].index(point)
    later = (other for _, other in listed[last + 1 :])
    return bool(point[0]) or not (is_recent(heading) and is_close_to_any(point[1], later))


def _point(line: str) -> Point:
    return day(line), words(line)


def _is_plain_point(line: str) -> bool:
    return _leading_blanks(line) == 0 and is_list_item(line)


def _plain_lines(outline: Outline) -> Iterable[tuple[int, Heading, int | None]]:
    """Yield each line of plain text: its number, its heading, and the line that introduces it.

    An introduction such as ``At the office:`` limits what follows to a time or a place.
    """
    heading: Heading | None = None
    by_line = {found.line: found for found in outline.headings}
    introduced: int | None = None
    for number, kind in enumerate(outline.kinds):
        heading, line = by_line.get(number, heading), outline.lines[number]
        if heading is not None and kind is Kind.TEXT and line.strip():
            yield number, heading, introduced
        introduced = _introduction_after(outline, number, introduced)


def _introduction_after(outline: Outline, number: int, introduced: int | None) -> int | None:
    """Return the line that introduces the text after line `number`; `introduced` was the last."""
    line = outline.lines[number]
    if outline.kinds[number] is Kind.HEADING:
        return None
    if not line.strip() or is_list_item(line) or _leading_blanks(line) > 0:
        return introduced
    return number if line.rstrip(" \r\n*_").endswith((":", "\uff1a")) else None


def _is_single_line_point(outline: Outline, number: int) -> bool:
    """Is this line a whole list item, without further lines or items below it?"""
    line = outline.lines[number]
    if not is_list_item(line) or _leading_blanks(line) > 0:
        return False
    below = outline.lines[number + 1] if number + 1 < len(outline.lines) else ""
    return not below.strip() or (is_list_item(below) and _leading_blanks(below) == 0)


def _leading_blanks(line: str) -> int:
    return len(line) - len(line.lstrip())
