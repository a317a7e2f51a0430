"""A text as credentials are looked for in it: without hidden characters, wrapped lines joined.

Each place in what is looked at leads back to its place in the text that was given.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from memsync.text.redaction.randomness import has_kinds, is_plain

STOP = "\x1e"
"""Stands for each character of what is never a credential: what was redacted, memsync's marks."""

_OURS = re.compile(r"\[redacted: [^\]\n]{1,60}\]|<!-- memsync\b[^\n]{0,200}?-->")
_HIDDEN = re.compile(
    "[\u00ad\u034f\u061c\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
    "\U000e0000-\U000e0fff]"
)
_SIGNS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=_.-"
_INDENT = " \t>"


@dataclass(frozen=True)
class View:
    """What is looked at, and where each of its characters stands in the text."""

    text: str
    places: list[int] | None
    """None if every character stands where it stood."""

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return where in the text the characters from `start` to before `end` stand."""
        if self.places is None or start == end:
            return start, end
        return self.places[start], self.places[end - 1] + 1


def view_of(text: str) -> View:
    """Return the text without hidden characters; redacted credentials and our marks are blank."""
    seen = _OURS.sub(lambda match: STOP * len(match[0]), text)
    if not _HIDDEN.search(seen):
        return View(seen, None)
    places = [at for at, sign in enumerate(seen) if not _HIDDEN.match(sign)]
    return View("".join(seen[at] for at in places), places)


def joined(view: View) -> View | None:
    """Return the view with the lines joined between which a long string may go on; None if none.

    A string goes on if the end of a line and the beginning of the next look like no words.
    """
    lines = view.text.split("\n")
    parts: list[str] = []
    places: list[int] = []
    at, skip, any_joined = 0, 0, False
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        body = line.rstrip(" \t\r\\")
        goes_on = _goes_on(body, following.lstrip(_INDENT))
        kept = body if goes_on else line + "\n"
        parts.append(kept[skip:])
        places += range(at + skip, at + len(kept))
        skip = len(following) - len(following.lstrip(_INDENT)) if goes_on else 0
        at += len(line) + 1
        any_joined |= goes_on
    if not any_joined:
        return None
    if view.places is not None:
        places = [view.places[place] if place < len(view.places) else -1 for place in places]
    return View("".join(parts), places)


def _goes_on(line: str, following: str) -> bool:
    end = line[len(line.rstrip(_SIGNS)) :][-200:]
    head = following[: len(following) - len(following.lstrip(_SIGNS))][:200]
    return (
        len(end) >= 10
        and len(head) >= 4
        and has_kinds(end)
        and not is_plain(end)
        and not (is_plain(head) and head.islower())
    )
