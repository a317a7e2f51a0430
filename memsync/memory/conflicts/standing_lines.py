"""Which versions have which lines: a bit mask of events for each line, made once for all questions.

A question about a line and the ancestors of a version is then one operation on two numbers,
however many versions there are. Pure: events and texts in, answers out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache

from memsync.memory.history.ancestry import Ancestry

FindText = Callable[[str], str | None]
"""Returns the text with a digest, or None if it is not kept."""

_DATED_NOTE = re.compile(r"- \d{4}-\d\d-\d\d: ")


class StandingLines:
    """The lines of all versions that are kept; versions that come in later are read when asked."""

    def __init__(self, graph: Ancestry, find: FindText) -> None:
        self._graph = graph
        self._find = find
        self._masks: dict[str, int] = {}
        self._seen = 0
        self._lacking: list[int] = []  # events whose text was not kept when it was looked for
        self._lines = lru_cache(maxsize=64)(self._kept_lines)

    def lines_of(self, name: str) -> frozenset[str]:
        """Return the lines of a version, without those that are blank; none if it is not kept."""
        try:
            return self._lines(name)
        except KeyError:  # not remembered: it may be kept later, and is no empty text
            return frozenset()

    def _kept_lines(self, name: str) -> frozenset[str]:
        text = self._find(name)
        if text is None:
            raise KeyError(name)
        return frozenset(line.strip() for line in text.split("\n")) - {""}

    def in_ancestors(self, event: int, lines: Iterable[str]) -> frozenset[str]:
        """Return those lines that a version has from which the version of an event comes."""
        self._take_in(())
        line_of_descent = self._graph.ancestors_of(event)
        return frozenset(line for line in lines if self._masks.get(line, 0) & line_of_descent)

    def has_telling(self, event: int, lines: Iterable[str], later: str) -> bool:
        """Is one of the lines telling, and only in the version of an event and in `later`?

        What comes from either may have the line, too. If the version has no parents, versions
        without a log entry may descend from it as well.
        """
        self._take_in(())
        telling = [line for line in lines if _is_telling(line)]
        if not telling:
            return False
        graph, began_anew = self._graph, not self._graph.parents(event)
        descent = graph.descendants_of(event)
        return any(
            all(
                graph.comes_from(name, event)
                or graph.descends(name, later)
                or (began_anew and not graph.knows(name))
                for name in map(graph.text_of, _bits(self._masks.get(line, 0) & ~descent))
            )
            for line in telling
        )

    def look_again(self) -> None:
        """Read the versions that were not kept when they were looked for, if they are now."""
        lacking, self._lacking = self._lacking, []
        self._take_in(lacking)

    def _take_in(self, again: Iterable[int]) -> None:
        """Read the versions that came since the last question, and those to be looked for again."""
        known = len(self._graph.events())
        waiting = [*again, *range(self._seen, known)]
        self._seen = known
        by_name: dict[str, int] = {}
        for event in waiting:
            name = self._graph.text_of(event)
            by_name[name] = by_name.get(name, 0) | 1 << event
        for name, bits in by_name.items():
            text = self._find(name)
            if text is None:
                self._lacking += _bits(bits)
                continue
            for line in {line.strip() for line in text.split("\n")}:
                self._masks[line] = self._masks.get(line, 0) | bits


def _bits(mask: int) -> list[int]:
    """Return the numbers of the bits that are set."""
    found = []
    while mask:
        lowest = mask & -mask
        found.append(lowest.bit_length() - 1)
        mask ^= lowest
    return found


def _is_telling(line: str) -> bool:
    """Is it unlikely that a second machine wrote this line by itself?

    It may write the same heading, or the same note if both merged it without a model.
    """
    return len(line) >= 12 and not line.startswith("#") and not _DATED_NOTE.match(line)
