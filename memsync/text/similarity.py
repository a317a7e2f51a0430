"""Whether two lines say the same in other clothes: case, punctuation, spaces, small words.

Made to err on one side. Two lines are taken for one only where every word that could carry meaning
is the same and in the same order: a number, a name, a date or a "not" that differs makes them
differ, and so does any word this module does not know to be empty.
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
# Words without which a sentence still says the same; the second lot only where one begins.
_EMPTY = frozenset({"a", "an", "the", "i", "i'm", "am", "is", "are"})
_OPENING = frozenset({"please", "remember", "note", "that", "fyi", "also"})
# Said of oneself in a note and of the person in a memory: "I prefer", "Prefers".
_PERSONS = {
    f"{verb}s": verb
    for verb in ("like", "prefer", "use", "live", "hate", "love", "speak", "own", "need", "want")
}
# What begins like this holds until something else is said, whichever day it was said on.
_LASTING = frozenset(
    {"like", "prefer", "use", "live", "hate", "love", "speak", "own", "always", "never", "avoid"}
    | {"don't", "do", "keep"}
)
# What such a line says depends on the day it was said on.
_RELATIVE = frozenset(
    {"today", "tonight", "tomorrow", "yesterday", "now", "currently", "soon", "again", "next"}
    | {"last", "this", "week", "month", "year", "morgen", "heute", "gestern", "jetzt", "wieder"}
    | {"demain", "aujourd'hui", "hier", "maintenant", "hoy", "ayer", "ahora", "domani", "oggi"}
)


def words(line: str) -> Words:
    """Return what a line says as words that can be compared; its bullet and date are not part."""
    text = unicodedata.normalize("NFC", line).translate(_DASHES)
    text = _EMPHASIS.sub(r"\2", _BULLET.sub("", text, count=1))
    is_loud = text.isupper()
    found = [_word(part, is_loud=is_loud) for part in text.split()]
    while len(found) > 1 and found[0] in _OPENING:
        del found[0]
    return tuple(word for word in found if word not in _EMPTY)


def day(line: str) -> str:
    """Return the date a line begins with behind its bullet, such as ``2026-11-23``; else empty."""
    found = _BULLET.match(line)
    return (found[1] if found else "") or ""


def _word(part: str, *, is_loud: bool) -> str:
    bare = part.lstrip(_BEFORE).rstrip(_BEHIND) or part
    if bare.isupper() and len(bare) > 1 and not is_loud:
        return bare  # IT is not it
    folded = bare.casefold()
    return _PERSONS.get(folded, folded)


def is_lasting(said: Words) -> bool:
    """Tell whether the words say what lasts, a habit or a rule, and not what happened."""
    is_relative = any(word.strip("?") in _RELATIVE for word in said)
    return bool(said) and said[0] in _LASTING and not is_relative


def are_close(one: Words, other: Words) -> bool:
    """Tell whether two lines are about the same and say something else: most words are shared."""
    if one == other or not one or not other:
        return False
    shared = len(set(one) & set(other))
    return shared * 2 >= max(len(set(one)), len(set(other)))


def is_close_to_any(said: Words, others: Iterable[Words]) -> bool:
    """Tell whether one of `others` is about what `said` is about."""
    return any(are_close(said, other) for other in others)
