"""What stands in a memory already, in other clothes: new lines that say nothing new.

A line is a repeat only where dropping it loses nothing. So it must say the very same (see
`nearness`), what it repeats must mean by itself what it says, and no recent note may say something
else about the same thing: who moved to Turin and back says "I live in Oslo" twice, and means it.
What happened on two days happened twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from memsync.text.document import Heading, Kind, Outline, is_list_item, scan
from memsync.text.edits import Edit
from memsync.text.similarity import Words, day, is_close_to_any, is_lasting, words

LEAST_WORDS = 2
"""A line of fewer words says too little by itself to be taken for a repeat."""

Point = tuple[str, Words]
"""What a point says, and the day it is dated by."""

Place = tuple[Heading, int | None]
"""Where a list stands: under which heading, and behind which line that introduces it, if any."""

_NOTES = re.compile(r"recent notes\b", re.IGNORECASE)
_RECENT = re.compile(r"recent\b", re.IGNORECASE)
# Sections about the person as such. What stands elsewhere holds for a project, a language, someone
# else, for a while, or is ruled out there, and a note that says it may mean more.
_GENERAL = frozenset(
    {"my", "about", "me", "who", "i", "am", "user", "personal", "general", "identity", "profile"}
    | {"background", "facts", "preferences", "communication", "working", "coding", "style"}
    | {"habits", "hard", "constraints", "and", "the", "of", "how", "like", "things", "done", "work"}
)


def is_recent(heading: Heading) -> bool:
    """Tell whether a section holds what came in lately: ``Recent notes``, ``Recent decisions``."""
    return _RECENT.match(heading.text) is not None


class KnownLines:
    """What the lines of a memory say, those that stand by themselves."""

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
            is_point = _is_whole_point(outline, number)
            alone = is_point and introduced is None
            if is_point:
                self.places[number] = heading, introduced
                self.listed.setdefault((heading, introduced), []).append((day(line), words(line)))
            self.ends[heading] = heading, _introduced_behind(outline, number, introduced)
            if alone and _NOTES.match(heading.text):
                self._recent.append((day(line), words(line)))
            elif is_recent(heading):
                self._other.append(words(line))
            elif alone:
                self.by_heading.setdefault(heading, []).append(words(line))

    def says(self, bullet: str) -> bool:
        """Tell whether a dated bullet, the newest of all, would add nothing."""
        on, said = day(bullet), words(bullet)
        if len(said) < LEAST_WORDS or said in self._other:
            return False
        if is_close_to_any(said, (*self._other, *(told for _, told in self._recent))):
            return False
        lasts = is_lasting(said)
        if any(said == told and (lasts or on == told_on) for told_on, told in self._recent):
            return True
        general = (told for where, told in self.by_heading.items() if self._is_general(where))
        return lasts and any(said in told for told in general)

    def take(self, bullet: str) -> None:
        """Count a bullet as the newest of the recent notes."""
        if "\n" in bullet:
            self._other.append(words(bullet.split("\n", maxsplit=1)[0]))
        else:
            self._recent.append((day(bullet), words(bullet)))

    def _is_general(self, heading: Heading) -> bool:
        """Tell whether what stands under a heading holds in general, as a note by itself does."""
        above = heading.parents[1:] if self._has_one_title else heading.parents
        names = " ".join((*above, heading.text)).casefold()
        return heading.level > 1 and set(re.findall(r"[\w']+", names)) <= _GENERAL


def without_repeats(memory: str, edits: Sequence[Edit]) -> tuple[Edit, ...]:
    """Return the edits without the points of plain lists that their section has already.

    A point that another edit of the list takes away is not there any more, and is kept; so is one
    that another edit is put behind. A replace of which nothing new is left becomes a remove.
    """
    desk = _Desk(memory, edits)
    return tuple(left for edit in edits if (left := desk.without_repeats(edit)) is not None)


class _Desk:
    """A memory, and a list of edits of it, each looked at in turn."""

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
        """Return the edit as far as it says something new; None where it says nothing."""
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
        """Return where the text comes to stand; None where that is no plain list."""
        anchor = (edit.after if edit.op == "add" else edit.find).strip("\n")
        if not anchor.strip():
            found = self._outline.find_sections(edit.section)
            return self._standing.ends.get(found[0], (found[0], None)) if len(found) == 1 else None
        first = anchor.split("\n", maxsplit=1)[0].rstrip()
        if edit.op == "remove" or self._lines.count(first) != 1:
            return None
        return self._standing.places.get(self._lines.index(first))


def _says(listed: Sequence[Point], heading: Heading, point: Point) -> bool:
    """Tell whether a section says `point`, and nothing later that may take it back."""
    if point not in listed:
        return False
    last = len(listed) - 1 - listed[::-1].index(point)
    later = (told for _, told in listed[last + 1 :])
    return bool(point[0]) or not (is_recent(heading) and is_close_to_any(point[1], later))


def _point(line: str) -> Point:
    return day(line), words(line)


def _is_plain_point(line: str) -> bool:
    return _indent(line) == 0 and is_list_item(line)


def _plain_lines(outline: Outline) -> Iterable[tuple[int, Heading, int | None]]:
    """Return the lines of plain text by number, each with the heading it stands under.

    And with the line like ``At the office:`` that introduces it, which says when or where it holds.
    """
    heading: Heading | None = None
    by_line = {found.line: found for found in outline.headings}
    introduced: int | None = None
    for number, kind in enumerate(outline.kinds):
        heading, line = by_line.get(number, heading), outline.lines[number]
        if heading is not None and kind is Kind.TEXT and line.strip():
            yield number, heading, introduced
        introduced = _introduced_behind(outline, number, introduced)


def _introduced_behind(outline: Outline, number: int, introduced: int | None) -> int | None:
    """Return the line that introduces what stands behind line `number`, before it `introduced`."""
    line = outline.lines[number]
    if outline.kinds[number] is Kind.HEADING:
        return None
    if not line.strip() or is_list_item(line) or _indent(line) > 0:
        return introduced
    return number if line.rstrip(" \r\n*_").endswith((":", "\uff1a")) else None


def _is_whole_point(outline: Outline, number: int) -> bool:
    """Tell whether a line is a point of a list, whole, and without points of its own."""
    line = outline.lines[number]
    if not is_list_item(line) or _indent(line) > 0:
        return False
    below = outline.lines[number + 1] if number + 1 < len(outline.lines) else ""
    return not below.strip() or (is_list_item(below) and _indent(below) == 0)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
