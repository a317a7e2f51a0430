"""Lint rules about list items that repeat each other, nearly repeat, or contradict each other."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from memsync.text.document import Heading, Kind, Outline, is_list_item
from memsync.text.lint.contradictions import Pairs, are_of_one_set
from memsync.text.lint.finding import Finding
from memsync.text.similarity import Words, day, words

LEAST_WORDS = 4
"""An item of fewer words may well occur twice."""

NEARLY = 0.85
"""Two items with this share of common words, in order, say nearly the same."""

NEAR_BY = 500
"""Each item is compared with so many items above it; no reader looks further back either."""


@dataclass(frozen=True)
class _Item:
    """One list item: its line, its heading and its words."""

    number: int
    heading: Heading | None
    said: Words
    bag: frozenset[str]
    line: str


def _list_items(outline: Outline) -> list[_Item]:
    found, heading = list[_Item](), None
    by_line = {each.line: each for each in outline.headings}
    for number, kind in enumerate(outline.kinds):
        heading = by_line.get(number, heading)
        line = outline.lines[number].rstrip("\r\n")
        if kind is Kind.TEXT and is_list_item(line):
            said = words(line)
            found.append(_Item(number, heading, said, frozenset(said), line))
    return found


def find_repeats(outline: Outline) -> Iterator[Finding]:
    """Yield items that say the same, nearly the same, or the same with another value."""
    first: dict[Words, _Item] = {}
    values: dict[tuple[Heading | None, str], tuple[int, str]] = {}
    section: list[_Item] = []
    items = _list_items(outline)
    pairs = Pairs((item.heading, item.said) for item in items)
    for item in items:
        known = first.setdefault(item.said, item)
        if known is not item and len(item.said) >= LEAST_WORDS:
            how = "repeats" if known.line.strip() == item.line.strip() else "says the same as"
            yield _finding(item, "duplicate", f"{how} line {known.number + 1}")
        elif section and section[0].heading != item.heading:
            section = []
        other_value = list(_find_other_values(values, item))
        yield from other_value or _find_near(section, item, pairs)
        section.append(item)


def _find_near(section: list[_Item], item: _Item, pairs: Pairs) -> Iterator[Finding]:
    """Yield items of this section that say nearly what `item` says, or its opposite."""
    for known in section[-NEAR_BY:]:
        shared = len(known.bag & item.bag)
        if shared * 2 < (len(known.bag) + len(item.bag)) * NEARLY - 2 or known.said == item.said:
            continue
        differing = known.bag ^ item.bag
        is_dated = bool(day(known.line) or day(item.line))  # of two notes, the later is valid
        if differing and differing <= _NOT and min(len(known.said), len(item.said)) > 1:
            message = f"says the opposite of line {known.number + 1}"
            yield _finding(item, "contradiction", message)
        elif not is_dated and pairs.contradict(item.heading, known.said, item.said):
            message = f"differs from line {known.number + 1} in a value or a choice"
            yield _finding(item, "contradiction", message)
        elif _similarity(known.said, item.said) >= NEARLY:
            where = f"line {known.number + 1}"
            has_number = any(sign.isdigit() for word in differing for sign in word)
            if has_number or differing & _NOT or are_of_one_set(differing):
                yield _finding(
                    item, "contradiction", f"says almost the same as {where}, but not quite"
                )
            else:
                yield _finding(item, "near-duplicate", f"says almost the same as {where}")


def _similarity(one: Words, other: Words) -> float:
    if min(len(one), len(other)) < LEAST_WORDS:
        return 0.0
    return difflib.SequenceMatcher(None, one, other, autojunk=False).ratio()


def _finding(item: _Item, kind: str, message: str) -> Finding:
    advice = "keep one" if "duplicate" in kind else "keep the one that is true"
    return Finding(item.number + 1, kind, message, advice)


_NOT = frozenset({"not", "never", "don't", "do", "no", "avoid", "always"})
_PAIR = re.compile(
    r"\s*[-*+]\s+(?:\*\*|__)?([^:*`|]{2,40}?)(?:\*\*|__)?\s*[:\uff1a]\s*(?:\*\*|__)?\s*(\S.{0,40})$"
)


def _find_other_values(
    values: dict[tuple[Heading | None, str], tuple[int, str]], item: _Item
) -> Iterator[Finding]:
    """Yield a finding if the item gives a key of its section another value than before."""
    pair = _PAIR.match(item.line.rstrip())
    if pair is None or day(item.line):
        return
    indent = len(item.line) - len(item.line.lstrip())
    key, value = (item.heading, f"{indent} {pair[1].casefold()}"), pair[2]
    number, known = values.setdefault(key, (item.number, value))
    if words(known) != words(value):
        message = f"{pair[1]!r} is {value!r} here and {known!r} in line {number + 1}"
        yield _finding(item, "contradiction", message)
