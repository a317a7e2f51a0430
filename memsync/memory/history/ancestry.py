"""What the machines wrote down of which text was made from which.

Pure: events in, answers out. An event says that a text (named by its digest) was made from others.
The same text may come back (a restore), so what is related are events, not digests.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Event:
    """At `moment` (ISO 8601, UTC) a text came to be, made from `parents`; none began anew.

    A parent is a text, or ``text@moment``: that text as it came to be at that moment. The event is
    not whole where the text may be made from others, too, as one may that was found one day.
    """

    moment: str
    digest: str
    parents: tuple[str, ...]
    is_whole: bool = True


class Ancestry:
    """The events of all machines. A digest without a log entry is a version of unknown parents."""

    def __init__(self, events: Iterable[Event]) -> None:
        self._names: list[str] = []
        self._moments: list[str] = []
        self._lines: list[int] = []  # for each event a bit mask: itself and all it comes from
        self._events_of: dict[str, list[int]] = {}
        self._parents: list[tuple[str, ...] | None] = []  # None: of this nobody wrote
        self._parts: set[int] = set()  # events that are not whole
        self._place_all(sorted(set(events)))

    def _place_all(self, waiting: list[Event]) -> None:
        """Place each event behind those it comes from; the clocks of machines may differ."""
        named = {event.digest for event in waiting}
        named |= {f"{event.digest}@{event.moment}" for event in waiting}
        while waiting:
            ready = next((e for e in waiting if self._is_ready(e, named)), waiting[0])
            waiting.remove(ready)
            named.discard(f"{ready.digest}@{ready.moment}")
            named.discard(ready.digest)
            self._add(ready)

    def _is_ready(self, event: Event, named: set[str]) -> bool:
        return named.isdisjoint(event.parents)

    def _place(self, event: Event, line: int, parents: tuple[str, ...] | None) -> None:
        number = len(self._names)
        self._names.append(event.digest)
        self._moments.append(event.moment)
        self._parents.append(parents)
        self._lines.append(line | 1 << number)
        self._events_of.setdefault(event.digest, []).append(number)

    def add(self, digest: str, parents: tuple[str, ...], *, is_whole: bool = True) -> None:
        """Have it that a text was made from others, just now."""
        self._add(Event("", digest, parents, is_whole=is_whole))

    def _add(self, event: Event) -> None:
        line = 0
        for parent in event.parents:
            for number in self._events(parent):
                line |= self._lines[number]
        self._place(event, line, event.parents)
        if not event.is_whole:
            self._parts.add(len(self._names) - 1)

    def _events(self, parent: str) -> list[int]:
        """Return the events that a parent names; where only the text is named, those that count."""
        digest, _, moment = parent.partition("@")
        if digest not in self._events_of:
            self._place(Event("", digest, ()), 0, None)
        numbers = self._events_of[digest]
        exact = {self._origin(n) for n in numbers if moment and self._moments[n] == moment}
        alike = [n for n in numbers if self.has_origin(n) and self._origin(n) in exact]
        return alike or self.heads(digest)

    def _line_of(self, digest: str) -> int:
        line = 0
        for number in self._events(digest):
            line |= self._lines[number]
        return line

    def knows(self, digest: str) -> bool:
        """Did a machine write down what this version was made from?"""
        numbers = self._events_of.get(digest, [])
        return any(self._parents[number] is not None for number in numbers)

    def descends(self, new: str, old: str) -> bool:
        """Is `old` an ancestor of `new`, or the same version?

        A text that came back counts for what it replaced then: `new` has to be made from that one.
        """
        line = self._line_of(new)
        self._line_of(old)
        heads = self.heads(old)
        known = {self._origin(number) for number in heads if line >> number & 1}
        return bool(known) and all(self._origin(number) in known for number in heads)

    def _origin(self, event: int) -> frozenset[str]:
        """Return what a text was made from: two machines that write one text do the same."""
        return frozenset(parent.partition("@")[0] for parent in self._parents[event] or ())

    def untraced(self, digest: str, beside: str) -> list[str]:
        """Return ancestors of `digest` whose parents are unknown, but not those of `beside`."""
        stray = self._line_of(digest) & ~self._line_of(beside)
        origins = enumerate(self._parents)
        return [self._names[n] for n, made_from in origins if made_from is None and stray >> n & 1]

    def all(self) -> list[str]:
        """Return every text that is written down, newest first."""
        return list(dict.fromkeys(reversed(self._names)))

    def events(self) -> range:
        """Return the numbers of all events, newest first."""
        return range(len(self._names) - 1, -1, -1)

    def heads(self, digest: str) -> list[int]:
        """Return the events of a text that count: of those that are whole, how it came to be last.

        Two machines may have made it of the same texts at once.
        """
        newest = self._newest(self._events_of.get(digest, []))
        whole = [number for number in newest if self.is_all_of(number)]
        return [n for n in newest if n not in whole or self._origin(n) == self._origin(whole[-1])]

    def text_of(self, event: int) -> str:
        """Return the digest of the text that came to be."""
        return self._names[event]

    def has_origin(self, event: int) -> bool:
        """Is it written down what the version was made from then?"""
        return self._parents[event] is not None

    def is_whole(self, digest: str) -> bool:
        """Is all that a version was made from written down?"""
        return any(self.is_all_of(number) for number in self.heads(digest))

    def is_all_of(self, event: int) -> bool:
        """Is all that the version was made from then written down?"""
        return self._parents[event] is not None and event not in self._parts

    def parents(self, event: int) -> list[int]:
        """Return the events of the texts that the text was made from then."""
        found: dict[int, None] = {}
        for parent in self._parents[event] or ():
            digest, _, moment = parent.partition("@")
            known = [n for n in self._events_of[digest] if self.has(event, n)]
            exact = [n for n in known if moment and self._moments[n] == moment]
            found |= dict.fromkeys(exact or self._newest(known))
        return list(found)

    def origins(self, digest: str) -> tuple[str, ...]:
        """Return what a text was made from when it last came to be, as the events have it."""
        found = {p: None for n in self.heads(digest) for p in self._parents[n] or ()}
        return tuple(found)

    def has(self, event: int, older: int) -> bool:
        """Was what came to be at `event` made from what came to be at `older`?"""
        return bool(self._lines[event] >> older & 1)

    def comes_from(self, digest: str, event: int) -> bool:
        """Was a version made from what came to be at `event`?"""
        return bool(self._line_of(digest) >> event & 1)

    def is_return(self, event: int) -> bool:
        """Had the version come to be before, so that its lines are not new?"""
        return self._events_of[self._names[event]][0] < event

    def ancestors_of(self, event: int) -> int:
        """Return a bit mask of the events from which an event comes, without those of its text."""
        return self._lines[event] & ~self._mask_of(self._names[event])

    def descendants_of(self, event: int) -> int:
        """Return a bit mask of an event and all that come from it."""
        found = 0
        for number in range(event, len(self._lines)):
            found |= (self._lines[number] >> event & 1) << number
        return found

    def _mask_of(self, digest: str) -> int:
        return sum(1 << number for number in self._events_of[digest])

    def _newest(self, events: list[int]) -> list[int]:
        return [n for n in events if not any(self.has(m, n) for m in events if m != n)] or events
