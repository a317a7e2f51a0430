"""A memory as text: which lines are headings, what belongs to a section, what is a constraint.

Text in, facts out; nothing here reads or writes a file. The rules are CommonMark's for ATX and
setext headings, fences (also in list items) and comments that begin a line, read more widely in
one respect: a heading counts even where an HTML tag stands on the line above it, because people
write `<rules>` right over `# Rules` and mean a heading. Front matter is opaque.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

CONSTRAINT_NAMES = frozenset({"hard constraints", "constraints"})

_ATX = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*?))??(?:[ \t]+#+)?[ \t]*$")
_SETEXT = re.compile(r" {0,3}(=+|-+)[ \t]*$")
_LIST_MARKERS = re.compile(r"[ \t]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)*")
_LIST_ITEM = re.compile(r"[ \t]*(?:[-*+]|\d{1,9}[.)])(?:[ \t]|$)")
_FENCE = re.compile(r"(`{3,}(?=[^`]*$)|~{3,})")


class Kind(Enum):
    """What a line is part of."""

    TEXT = "text"
    HEADING = "heading"
    CODE = "code"
    COMMENT = "comment"
    FRONT_MATTER = "front matter"


@dataclass(frozen=True)
class Heading:
    """One heading: its lines, level, text, and the texts of the headings above it."""

    line: int
    body: int
    level: int
    text: str
    parents: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """The heading's address where its text alone is none: ``Parent > Child``."""
        return " > ".join((*self.parents, self.text))

    @property
    def is_constraint(self) -> bool:
        """Whether what stands under this heading may only be added to."""
        name = re.split(r"[(:\u2013\u2014]", self.text, maxsplit=1)[0]
        return " ".join(re.findall(r"[^\W\d_]+", name)).casefold() in CONSTRAINT_NAMES


@dataclass(frozen=True)
class Outline:
    """A scanned text. Line numbers count from 0; `lines` keep their line endings."""

    lines: tuple[str, ...]
    kinds: tuple[Kind, ...]
    headings: tuple[Heading, ...]
    open_fence: str
    """The line that would close a fence left open at the end of the text; empty if none is."""

    def section_end(self, heading: Heading) -> int:
        """Return the line behind the section: the next heading that is not below this one."""
        return self._end(heading, heading.level)

    def body_end(self, heading: Heading) -> int:
        """Return the line behind the heading's own text: the next heading of any level."""
        return self._end(heading, 6)

    def _end(self, heading: Heading, level: int) -> int:
        behind = (h.line for h in self.headings if h.line > heading.line and h.level <= level)
        return next(behind, len(self.lines))

    def constraints(self) -> tuple[str, ...]:
        """Return the lines under constraint headings, in order, without blank ones and endings."""
        found: dict[int, str] = {}
        for heading in self.headings:
            if heading.is_constraint:
                for number in range(heading.body, self.section_end(heading)):
                    content = self.lines[number].rstrip("\r\n")
                    if content.strip():
                        found[number] = content
        return tuple(found[number] for number in sorted(found))

    def find_sections(self, name: str) -> list[Heading]:
        """Return the headings `name` may mean: by text, else by path, else by text in any case.

        Args:
            name: a heading's text, with or without its ``#``, or ``Parent > Child``.
        """
        wanted = name.strip().lstrip("#").strip()
        by_text = [h for h in self.headings if h.text == wanted]
        if by_text:
            return by_text
        parts = [part.strip().lstrip("#").strip() for part in wanted.split(" > ")]
        by_path = [h for h in self.headings if len(parts) > 1 and _is_at(h, parts)]
        return by_path or [h for h in self.headings if h.text.casefold() == wanted.casefold()]


def _is_at(heading: Heading, parts: list[str]) -> bool:
    """Tell whether `parts` are the heading's text and, in order, some of those above it."""
    if heading.text != parts[-1]:
        return False
    above = iter(heading.parents)
    return all(part in above for part in parts[:-1])


def split_lines(text: str) -> list[str]:
    """Return the lines of `text` with their endings; only LF ends a line (CR LF is one ending)."""
    lines = [f"{line}\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


def line_ending(text: str) -> str:
    """Return the ending most lines of `text` have: CR LF or LF."""
    return "\r\n" if text.count("\r\n") * 2 > text.count("\n") else "\n"


def scan(text: str) -> Outline:
    """Return the outline of `text`; any text has one."""
    lines = split_lines(text)
    scanner = _Scanner([line.rstrip("\r\n") for line in lines])
    scanner.run()
    return Outline(
        tuple(lines), tuple(scanner.kinds), _with_parents(scanner.headings), scanner.open_fence
    )


def is_list_item(line: str) -> bool:
    """Tell whether a line begins with a bullet or a number of a list."""
    return _LIST_ITEM.match(line) is not None


def _with_parents(found: list[Heading]) -> tuple[Heading, ...]:
    stack: list[Heading] = []
    placed: list[Heading] = []
    for heading in found:
        while stack and stack[-1].level >= heading.level:
            stack.pop()
        parents = tuple(above.text for above in stack)
        stack.append(heading)
        placed.append(Heading(heading.line, heading.body, heading.level, heading.text, parents))
    return tuple(placed)


class _Scanner:
    """Walks the lines once and gives each its kind."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self.kinds: list[Kind] = []
        self.headings: list[Heading] = []
        self.open_fence = ""
        self._container = 0  # columns a line must be indented by to stay in the fence's list item

    def run(self) -> None:
        self.kinds.extend([Kind.FRONT_MATTER] * self._front_matter())
        while (number := len(self.kinds)) < len(self.lines):
            if self.open_fence:
                self._in_fence(self.lines[number])
            else:
                self._in_text(number, self.lines[number])

    def _front_matter(self) -> int:
        if not self.lines or self.lines[0].removeprefix("\ufeff").rstrip() != "---":
            return 0
        for number, line in enumerate(self.lines[1:], start=1):
            if line.rstrip() in {"---", "..."}:
                return number + 1
        return 0

    def _in_fence(self, line: str) -> None:
        if line.strip() and _indent(line) < self._container:
            self.open_fence = ""  # the list item ended, and its fence with it
            self._in_text(len(self.kinds), line)
            return
        self.kinds.append(Kind.CODE)
        stripped = line.strip()
        if stripped.startswith(self.open_fence.strip()) and not stripped.strip(stripped[0]):
            self.open_fence = ""

    def _in_text(self, number: int, line: str) -> None:
        if number == 0:
            line = line.removeprefix("\ufeff")
        prefix = _LIST_MARKERS.match(line)
        offset = prefix.end() if prefix else 0
        if self._opens_fence(number, line, offset):
            self.kinds.append(Kind.CODE)
        elif line.startswith("<!--", offset):
            self._comment(number, line.find("-->", offset + 4))
        elif atx := _ATX.fullmatch(line):
            self._heading(number, number, len(atx[1]), atx[2] or "")
        elif (underline := _SETEXT.fullmatch(line)) and self._paragraph_start(number) is not None:
            start = self._paragraph_start(number) or 0
            self.kinds[start:] = [Kind.HEADING] * (number - start)
            text = " ".join(part.strip() for part in self.lines[start:number])
            self._heading(start, number, 1 if underline[1][0] == "=" else 2, text)
        else:
            self.kinds.append(Kind.TEXT)

    def _heading(self, first: int, last: int, level: int, text: str) -> None:
        self.kinds.append(Kind.HEADING)
        self.headings.append(Heading(first, last + 1, level, text.strip()))

    def _comment(self, number: int, closed_at: int) -> None:
        if closed_at >= 0:
            self.kinds.append(Kind.COMMENT)
            return
        for last in range(number + 1, len(self.lines)):
            if "-->" in self.lines[last]:
                self.kinds.extend([Kind.COMMENT] * (last + 1 - number))
                return
        self.kinds.append(Kind.TEXT)  # never closed: hides nothing, so that no constraint hides

    def _opens_fence(self, number: int, line: str, offset: int) -> bool:
        fence = _FENCE.match(line, offset)
        if fence is None:
            return False
        in_item = line[:offset].strip() != ""
        container = _width(line[:offset]) if in_item else self._list_column(number, line)
        if not in_item and _indent(line) - container > 3:
            return False  # an indented code block that shows a fence
        self._container = container
        self.open_fence = " " * container + fence[1]
        return True

    def _list_column(self, number: int, line: str) -> int:
        """Return the column where the text of the list item around this line begins; 0 if none."""
        indent = _indent(line)
        if indent < 2:
            return 0
        for above in reversed(self.lines[:number]):
            if not above.strip():
                continue
            marker = _LIST_MARKERS.match(above)
            column = _width(marker[0]) if marker else 0
            if is_list_item(above) and column <= indent:
                return column
            if _indent(above) == 0:
                return 0
        return 0

    def _paragraph_start(self, number: int) -> int | None:
        """Return where the paragraph above line `number` begins; None if there is none."""
        start = number
        while start > 0 and self.kinds[start - 1] is Kind.TEXT and self.lines[start - 1].strip():
            start -= 1
        paragraph = self.lines[start:number]
        if not paragraph or _indent(paragraph[0]) > 3:
            return None
        if any(is_list_item(line) or line.lstrip()[0] in "><|" for line in paragraph):
            return None
        return start


def _indent(line: str) -> int:
    return _width(line[: len(line) - len(line.lstrip(" \t"))])


def _width(prefix: str) -> int:
    return len(prefix.expandtabs(4))
