"""The merge base of two versions: from the machines' logs, and from what the texts show.

Pure: events and texts in, answers out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from enum import Enum

from memsync.memory.history.ancestry import Ancestry

DEEP_ENOUGH = 50
"""How many versions are followed back that only removed lines."""

_DATED_NOTE = re.compile(r"- \d{4}-\d\d-\d\d: ")

FindText = Callable[[str], str | None]
"""Returns the text with a digest, or None if it is not kept."""


class Relation(Enum):
    """How the memory relates to a version that this machine knew before."""

    INCLUDED = "the memory was made from it"
    EDITED_BY_HAND = "the memory was made from it by hand; not logged yet"
    MISSING = "the memory was made without it"
    UNKNOWN = "cannot be told yet"


class Ancestors:
    """Answers from the machines' logs, and from the texts themselves if nothing was logged."""

    def __init__(self, graph: Ancestry, find: FindText) -> None:
        self.graph = graph
        self._find = find
        self._lines: dict[str, frozenset[str]] = {}

    def judge(self, present: str, known: str, *, alone: bool) -> Relation:
        """Return how the memory relates to a version that this machine knew.

        Args:
            present: the digest of the memory.
            known: the digest of the version known before.
            alone: True if no other machine could have written the memory.
        """
        if self.graph.descends(present, known):
            return Relation.INCLUDED
        went_back = self.graph.descends(known, present)
        if went_back or not self.graph.knows(present):
            by_hand = alone or (not went_back and self._shows_text(present, known))
            return Relation.EDITED_BY_HAND if by_hand else Relation.UNKNOWN
        untraced = self.graph.untraced(present, known)
        if any(self._shows_text(text, known) for text in untraced):
            return Relation.EDITED_BY_HAND
        return Relation.UNKNOWN if untraced else Relation.MISSING

    def first_contact(self, present: str) -> str | None:
        """Return the newest version that the text of `present` shows it was made from.

        None if its parents are logged, or it shows none.
        """
        if self.graph.knows(present):
            return None
        shown = (n for n in self.graph.events() if self.shows(present, n))
        return next(map(self.graph.text_of, shown), None)

    def base_of(self, present: str, other: str) -> str | None:
        """Return the text of the merge base of two versions; None if none is known for sure.

        If the parents of one are not logged, the base is the newest version which that one shows
        that its author had. A base that is older than the true one removes no line.
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
        """Does the text `later` show that its author had the version of an event?

        It does in three cases:

        - it has all lines of the version, and none that was gone by then;
        - it has a line that only this version added, and that nobody else would have written in
          the same words (all lines it added, if its parents are not known completely);
        - it has all lines the version added, none it removed, and shows the same of its parents.

        A version without a log entry shows nothing.

        Args:
            later: the digest of the later text.
            event: the event by which the earlier version was made.
            lenient: go by the texts that are kept, if those of some parents are not.
            depth: how many versions were followed back so far.
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
        """Return the lines that only the version of an event, `later` and their descendants have.

        If the version has no parents, versions without a log entry may descend from it, too.
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
            if text is None:  # not cached: it may be found later, and is no empty text
                return frozenset()
            self._lines[name] = frozenset(line.strip() for line in text.split("\n")) - {""}
        return self._lines[name]


class _Author:
    """Which versions the author of one text had; to be asked from the newest to the oldest."""

    def __init__(self, ancestors: Ancestors, text: str, other: str) -> None:
        self._ancestors, self._text, self._graph = ancestors, text, ancestors.graph
        self._is_traced = self._graph.knows(text) and not self._graph.untraced(text, other)
        self._shown: list[int] = []

    def had(self, event: int) -> bool:
        if self._graph.comes_from(self._text, event):
            return True
        if self._is_traced:
            return False
        if any(self._graph.has(shown, event) for shown in self._shown):
            return True
        if self._ancestors.shows(self._text, event):
            self._shown.append(event)
            return True
        return False


def _is_telling(line: str) -> bool:
    """Is it unlikely that a second machine wrote this line by itself?

    It may write the same heading, or the same note if both merged it without a model.
    """
    return len(line) >= 12 and not line.startswith("#") and not _DATED_NOTE.match(line)
