"""Which text was made from which, as far as the machines wrote it down.

Pure: events in, answers out. An event says that a text (named by its digest) was made from others.
The same text may come back (a restore), so what is related are events, not digests.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum

DEEP_ENOUGH = 50
"""How many texts are looked back through that only took lines away."""

_DATED_NOTE = re.compile(r"- \d{4}-\d\d-\d\d: ")

FindText = Callable[[str], str | None]
"""Returns the text with a digest, or None where it is not kept."""


@dataclass(frozen=True, order=True)
class Event:
    """At `moment` (ISO 8601, UTC) a text came to be, made from `parents`; none began anew."""

    moment: str
    digest: str
    parents: tuple[str, ...]


class Graph:
    """The events of all machines. A digest nobody wrote down is known to be a text, no more."""

    def __init__(self, events: Iterable[Event]) -> None:
        self._names: list[str] = []
        self._lines: list[int] = []  # for each event a bit mask: itself and all it comes from
        self._events_of: dict[str, list[int]] = {}
        self._parents: list[tuple[str, ...] | None] = []  # None: of this nobody wrote
        self._place_all(sorted(set(events)))

    def _place_all(self, waiting: list[Event]) -> None:
        """Place each event behind those it comes from; the clocks of machines may differ."""
        named = {event.digest for event in waiting}
        while waiting:
            ready = next((e for e in waiting if self._is_ready(e, named)), waiting[0])
            waiting.remove(ready)
            self.add(ready.digest, ready.parents)

    def _is_ready(self, event: Event, named: set[str]) -> bool:
        return all(p in self._events_of or p not in named for p in event.parents)

    def _place(self, digest: str, line: int, parents: tuple[str, ...] | None) -> None:
        number = len(self._names)
        self._names.append(digest)
        self._parents.append(parents)
        self._lines.append(line | 1 << number)
        self._events_of.setdefault(digest, []).append(number)

    def add(self, digest: str, parents: tuple[str, ...]) -> None:
        """Have it that a text was made from others, just now."""
        line = 0
        for parent in parents:
            line |= self._line_of(parent)
        self._place(digest, line, parents)

    def _line_of(self, digest: str) -> int:
        if digest not in self._events_of:
            self._place(digest, 0, None)
        line = 0
        for number in self._heads(digest):
            line |= self._lines[number]
        return line

    def _heads(self, digest: str) -> list[int]:
        """Return the events of a text that no later one of the same text comes from."""
        numbers = self._events_of.get(digest, [])
        return [
            n for n in numbers if not any(self._lines[m] >> n & 1 for m in numbers if m != n)
        ] or numbers

    def knows(self, digest: str) -> bool:
        """Tell whether a machine wrote down what this text was made from."""
        numbers = self._events_of.get(digest, [])
        return any(self._parents[number] is not None for number in numbers)

    def parents(self, digest: str) -> tuple[str, ...]:
        """Return what the text was made from when it last came to be."""
        found = {p: None for n in self._heads(digest) for p in self._parents[n] or ()}
        return tuple(found)

    def descends(self, new: str, old: str) -> bool:
        """Tell whether `new` was made from `old`, directly or not, or is the same text."""
        line = self._line_of(new)
        self._line_of(old)
        return any(line >> number & 1 for number in self._heads(old))

    def is_traced(self, digest: str, beside: str) -> bool:
        """Tell whether all that `digest` comes from is written down, or is known to `beside`."""
        stray = self._line_of(digest) & ~self._line_of(beside)
        return all(
            parents is not None or not stray >> number & 1
            for number, parents in enumerate(self._parents)
        )

    def ancestors(self, digest: str) -> list[str]:
        """Return the texts that `digest` comes from, itself among them, newest first."""
        line = self._line_of(digest)
        return [self._names[n] for n in range(len(self._names) - 1, -1, -1) if line >> n & 1]

    def all(self) -> list[str]:
        """Return every text that is written down, newest first."""
        return list(dict.fromkeys(reversed(self._names)))

    def common(self, one: str, other: str) -> list[str]:
        """Return the texts both come from and nothing newer does, newest first."""
        shared = self._line_of(one) & self._line_of(other)
        numbers = [n for n in range(len(self._names)) if shared >> n & 1]
        newest = [n for n in numbers if not any(self._lines[m] >> n & 1 for m in numbers if m != n)]
        return [self._names[n] for n in reversed(newest)]


class Fate(Enum):
    """What became of a text that this machine knew, now that another stands in its place."""

    INCLUDED = "the present text was made from it"
    CLAIMED = "the present text was made from it by hand; nobody wrote that down yet"
    MISSED = "the present text was made without it"
    UNCLEAR = "that cannot be told yet"


class Kinship:
    """What is written down, and what the texts themselves show where nobody wrote."""

    def __init__(self, graph: Graph, find: FindText) -> None:
        self.graph = graph
        self._find = find
        self._lines: dict[str, frozenset[str]] = {}

    def judge(self, present: str, known: str, *, alone: bool) -> Fate:
        """Return what became of the text `known` where `present` is the memory (both digests).

        Args:
            present: the memory now.
            known: what this machine had before.
            alone: whether no other machine could have written the memory.
        """
        if self.graph.descends(present, known):
            return Fate.INCLUDED
        went_back = self.graph.descends(known, present)
        if went_back or not self.graph.knows(present):
            by_hand = alone or (not went_back and self._shows(present, known, lenient=True))
            return Fate.CLAIMED if by_hand else Fate.UNCLEAR
        return Fate.MISSED if self.graph.is_traced(present, known) else Fate.UNCLEAR

    def first_contact(self, present: str) -> str | None:
        """Return the newest text that the memory `present` shows it was made from.

        None where it is written down, or shows none.
        """
        if self.graph.knows(present):
            return None
        return next((name for name in self.graph.all() if self._shows(present, name)), None)

    def base_of(self, present: str, other: str) -> str | None:
        """Return the text both were made from; None where none is known for sure.

        Where nobody wrote down what `other` was made from, it is the newest text from which
        `present` comes and of which `other` shows that its author had it.
        """
        if self.graph.descends(other, present):
            return self._find(present)
        if self.graph.knows(other) and self.graph.is_traced(other, present):
            names: Iterable[str] = self.graph.common(present, other)
        else:
            names = (n for n in self.graph.ancestors(present) if self._shows(other, n))
        return next((text for text in map(self._find, names) if text is not None), None)

    def _shows(self, later: str, name: str, *, lenient: bool = False, depth: int = 0) -> bool:
        """Tell whether the text `later` shows that its author had the text `name`.

        It has a line only `name` brought and nobody else would have written alike; or all lines
        `name` brought, and shows as much of those `name` was made from. Of a text nobody wrote
        down nothing can be said.

        Args:
            later: the later text.
            name: the earlier text.
            lenient: whether to go by what is kept where what `name` was made from is not.
            depth: how many texts were looked back through so far.
        """
        parents = self.graph.parents(name)
        gone = [parent for parent in (name, *parents) if self._find(parent) is None]
        if not self.graph.knows(name) or depth > DEEP_ENOUGH or (gone and not lenient):
            return False
        had = self._lines_of(later)
        if not parents:
            return not had.isdisjoint(self._lines_of(name))
        brought = self._lines_of(name).difference(
            *(self._lines_of(older) for older in self.graph.ancestors(name) if older != name)
        )
        if any(map(_is_telling, self._only_in(name, brought & had))):
            return True
        return brought <= had and all(
            self._shows(later, parent, lenient=lenient, depth=depth + 1) for parent in parents
        )

    def _only_in(self, name: str, lines: frozenset[str]) -> frozenset[str]:
        """Return those lines that no text has but this one, and what was made from it."""
        others = (n for n in self.graph.all() if lines and not self.graph.descends(n, name))
        return lines.difference(*map(self._lines_of, others))

    def _lines_of(self, name: str) -> frozenset[str]:
        if name not in self._lines:
            text = self._find(name) or ""
            self._lines[name] = frozenset(line.strip() for line in text.split("\n")) - {""}
        return self._lines[name]


def _is_telling(line: str) -> bool:
    """Tell whether no second machine would have come by this line itself.

    It would by a heading, and by a note that both merged without a model.
    """
    return len(line) >= 12 and not line.startswith("#") and not _DATED_NOTE.match(line)
