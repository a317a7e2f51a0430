"""The Markdown scanner: one walk over the lines finds the kind of each line, and the headings.

`document` says which rules of CommonMark it follows, and where it differs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

CONSTRAINT_NAMES = frozenset({"hard constraints", "constraints"})

_ATX = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*?))??(?:[ \t]+#+)?[ \t]*$")
_SETEXT = re.compile(r" {0,3}(=+|-+)[ \t]*$")
_RULE = re.compile(r" {0,3}(?:(?:-[ \t]*){3,}|(?:\*[ \t]*){3,}|(?:_[ \t]*){3,})$")
_LINK_TARGET = re.compile(r" {0,3}\[[^\]]+\]:[ \t]*\S+[ \t]*$")
_LIST_MARKERS = re.compile(r"[ \t]*(?:(?:[-*+]|\d{1,9}[.)])(?:[ \t]+|$))*")
_INTERRUPTS = re.compile(r"[ \t]*(?:[-*+]|1[.)])[ \t]+\S")
_CONTAINERS = re.compile(r"[ \t]*(?:(?:[-*+]|\d{1,9}[.)])(?:[ \t]+|$)|>[ \t]?)*")
_LIST_ITEM = re.compile(r"[ \t]*(?:[-*+]|\d{1,9}[.)])(?:[ \t]|$)")
_FENCE = re.compile(r"(`{3,}(?=[^`]*$)|~{3,})")


class Kind(Enum):
    """What a line belongs to."""

    TEXT = "text"
    HEADING = "heading"
    CODE = "code"
    COMMENT = "comment"
    FRONT_MATTER = "front matter"


@dataclass(frozen=True)
class Heading:
    """One heading: its line, the line after it, its level, its text and its parents' texts."""

    line: int
    body: int
    level: int
    text: str
    parents: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """The heading's address, for a text that occurs twice: ``Parent > Child``."""
        return " > ".join((*self.parents, self.text))

    @property
    def is_constraint(self) -> bool:
        """Is this a heading of constraints, under which lines may only be added?"""
        name = re.split(r"[(\[:\u2013\u2014]|\s-\s", self.text, maxsplit=1)[0]
        return " ".join(re.findall(r"[^\W\d_]+", name)).casefold() in CONSTRAINT_NAMES


def is_list_item(line: str) -> bool:
    """Does the line begin with the bullet or number of a list?"""
    return _LIST_ITEM.match(line) is not None


class _Open(NamedTuple):
    """What the next line may continue: list items, by the column of their text, and a paragraph."""

    items: tuple[int, ...] = ()
    paragraph: int | None = None
    """The first line of the paragraph that an underline would turn into a heading."""
    is_contained: bool = False
    """Is a paragraph open that cannot become a heading: in an item, a quote, a table or a tag?"""


class Scanner:
    """Walks over the lines once and gives each its kind."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self.kinds: list[Kind] = []
        self.headings: list[Heading] = []
        self.open_fence = ""
        self._fences: set[int] = set()  # the lines that open a fence
        self._open: list[_Open] = []  # what is open after each line, as far as known
        self._last_close = max((n for n, line in enumerate(lines) if "-->" in line), default=-1)
        self._container = 0  # the least indent of a line in the fence's list item

    def run(self) -> None:
        """Walk over all lines and fill `kinds`, `headings` and `open_fence`."""
        self.kinds.extend([Kind.FRONT_MATTER] * self._front_matter())
        while (number := len(self.kinds)) < len(self.lines):
            if self.open_fence:
                self._in_fence(self.lines[number])
            else:
                self._in_text(number, self.lines[number])

    def _front_matter(self) -> int:
        if len(self.lines) < 2 or self.lines[0].rstrip() != "---" or not self.lines[1].strip():
            return 0  # `---` with a blank line below it is a horizontal rule
        for number, line in enumerate(self.lines[1:], start=1):
            if line.rstrip() in {"---", "..."}:
                return number + 1
        return 0

    def _in_fence(self, line: str) -> None:
        if line.strip() and _indent_width(line) < self._container:
            self.open_fence = ""  # the list item ended, and its fence with it
            self._in_text(len(self.kinds), line)
            return
        self.kinds.append(Kind.CODE)
        stripped = line.strip()
        is_close = stripped.startswith(self.open_fence.strip()) and not stripped.strip(stripped[0])
        if is_close and _indent_width(line) - self._container <= 3:
            self.open_fence = ""

    def _in_text(self, number: int, line: str) -> None:
        offset = _end(_LIST_MARKERS, line)
        if self._opens_fence(number, line, offset):
            self.kinds.append(Kind.CODE)
        elif comment := self._comment(number, line, offset):
            self.kinds.extend([Kind.COMMENT] * comment)
        elif (atx := _ATX.fullmatch(line)) and not self._list_column(number, line):
            self._heading(number, number, len(atx[1]), atx[2] or "")
        elif (underline := _SETEXT.fullmatch(line)) and (
            start := self._before(number).paragraph
        ) is not None:
            del self._open[start:]
            self.kinds[start:] = [Kind.HEADING] * (number - start)
            text = " ".join(part.strip() for part in self.lines[start:number])
            self._heading(start, number, 1 if underline[1][0] == "=" else 2, text)
        else:
            self.kinds.append(Kind.TEXT)

    def _heading(self, first: int, last: int, level: int, text: str) -> None:
        self.kinds.append(Kind.HEADING)
        self.headings.append(Heading(first, last + 1, level, text.strip()))

    def _comment(self, number: int, line: str, offset: int) -> int:
        """Return how many lines the comment that begins here has; 0 if none begins here.

        A comment that is never closed does not count, so that it cannot hide a constraint.
        """
        is_comment = line.startswith("<!--", offset)
        container = self._container_at(number, line, offset) if is_comment else None
        if container is None:
            return 0
        if "-->" in line[offset + 2 :]:
            return 1
        for last in range(number + 1, self._last_close + 1):
            below = self.lines[last]
            if below.strip() and _indent_width(below) < container:
                return 0
            if "-->" in below:
                return last + 1 - number
        return 0

    def _opens_fence(self, number: int, line: str, offset: int) -> bool:
        fence = _FENCE.match(line, offset)
        container = self._container_at(number, line, offset) if fence else None
        if fence is None or container is None:
            return False
        self._container = container
        self._fences.add(number)
        self.open_fence = " " * container + fence[1]
        return True

    def _container_at(self, number: int, line: str, offset: int) -> int | None:
        """Return the column where this line's list item begins; None in indented code."""
        if line[:offset].strip():
            return _width(line[:offset])
        column = self._list_column(number, line)
        return column if _indent_width(line) - column <= 3 else None

    def _list_column(self, number: int, line: str) -> int:
        """Return the column where the text of this line's list item begins; 0 outside of lists."""
        indent = _indent_width(line)
        return max((column for column in self._before(number).items if column <= indent), default=0)

    def _before(self, number: int) -> _Open:
        """Return what is open above a line; kept for every line, so that a scan is one walk."""
        while (at := len(self._open)) < number:
            above = self._open[-1] if at else _Open()
            self._open.append(self._behind(at, self.lines[at], above))
        return self._open[number - 1] if number else _Open()

    def _behind(self, number: int, line: str, above: _Open) -> _Open:
        if not line.strip():
            return _Open(above.items)
        if self.kinds[number] is Kind.HEADING:
            return _Open()
        items = above.items
        if not self._is_lazy(number, line):
            items = tuple(column for column in items if column <= _indent_width(line))
        shown = self.kinds[number] is Kind.CODE and number not in self._fences
        own = 0 if shown else _text_column(line, self.lines[number + 1])
        return self._paragraph_behind(number, line, above, (*items, own) if own else items)

    def _is_lazy(self, number: int, line: str) -> bool:
        """Does this line continue the line above, whatever its own indent?"""
        is_text = number > 0 and self.kinds[number - 1] is self.kinds[number] is Kind.TEXT
        begins_anew = is_list_item(line) or line.lstrip()[0] == ">" or _RULE.fullmatch(line)
        return is_text and not begins_anew and _can_run_on(self.lines[number - 1])

    def _paragraph_behind(
        self, number: int, line: str, above: _Open, items: tuple[int, ...]
    ) -> _Open:
        if self.kinds[number] is not Kind.TEXT or _RULE.fullmatch(line):
            return _Open(items)
        if self._is_contained(number, line, inside=above.paragraph is not None):
            return _Open(items, None, line[0] in "<|" or _can_run_on(line))
        begins = above.paragraph is None and not above.is_contained and _indent_width(line) <= 3
        if begins and not _LINK_TARGET.match(line):
            return _Open(items, number)
        return _Open(items, above.paragraph, above.is_contained)

    def _is_contained(self, number: int, line: str, *, inside: bool) -> bool:
        """Does the line belong to a list item, a quote, a table or a tag?"""
        if is_list_item(line):
            return not inside or _INTERRUPTS.match(line) is not None
        is_block = line.lstrip(" \t")[0] in "><|" and _indent_width(line) <= 3
        return is_block or (not inside and self._list_column(number, line) > 0)


def _can_run_on(line: str) -> bool:
    """Can the next line continue this one as a paragraph?"""
    inner = line[_end(_CONTAINERS, line) :]
    markup = _RULE.fullmatch(line) or _ATX.fullmatch(inner) or _FENCE.match(inner)
    return inner.strip() != "" and not markup and not inner.startswith("<")


def _end(pattern: re.Pattern[str], line: str) -> int:
    found = pattern.match(line)
    return found.end() if found else 0


def _text_column(line: str, below: str) -> int:
    """Return the column where the text of this list item begins; 0 if there is no item or text."""
    if not is_list_item(line) or _RULE.fullmatch(line):
        return 0
    markers = line[: _end(_LIST_MARKERS, line)]
    if markers != line:
        return _width(markers)
    return _width(line.rstrip()) + 1 if below.strip() else 0


def _indent_width(line: str) -> int:
    return _width(line[: len(line) - len(line.lstrip(" \t"))])


def _width(prefix: str) -> int:
    return len(prefix.expandtabs(4))
