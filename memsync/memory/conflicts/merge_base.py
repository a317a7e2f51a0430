"""The merge base of two versions: from the machines' logs, and from what the texts show.

Pure: events and texts in, answers out.
"""

from __future__ import annotations

from enum import Enum

from memsync.memory.conflicts.standing_lines import FindText, StandingLines
from memsync.memory.history.ancestry import Ancestry

DEEP_ENOUGH = 50
"""How many versions are followed back that only removed lines."""


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
        self._standing = StandingLines(graph, find)

    def judge(self, present: str, known: str, *, alone: bool) -> Relation:
        """Return how the memory relates to a version that this machine knew.

        Args:
            present: the digest of the memory.
            known: the digest of the version known before.
            alone: True if no other machine could have written the memory.
        """
        if self.graph.descends(present, known):
            return Relation.INCLUDED
        self._standing.look_again()
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
        self._standing.look_again()
        shown = (n for n in self.graph.events() if self.shows(present, n))
        return next(map(self.graph.text_of, shown), None)

    def base_of(self, present: str, other: str) -> str | None:
        """Return the text of the merge base of two versions; None if none is known for sure.

        If the parents of one are not logged, the base is the newest version which that one shows
        that its author had. A base that is older than the true one removes no line.
        """
        if self.graph.descends(other, present):
            return self._find(present)
        self._standing.look_again()
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
        standing = self._standing
        if lines <= had and not standing.in_ancestors(event, had - lines):
            return True
        earlier = standing.in_ancestors(event, lines)
        brought = lines - earlier
        own = frozenset() if graph.is_return(event) else brought & had
        may_tell = brought <= had or (is_kept and graph.is_all_of(event))
        if may_tell and standing.has_telling(event, own, later):
            return True
        if not brought <= had:
            return False
        taken = frozenset().union(*map(self._lines_of, origin)) - lines
        return had.isdisjoint(taken) and all(
            self.shows(later, n, lenient=lenient, depth=depth + 1) for n in parents
        )

    def _lines_of(self, name: str) -> frozenset[str]:
        return self._standing.lines_of(name)


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
