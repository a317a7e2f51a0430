"""Whether two points that are alike word by word cannot both hold: one value, or a choice, changed.

Made to err on one side, as `nearness`: a number that counts a thing (``step 2``), the days on which
something takes place and whatever else two points may well say side by side is no clash.
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
"""A longer line is prose; what one number more or less means there nobody can tell."""

_NUMBER = re.compile(
    r"v?\d+(?:[.,:]\d+)*(?:%|px|ms|s|min|h|k|kb|mb|gb|am|pm)?", re.IGNORECASE | re.ASCII
)
_LABELS = re.compile(
    "phase|step|part|day|week|month|quarter|task|issue|ticket|pr|chapter|level|stage|round|sprint"
    "|milestone|section|item|rule|option|case|example|test|note|line|page|room|floor|table|figure"
    "|appendix|exit|code|error|http|status|schritt|teil|tag|woche|aufgabe|kapitel"
)
"""Before a number these tell one thing of a row from another."""

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
    """Which points of a memory are two that differ in one value; three or more are a list."""

    def __init__(self, points: Iterable[tuple[Hashable, Words]]) -> None:
        """Look at all points, each with the place that it is held against others in."""
        counts = Counter(
            (place, template) for place, said in points for template in _templates(said)
        )
        self._pairs = {key for key, count in counts.items() if count == 2}

    def clash(self, place: Hashable, one: Words, other: Words) -> bool:
        """Do two points of a place differ in one value, or in what they choose?"""
        return (place, _changed_value(one, other)) in self._pairs or _is_other_choice(one, other)


def _templates(said: Words) -> list[Words]:
    """Return the point's words with each of its values in turn left open."""
    if not LEAST_WORDS <= len(said) <= MOST_WORDS:
        return []
    return [_open(said, at, kind) for at in range(len(said)) if (kind := _kind(said, at))]


def _changed_value(one: Words, other: Words) -> Words | None:
    """Return the template that two points share but for its value; None where more is changed."""
    apart = _apart(one, other)
    if len(apart) != 1:
        return None
    kind = _kind(one, apart[0])
    return _open(one, apart[0], kind) if kind and kind == _kind(other, apart[0]) else None


def _is_other_choice(one: Words, other: Words) -> bool:
    """Do two points differ in which of two things comes first: `pnpm over npm`?"""
    apart = _apart(one, other)
    if len(apart) != 2:
        return False
    first, last = apart
    joints = _CHOICES | ({"to"} if one[0] == "prefer" else set())
    is_swap = one[first] == other[last] and one[last] == other[first]
    return is_swap and not joints.isdisjoint(one[first + 1 : last])


def are_of_one_set(words: AbstractSet[str]) -> bool:
    """Are two of the words days of the week, months or languages?"""
    return any(len(words & names) > 1 for names in _SETS)


def _apart(one: Words, other: Words) -> list[int]:
    if len(one) != len(other) or not LEAST_WORDS <= len(one) <= MOST_WORDS:
        return []
    return [at for at, word in enumerate(one) if word != other[at]]


def _open(said: Words, at: int, kind: str) -> Words:
    return (*said[:at], f"\0{kind}", *said[at + 1 :])


def _kind(said: Words, at: int) -> str:
    """Return what kind of value a word is; empty where it is none, or tells one of a row."""
    before = said[at - 1] if at else ""
    if _NUMBER.fullmatch(said[at]):
        return "number" if before and not _LABELS.fullmatch(before) else ""
    return "language" if said[at] in _LANGUAGES and before in {"in", "auf"} else ""
