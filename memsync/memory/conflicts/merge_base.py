"""Which text was made from which: what the machines wrote down, and what the texts show.

Pure: events and texts in, answers out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from enum import Enum

from memsync.memory.history.ancestry import Ancestry

DEEP_ENOUGH = 50
"""How many texts are looked back through that only took lines away."""

_DATED_NOTE = re.compile(r"- \d{4}-\d\d-\d\d: ")

FindText = Callable[[str], str | None]
"""Returns the text with a digest, or None where it is not kept."""


class Relation(Enum):
    """What became of a text that this machine knew, now that another stands in its place."""

    INCLUDED = "the present text was made from it"
    CLAIMED = "the present text was made from it by hand; nobody wrote that down yet"
    MISSED = "the present text was made without it"
    UNCLEAR = "that cannot be told yet"


class Ancestors:
    """What is written down, and what the texts themselves show where nobody wrote."""

    def __init__(self, graph: Ancestry, find: FindText) -> None:
        self.graph = graph
        self._find = find
        self._lines: dict[str, frozenset[str]] = {}

    def judge(self, present: str, known: str, *, alone: bool) -> Relation:
        """Return what became of the text `known` where `present` is the memory (both digests).

        Args:
            present: the memory now.
            known: what this machine had before.
            alone: whether no other machine could have written the memory.
        """
        if self.graph.descends(present, known):
            return Relation.INCLUDED
        went_back = self.graph.descends(known, present)
        if went_back or not self.graph.knows(present):
            by_hand = alone or (not went_back and self._shows_text(present, known))
            return Relation.CLAIMED if by_hand else Relation.UNCLEAR
        untraced = self.graph.untraced(present, known)
        if any(self._shows_text(text, known) for text in untraced):
            return Relation.CLAIMED
        return Relation.UNCLEAR if untraced else Relation.MISSED

    def first_contact(self, present: str) -> str | None:
        """Return the newest text that the memory `present` shows it was made from.

        None where it is written down, or shows none.
        """
        if self.graph.knows(present):
            return None
        shown = (n for n in self.graph.events() if self.shows(present, n))
        return next(map(self.graph.text_of, shown), None)

    def base_of(self, present: str, other: str) -> str | None:
        """Return the text both were made from; None where none is known for sure.

        Where nobody wrote down what one of them was made from, it is the newest text of which that
        one shows that its author had it. An older one than the true one takes no line away.
        """
        if self.graph.descends(other, present):
            return self._find(present)
        authors = (_Author(self, present, other), _Author(self, other, present))
        for event in self.graph.events():
            text = self._find(self.graph.text_of(event))
            if text is not None and all(author.had(event) for author in authors):
                return text
        return None

    def _shows_text(self, later: str, name: str) -> bool:
        return any(self.shows(later, head, lenient=True) for head in self.graph.heads(name))

    def shows(self, later: str, event: int, *, lenient: bool = False, depth: int = 0) -> bool:
        """Tell whether the text `later` shows that its author had the text that came to be.

        It has all its lines, and none that was gone by then; or a line only that text brought and
        nobody else would have written alike (all of them, where not all is known it was made from);
        or all lines it brought and none it took away, and shows as much of those it was made from.
        Of a text nobody wrote down nothing can be said.

        Args:
            later: the later text.
            event: when the earlier text came to be.
            lenient: whether to go by what is kept where what it was made from is not.
            depth: how many texts were looked back through so far.
        """
        graph, name = self.graph, self.graph.text_of(event)
        parents = graph.parents(event)
        origin = [graph.text_of(parent) for parent in parents]
        if not graph.has_origin(event) or depth > DEEP_ENOUGH or self._find(name) is None:
            return False
        is_kept = all(self._find(text) is not None for text in origin)
        if not is_kept and not lenient:
            return False
        had, lines = self._lines_of(later), self._lines_of(name)
        earlier = frozenset().union(*map(self._lines_of, graph.before(event)))
        if lines <= had and had.isdisjoint(earlier - lines):
            return True
        brought = lines - earlier
        own = frozenset() if graph.is_return(event) else brought & had
        telling = any(map(_is_telling, self._only_in(event, own, later)))
        if telling and (brought <= had or (is_kept and graph.is_all_of(event))):
            return True
        taken = frozenset().union(*map(self._lines_of, origin)) - lines
        return (
            brought <= had
            and had.isdisjoint(taken)
            and all(self.shows(later, n, lenient=lenient, depth=depth + 1) for n in parents)
        )

    def _only_in(self, event: int, lines: frozenset[str], later: str) -> frozenset[str]:
        """Return those lines that no text has but that of an event, `later`, and what they became.

        A text nobody wrote down may be made from it, too, where it is a beginning.
        """
        graph = self.graph
        others: Iterable[str] = (
            name
            for name in graph.all()
            if lines and not graph.comes_from(name, event) and not graph.descends(name, later)
        )
        if not graph.parents(event):
            others = filter(graph.knows, others)
        return lines.difference(*map(self._lines_of, others))

    def _lines_of(self, name: str) -> frozenset[str]:
        if name not in self._lines:
            text = self._find(name)
            if text is None:  # it may yet come to hand, and is no empty text then
                return frozenset()
            self._lines[name] = frozenset(line.strip() for line in text.split("\n")) - {""}
        return self._lines[name]


class _Author:
    """Which texts the author of one text had, asked from the newest to the oldest."""

    def __init__(self, kinship: Ancestors, text: str, beside: str) -> None:
        self._kinship, self._text, self._graph = kinship, text, kinship.graph
        self._is_traced = self._graph.knows(text) and not self._graph.untraced(text, beside)
        self._shown: list[int] = []

    def had(self, event: int) -> bool:
        if self._graph.comes_from(self._text, event):
            return True
        if self._is_traced:
            return False
        if any(self._graph.has(shown, event) for shown in self._shown):
            return True
        if self._kinship.shows(self._text, event):
            self._shown.append(event)
            return True
        return False


def _is_telling(line: str) -> bool:
    """Tell whether no second machine would have come by this line itself.

    It would by a heading, and by a note that both merged without a model.
    """
    return len(line) >= 12 and not line.startswith("#") and not _DATED_NOTE.match(line)
