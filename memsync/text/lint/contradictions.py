"""Finds two list items that cannot both be true: they differ in one value, or in a choice.

It rather misses a contradiction than reports a false one. Numbers that count things (``step 2``),
days on which something happens, and other things that may well stand side by side do not count.
"""

from __future__ import annotations

import calendar
import re
from collections import Counter
from collections.abc import Hashable, Iterable
from collections.abc import Set as AbstractSet

from memsync.text.similarity import Words

LEAST_WORDS = 4
MOST_WORDS = 60
"""A longer line is prose, and a different number there may mean anything."""

_NUMBER = re.compile(
    r"v?\d+(?:[.,:]\d+)*(?:%|px|ms|s|min|h|k|kb|mb|gb|am|pm)?", re.IGNORECASE | re.ASCII
)
_LABELS = re.compile(
    "phase|step|part|day|week|month|quarter|task|issue|ticket|pr|chapter|level|stage|round|sprint"
    "|milestone|section|item|rule|option|case|example|test|note|line|page|room|floor|table|figure"
    "|appendix|exit|code|error|http|status|schritt|teil|tag|woche|aufgabe|kapitel"
)
"""Before a number these words only number things: ``step 2``."""

_LANGUAGES = frozenset(
    re.findall(
        r"\w+",
        "arabic chinese czech danish dutch english finnish french german greek hindi italian"
        " japanese korean norwegian polish portuguese russian spanish swedish turkish ukrainian"
        " deutsch englisch französisch italienisch spanisch",
    )
)
_SETS = (
    frozenset(name.casefold() for name in calendar.day_name),
    frozenset(name.casefold() for name in calendar.month_name if name),
    _LANGUAGES,
)
_CHOICES = frozenset({"over", "instead", "rather", "before", "after", "not"})


class Pairs:
    """Items that differ from one other item in one value; three such items are a list."""

    def __init__(self, points: Iterable[tuple[Hashable, Words]]) -> None:
        """Count all items; each comes with the place within which it is compared with others."""
        counts = Counter(
            (place, template) for place, said in points for template in _templates(said)
        )
        self._pairs = {key for key, count in counts.items() if count == 2}

    def contradict(self, place: Hashable, one: Words, other: Words) -> bool:
        """Do two items of one place differ in one value, or in a choice?"""
        return (place, _changed_value(one, other)) in self._pairs or _is_other_choice(one, other)


def _templates(said: Words) -> list[Words]:
    """Return the item's words several times, each time with a placeholder for another value."""
    if not LEAST_WORDS <= len(said) <= MOST_WORDS:
        return []
    return [_open(said, at, kind) for at in range(len(said)) if (kind := _kind(said, at))]


def _changed_value(one: Words, other: Words) -> Words | None:
    """Return the template that two items share if they differ in one value; else None."""
    differing = _differences(one, other)
    if len(differing) != 1:
        return None
    kind = _kind(one, differing[0])
    return _open(one, differing[0], kind) if kind and kind == _kind(other, differing[0]) else None


def _is_other_choice(one: Words, other: Words) -> bool:
    """Do two items choose differently between two things: ``pnpm over npm``?"""
    differing = _differences(one, other)
    if len(differing) != 2:
        return False
    first, last = differing
    joints = _CHOICES | ({"to"} if one[0] == "prefer" else set())
    is_swap = one[first] == other[last] and one[last] == other[first]
    return is_swap and not joints.isdisjoint(one[first + 1 : last])


def are_of_one_set(words: AbstractSet[str]) -> bool:
    """Are two of the words days of the week, months or languages?"""
    return any(len(words & names) > 1 for names in _SETS)


def _differences(one: Words, other: Words) -> list[int]:
    if len(one) != len(other) or not LEAST_WORDS <= len(one) <= MOST_WORDS:
        return []
    return [at for at, word in enumerate(one) if word != other[at]]


def _open(said: Words, at: int, kind: str) -> Words:
    return (*said[:at], f"\0{kind}", *said[at + 1 :])


def _kind(said: Words, at: int) -> str:
    """Return the kind of value a word is; empty if it is no value, or only numbers a thing."""
    before = said[at - 1] if at else ""
    if _NUMBER.fullmatch(said[at]):
        return "number" if before and not _LABELS.fullmatch(before) else ""
    return "language" if said[at] in _LANGUAGES and before in {"in", "auf"} else ""
