"""Finds the note that a line came from: the note that shares its words, or several if unclear."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache

from memsync.text.note import Note

CLEARLY = 1.5
"""The best note is named alone if it shares this many times as many words as the next one."""

_COMMON = frozenset(
    ["the", "and", "for", "with", "from", "that", "this", "are", "was", "were", "has", "have",
     "had", "not", "but", "its", "his", "her", "our", "your", "their", "into", "der", "die", "das",
     "und", "ist", "mit", "von", "den", "ein", "eine", "auf", "les", "des", "est", "une", "que",
     "para", "por", "con", "del", "los", "las"]
)  # fmt: skip


def sources_of(
    line: str, notes: Sequence[Note], known: frozenset[str] = frozenset()
) -> tuple[Note, ...]:
    """Return the note that `line` came from, or several if that is unclear.

    A single note is always the source. Of several, it is the note that shares all words of the
    line, or clearly more than the others. Otherwise all that come close are returned, and all
    notes if none shares a word.

    Args:
        line: the line.
        notes: the notes to choose from.
        known: words that the line had before; the new words are a better hint.
    """
    if len(notes) < 2:
        return tuple(notes)
    words = words_of(line)
    found = [_best_matches(some, notes) for some in (words - known, words)]
    return min(filter(None, found), key=len, default=tuple(notes))


def _best_matches(words: frozenset[str], notes: Sequence[Note]) -> tuple[Note, ...]:
    scores = [(len(words & words_of(note.text)), note) for note in notes]
    best = max(score for score, _ in scores)
    least = best if best == len(words) else best / CLEARLY  # all words: surely the source
    return tuple(note for score, note in scores if best and (score == best or score > least))


def sources_of_all(lines: Iterable[str], notes: Sequence[Note]) -> tuple[Note, ...]:
    """Return the notes that any of `lines` may have come from, in the order of the notes."""
    found = {note.id for line in lines if line.strip() for note in sources_of(line, notes)}
    return tuple(note for note in notes if note.id in found) or tuple(notes)


@lru_cache(maxsize=512)  # each line is compared with every note of its batch
def words_of(text: str) -> frozenset[str]:
    """Return the words that distinguish a text: folded, without common and short words."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    plain = "".join(sign for sign in plain if unicodedata.category(sign) != "Mn")
    return frozenset(
        word
        for word in re.findall(r"\w+", plain)
        if (len(word) > 2 or not word.isascii() or word.isdigit()) and word not in _COMMON
    )
