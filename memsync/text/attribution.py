"""Which of several notes a line came from: the one whose words it shares, or honestly several."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache

from memsync.text.note import Note

CLEARLY = 1.5
"""How many times as many words the best note must share as the next, to be named alone."""

_COMMON = frozenset(
    ["the", "and", "for", "with", "from", "that", "this", "are", "was", "were", "has", "have",
     "had", "not", "but", "its", "his", "her", "our", "your", "their", "into", "der", "die", "das",
     "und", "ist", "mit", "von", "den", "ein", "eine", "auf", "les", "des", "est", "une", "que",
     "para", "por", "con", "del", "los", "las"]
)  # fmt: skip


def sources_of(
    line: str, notes: Sequence[Note], known: frozenset[str] = frozenset()
) -> tuple[Note, ...]:
    """Return the note that `line` came from; several where it is not clear which of them.

    One note is always the one. With many, it is the note that shares all of the line's words, or
    most if no other comes close; else all that come close, or all where none shares any.

    Args:
        line: the line.
        notes: the notes.
        known: words that stood there before; the others may tell more.
    """
    if len(notes) < 2:
        return tuple(notes)
    words = words_of(line)
    told = [_sharing_most(telling, notes) for telling in (words - known, words)]
    return min(filter(None, told), key=len, default=tuple(notes))


def _sharing_most(words: frozenset[str], notes: Sequence[Note]) -> tuple[Note, ...]:
    scores = [(len(words & words_of(note.text)), note) for note in notes]
    best = max(score for score, _ in scores)
    least = best if best == len(words) else best / CLEARLY  # who says all of it said it
    return tuple(note for score, note in scores if best and (score == best or score > least))


def sources_of_all(lines: Iterable[str], notes: Sequence[Note]) -> tuple[Note, ...]:
    """Return the notes that any of `lines` may have come from, in the notes' order."""
    found = {note.id for line in lines if line.strip() for note in sources_of(line, notes)}
    return tuple(note for note in notes if note.id in found) or tuple(notes)


@lru_cache(maxsize=512)  # each line is held against every note of its batch
def words_of(text: str) -> frozenset[str]:
    """Return the words of `text` that can tell it from another: folded, no common or short ones."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    plain = "".join(sign for sign in plain if unicodedata.category(sign) != "Mn")
    return frozenset(
        word
        for word in re.findall(r"\w+", plain)
        if (len(word) > 2 or not word.isascii() or word.isdigit()) and word not in _COMMON
    )
