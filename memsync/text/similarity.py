"""Compares lines by their words, ignoring case, punctuation, spaces and small words.

It rather misses a repeat than loses a fact. Two lines count as the same only if every word with a
meaning is the same, in the same order. A different number, name, date or "not" makes a different
line, and so does every word that is not listed here as empty.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

Words = tuple[str, ...]

_BULLET = re.compile(r"\s*(?:(?:[-*+]|\d{1,9}[.)])\s+)*(?:\[[ xX]\]\s+)?(?:(\d{4}-\d\d-\d\d):\s+)?")
_EMPHASIS = re.compile(r"(?<![\w*])(\*\*|__|\*|_|`)(?=\S)(.{1,200}?)(?<=\S)\1(?![\w*])")
_BEFORE = "\"'\u2018\u201c\u00ab\u201e"
_BEHIND = "\"'\u2019\u201d\u00bb\u201c.,;:!\u2026\u3002\u3001\uff01"
_DASHES = str.maketrans("\u2010\u2011\u2012\u2013\u2014\u2019", "-----'")
# Words that add no meaning: anywhere, and at the beginning of a sentence.
_EMPTY = frozenset({"a", "an", "the", "i", "i'm", "am", "is", "are"})
_OPENING = frozenset({"please", "remember", "note", "that", "fyi", "also"})
# A note says "I prefer", a memory says "Prefers".
_PERSONS = {
    f"{verb}s": verb
    for verb in ("like", "prefer", "use", "live", "hate", "love", "speak", "own", "need", "want")
}
# A line that begins with one of these is true until something else is said.
_LASTING = frozenset(
    {"like", "prefer", "use", "live", "hate", "love", "speak", "own", "always", "never", "avoid"}
    | {"don't", "do", "keep"}
)
# With one of these, the meaning depends on the day.
_RELATIVE = frozenset(
    {"today", "tonight", "tomorrow", "yesterday", "now", "currently", "soon", "again", "next"}
    | {"last", "this", "week", "month", "year", "morgen", "heute", "gestern", "jetzt", "wieder"}
    | {"demain", "aujourd'hui", "hier", "maintenant", "hoy", "ayer", "ahora", "domani", "oggi"}
)


def words(line: str) -> Words:
    """Return the words of a line for comparing, without its bullet and date."""
    text = unicodedata.normalize("NFC", line).translate(_DASHES)
    text = _EMPHASIS.sub(r"\2", _BULLET.sub("", text, count=1))
    is_loud = text.isupper()
    found = [_word(part, is_loud=is_loud) for part in text.split()]
    while len(found) > 1 and found[0] in _OPENING:
        del found[0]
    return tuple(word for word in found if word not in _EMPTY)


def day(line: str) -> str:
    """Return the date after the line's bullet, such as ``2026-11-23``; empty if it has none."""
    found = _BULLET.match(line)
    return (found[1] if found else "") or ""


def _word(part: str, *, is_loud: bool) -> str:
    bare = part.lstrip(_BEFORE).rstrip(_BEHIND) or part
    if bare.isupper() and len(bare) > 1 and not is_loud:
        return bare  # "IT" is not "it"
    folded = bare.casefold()
    return _PERSONS.get(folded, folded)


def is_lasting(said: Words) -> bool:
    """Do the words state a habit or a rule, not an event?"""
    is_relative = any(word.strip("?") in _RELATIVE for word in said)
    return bool(said) and said[0] in _LASTING and not is_relative


def are_close(one: Words, other: Words) -> bool:
    """Do two different lines share most of their words, as if about the same thing?"""
    if one == other or not one or not other:
        return False
    shared = len(set(one) & set(other))
    return shared * 2 >= max(len(set(one)), len(set(other)))


def is_close_to_any(said: Words, others: Iterable[Words]) -> bool:
    """Is one of `others` close to `said`?"""
    return any(are_close(said, other) for other in others)
