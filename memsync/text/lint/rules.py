"""The rules of `memsync lint`: problems in a memory, line by line, each with advice.

The rules avoid false alarms: a line that is only odd is not reported. A finding is serious if an
agent reads something that it should not (a secret, hidden characters), or does not read something
that it should (text beyond its limit). A new rule is one function here, called by `find_problems`.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterator
from datetime import date
from itertools import accumulate

from memsync.text.document import Kind, Outline, is_list_item, scan
from memsync.text.duplicates import is_recent
from memsync.text.lint.dates import find_expired, find_undated
from memsync.text.lint.finding import Finding
from memsync.text.lint.list_items import find_repeats
from memsync.text.redaction import find_credentials
from memsync.text.sanitizing import find_imports, without_hidden
from memsync.text.similarity import day

MOST_CONSTRAINTS = 30
"""More constraints than this do not stand out any more."""

OLD_NOTE_DAYS = 60
OLD_NOTES = 5
"""So many old notes may stay in a section of recent notes."""


def find_problems(text: str, today: date, exists: Callable[[str], bool]) -> list[Finding]:
    """Return all findings in a memory's text, in the order of its lines.

    Args:
        text: the memory.
        today: the day by which dates in the text are past or not.
        exists: tells whether the path of an import exists.
    """
    outline = scan(text)
    found = [
        *_find_secrets(outline),
        *_find_hidden(outline),
        *_find_broken_imports(outline, exists),
        *_find_open_fence(outline),
        *find_repeats(outline),
        *_find_expired_lines(outline, today),
        *_find_old_notes(outline, today),
        *_find_many_constraints(outline),
    ]
    return sorted(found, key=lambda finding: finding.line)


def _find_secrets(outline: Outline) -> Iterator[Finding]:
    text = "".join(outline.lines)
    ends = list(accumulate(len(line) for line in outline.lines))
    kinds = {bisect_right(ends, one.start) + 1: one.kind for one in find_credentials(text)}
    for number, kind in kinds.items():
        advice = "remove it, and change it where it is used: every agent has read it"
        yield Finding(number, "secret", f"looks like a {kind}", advice, serious=True)


def _find_hidden(outline: Outline) -> Iterator[Finding]:
    for number, line in enumerate(outline.lines, start=1):
        bare = line.rstrip("\r\n").removeprefix("\ufeff" if number == 1 else "")
        if without_hidden(bare) != bare:
            names = sorted({_name_sign(sign) for sign in bare if sign not in without_hidden(bare)})
            yield Finding(
                number,
                "hidden",
                f"contains invisible characters: {', '.join(names) or 'joiners'}",
                "agents read them; delete the line and type it again",
                serious=True,
            )


def _name_sign(sign: str) -> str:
    return f"U+{ord(sign):04X} {unicodedata.name(sign, 'without a name').lower()}"


def _find_broken_imports(outline: Outline, exists: Callable[[str], bool]) -> Iterator[Finding]:
    for number, line in _text_lines(outline):
        for path in find_imports(line):
            if not exists(path):
                yield Finding(
                    number + 1,
                    "import",
                    f"@{path} leads to no file",
                    "correct the path, or put it into `code` if it is no import",
                )


def _find_open_fence(outline: Outline) -> Iterator[Finding]:
    if outline.open_fence:
        last = len(outline.lines) - 1
        while last > 0 and outline.kinds[last - 1] is Kind.CODE:
            last -= 1
        advice = f"close it with {outline.open_fence.strip()}"
        yield Finding(
            last + 1, "fence", "a code block is never closed: everything below is code", advice
        )


def _find_expired_lines(outline: Outline, today: date) -> Iterator[Finding]:
    for number, line in _text_lines(outline):
        ended = find_expired(line, today)
        if ended:
            advice = "remove it, or say what is true now"
            yield Finding(number + 1, "stale", f"it is out of date: {ended!r}", advice)
        elif undated := find_undated(line):
            message = f"{undated!r} has no year"
            yield Finding(number + 1, "stale", message, "add the year")


def _find_old_notes(outline: Outline, today: date) -> Iterator[Finding]:
    for heading in outline.headings:
        if not is_recent(heading):
            continue
        old = [
            number
            for number in range(heading.body, outline.body_end(heading))
            if (on := day(outline.lines[number])) and _age_in_days(on, today) > OLD_NOTE_DAYS
        ]
        if len(old) > OLD_NOTES:
            yield Finding(
                old[0] + 1,
                "stale",
                f"{len(old)} notes under {heading.text!r} are older than {OLD_NOTE_DAYS} days",
                "a refresh with a model sorts them in; or use memsync edit",
            )


def _age_in_days(on: str, today: date) -> int:
    try:
        return (today - date.fromisoformat(on)).days
    except ValueError:
        return 0


def _find_many_constraints(outline: Outline) -> Iterator[Finding]:
    rules = [line for line in outline.constraints() if is_list_item(line)]
    if len(rules) > MOST_CONSTRAINTS:
        first = next(heading for heading in outline.headings if heading.is_constraint)
        yield Finding(
            first.line + 1,
            "constraints",
            f"{len(rules)} constraints: if everything is a must, nothing stands out",
            "keep those that must never be broken; move the rest to preferences",
        )


def _text_lines(outline: Outline) -> Iterator[tuple[int, str]]:
    """Yield each line that agents read as text, with its number."""
    for number, (line, kind) in enumerate(zip(outline.lines, outline.kinds, strict=True)):
        if kind in {Kind.TEXT, Kind.HEADING}:
            yield number, line.rstrip("\r\n")
