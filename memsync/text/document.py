"""The outline of a memory: its headings, sections and constraints.

The rules are CommonMark's for ATX and setext headings, for fences (in list items, too) and for
comments that begin a line. There is one exception: a heading counts even if the line above it is an
HTML tag, because people write `<rules>` right above `# Rules`. Front matter is not looked into.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from memsync.text.markdown import Heading, Kind, Scanner, is_list_item


@dataclass(frozen=True)
class Outline:
    """A scanned text. Line numbers count from 0; `lines` keep their line endings."""

    lines: tuple[str, ...]
    kinds: tuple[Kind, ...]
    headings: tuple[Heading, ...]
    open_fence: str
    """The line that would close a code fence left open at the end; empty if none is open."""

    def section_end(self, heading: Heading) -> int:
        """Return the line after the section: the next heading of the same or a higher level."""
        return self._end(heading, heading.level)

    def body_end(self, heading: Heading) -> int:
        """Return the line after the heading's own text: the next heading of any level."""
        return self._end(heading, 6)

    def _end(self, heading: Heading, level: int) -> int:
        behind = (h.line for h in self.headings if h.line > heading.line and h.level <= level)
        return next(behind, len(self.lines))

    def constraints(self) -> tuple[str, ...]:
        """Return the lines under constraint headings, without blank lines and without endings."""
        found: dict[int, str] = {}
        for heading in self.headings:
            if heading.is_constraint:
                for number in range(heading.body, self.section_end(heading)):
                    content = self.lines[number].rstrip("\r\n")
                    if content.strip():
                        found[number] = content
        return tuple(found[number] for number in sorted(found))

    def find_sections(self, name: str) -> list[Heading]:
        """Return the headings that `name` can mean: by text, else by path, else ignoring case.

        Args:
            name: a heading's text, with or without its ``#``, or ``Parent > Child``.
        """
        wanted = title(name)
        by_text = [h for h in self.headings if h.text in {wanted, name.strip()}]
        if by_text:
            return by_text
        parts = [title(part) for part in wanted.split(" > ")]
        by_path = [
            h for h in self.headings if h.path == wanted or (len(parts) > 1 and _is_at(h, parts))
        ]
        return by_path or [h for h in self.headings if h.text.casefold() == wanted.casefold()]


def title(name: str) -> str:
    """Return the text of a heading without the ``#`` before and after it."""
    return re.sub(r"[ \t]+#+$", "", name.strip().lstrip("#")).strip()


def _is_at(heading: Heading, parts: list[str]) -> bool:
    """Is the last of `parts` this heading's text, and the others headings above it, in order?"""
    if heading.text != parts[-1]:
        return False
    above = iter(heading.parents)
    return all(part in above for part in parts[:-1])


def split_lines(text: str) -> list[str]:
    """Return the lines of `text` with their endings; only LF and CR LF end a line."""
    lines = [f"{line}\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


def line_ending(text: str) -> str:
    """Return the ending that most lines of `text` have: CR LF or LF."""
    return "\r\n" if text.count("\r\n") * 2 > text.count("\n") else "\n"


def scan(text: str) -> Outline:
    """Return the outline of `text`; every text has one."""
    lines = split_lines(text)
    contents = [line.rstrip("\r\n") for line in lines]
    contents[:1] = [line.removeprefix("\ufeff") for line in contents[:1]]
    scanner = Scanner(contents)
    scanner.run()
    return Outline(
        tuple(lines), tuple(scanner.kinds), _with_parents(scanner.headings), scanner.open_fence
    )


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


__all__ = [
    "Heading",
    "Kind",
    "Outline",
    "is_list_item",
    "line_ending",
    "scan",
    "split_lines",
    "title",
]
