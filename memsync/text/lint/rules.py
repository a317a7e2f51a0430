"""What a memory has come to that its person would want to know: line by line, with advice.

Text in, findings out. Made for few false alarms: what is only odd is not told. Serious is what
reaches an agent and should not (a secret, hidden characters), or should and does not (what lies
beyond a limit).
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

from memsync.text.document import Heading, Kind, Outline, is_list_item, scan
from memsync.text.duplicates import is_recent
from memsync.text.lint.contradictions import Pairs, are_of_one_set
from memsync.text.lint.dates import find_expired, find_undated
from memsync.text.redaction import redact
from memsync.text.sanitizing import find_imports, without_hidden
from memsync.text.similarity import Words, day, words

MOST_CONSTRAINTS = 30
"""How many rules under constraints still stand out."""

LEAST_WORDS = 4
"""A point of fewer words may well stand twice."""

NEARLY = 0.85
"""From which share of common words, in order, two points say nearly the same."""

NEAR_BY = 500
"""How many points of a section each is held against; nobody reads further back either."""

OLD_NOTE_DAYS = 60
OLD_NOTES = 5
"""A handful of notes may lie under Recent for a while."""


@dataclass(frozen=True)
class Finding:
    """One finding: the line (from 1; 0 is the whole file), its kind, what is so, what to do."""

    line: int
    kind: str
    message: str
    advice: str
    serious: bool = False


def find_problems(text: str, today: date, exists: Callable[[str], bool]) -> list[Finding]:
    """Return all findings of a memory's text, by line.

    Args:
        text: the memory.
        today: what is past is judged by.
        exists: tells whether an import's path leads to something.
    """
    outline = scan(text)
    found = [
        *_secrets(outline),
        *_hidden(outline),
        *_imports(outline, exists),
        *_open_fence(outline),
        *_repeats(outline),
        *_over(outline, today),
        *_old_notes(outline, today),
        *_constraints(outline),
    ]
    return sorted(found, key=lambda finding: finding.line)


def _secrets(outline: Outline) -> Iterator[Finding]:
    text = "".join(outline.lines)
    if redact(text) == text:
        return
    for number, line in enumerate(outline.lines, start=1):
        kinds = re.findall(r"\[redacted: ([^\]]+)\]", redact(line))
        if redact(line) != line:
            advice = "take it out, and change it where it is used: every agent has read it"
            yield Finding(number, "secret", f"looks like a {kinds[-1]}", advice, serious=True)


def _hidden(outline: Outline) -> Iterator[Finding]:
    for number, line in enumerate(outline.lines, start=1):
        bare = line.rstrip("\r\n").removeprefix("\ufeff" if number == 1 else "")
        if without_hidden(bare) != bare:
            names = sorted({_name(sign) for sign in bare if sign not in without_hidden(bare)})
            yield Finding(
                number,
                "hidden",
                f"holds characters no one sees: {', '.join(names) or 'joiners'}",
                "agents read them; delete the line and type it anew",
                serious=True,
            )


def _name(sign: str) -> str:
    return f"U+{ord(sign):04X} {unicodedata.name(sign, 'without a name').lower()}"


def _imports(outline: Outline, exists: Callable[[str], bool]) -> Iterator[Finding]:
    for number, line in _lines(outline):
        for path in find_imports(line):
            if not exists(path):
                yield Finding(
                    number + 1,
                    "import",
                    f"@{path} leads to no file",
                    "mend the path, or put it into `code` where no import is meant",
                )


def _open_fence(outline: Outline) -> Iterator[Finding]:
    if outline.open_fence:
        last = len(outline.lines) - 1
        while last > 0 and outline.kinds[last - 1] is Kind.CODE:
            last -= 1
        advice = f"close it by {outline.open_fence.strip()}"
        yield Finding(
            last + 1, "fence", "a code block that is never closed: all below is code", advice
        )


@dataclass(frozen=True)
class _Item:
    """One point of a list: its line, the heading it stands under, what it says."""

    number: int
    heading: Heading | None
    said: Words
    bag: frozenset[str]
    line: str


def _items(outline: Outline) -> list[_Item]:
    found, heading = list[_Item](), None
    by_line = {each.line: each for each in outline.headings}
    for number, kind in enumerate(outline.kinds):
        heading = by_line.get(number, heading)
        line = outline.lines[number].rstrip("\r\n")
        if kind is Kind.TEXT and is_list_item(line):
            said = words(line)
            found.append(_Item(number, heading, said, frozenset(said), line))
    return found


def _repeats(outline: Outline) -> Iterator[Finding]:
    """Return points that say the same, nearly the same, or the same with one value changed."""
    first: dict[Words, _Item] = {}
    values: dict[tuple[Heading | None, str], tuple[int, str]] = {}
    section: list[_Item] = []
    items = _items(outline)
    pairs = Pairs((item.heading, item.said) for item in items)
    for item in items:
        known = first.setdefault(item.said, item)
        if known is not item and len(item.said) >= LEAST_WORDS:
            how = "stands" if known.line.strip() == item.line.strip() else "says what stands"
            yield _finding(item, "duplicate", f"{how} in line {known.number + 1} as well")
        elif section and section[0].heading != item.heading:
            section = []
        other_value = list(_values(values, item))
        yield from other_value or _near(section, item, pairs)
        section.append(item)


def _near(section: list[_Item], item: _Item, pairs: Pairs) -> Iterator[Finding]:
    """Return where a point of the same section says nearly what `item` says, or its opposite."""
    for known in section[-NEAR_BY:]:
        shared = len(known.bag & item.bag)
        if shared * 2 < (len(known.bag) + len(item.bag)) * NEARLY - 2 or known.said == item.said:
            continue
        apart = known.bag ^ item.bag
        is_dated = bool(day(known.line) or day(item.line))  # of notes the later one holds
        if apart and apart <= _NOT and min(len(known.said), len(item.said)) > 1:
            message = f"says the opposite of line {known.number + 1}"
            yield _finding(item, "contradiction", message)
        elif not is_dated and pairs.clash(item.heading, known.said, item.said):
            message = f"says what line {known.number + 1} says with another value or choice"
            yield _finding(item, "contradiction", message)
        elif _ratio(known.said, item.said) >= NEARLY:
            where = f"line {known.number + 1}"
            has_number = any(sign.isdigit() for word in apart for sign in word)
            if has_number or apart & _NOT or are_of_one_set(apart):
                yield _finding(
                    item, "contradiction", f"says nearly what {where} says, but not quite"
                )
            else:
                yield _finding(item, "near-duplicate", f"says nearly what {where} says")


def _ratio(one: Words, other: Words) -> float:
    if min(len(one), len(other)) < LEAST_WORDS:
        return 0.0
    return difflib.SequenceMatcher(None, one, other, autojunk=False).ratio()


def _finding(item: _Item, kind: str, message: str) -> Finding:
    advice = "keep one" if "duplicate" in kind else "keep the one that holds"
    return Finding(item.number + 1, kind, message, advice)


_NOT = frozenset({"not", "never", "don't", "do", "no", "avoid", "always"})
_PAIR = re.compile(
    r"\s*[-*+]\s+(?:\*\*|__)?([^:*`|]{2,40}?)(?:\*\*|__)?\s*[:\uff1a]\s*(?:\*\*|__)?\s*(\S.{0,40})$"
)


def _values(
    values: dict[tuple[Heading | None, str], tuple[int, str]], item: _Item
) -> Iterator[Finding]:
    """Return where a point gives a key of its section another value than before."""
    pair = _PAIR.match(item.line.rstrip())
    if pair is None or day(item.line):
        return
    indent = len(item.line) - len(item.line.lstrip())
    key, value = (item.heading, f"{indent} {pair[1].casefold()}"), pair[2]
    number, known = values.setdefault(key, (item.number, value))
    if words(known) != words(value):
        message = f"{pair[1]!r} is {value!r} here and {known!r} in line {number + 1}"
        yield _finding(item, "contradiction", message)


def _over(outline: Outline, today: date) -> Iterator[Finding]:
    for number, line in _lines(outline):
        ended = find_expired(line, today)
        if ended:
            advice = "take it out, or say what holds now"
            yield Finding(number + 1, "stale", f"its time is over: {ended!r}", advice)
        elif undated := find_undated(line):
            message = f"no one can tell when {undated!r} is over"
            yield Finding(number + 1, "stale", message, "add the year")


def _old_notes(outline: Outline, today: date) -> Iterator[Finding]:
    for heading in outline.headings:
        if not is_recent(heading):
            continue
        old = [
            number
            for number in range(heading.body, outline.body_end(heading))
            if (on := day(outline.lines[number])) and _age(on, today) > OLD_NOTE_DAYS
        ]
        if len(old) > OLD_NOTES:
            yield Finding(
                old[0] + 1,
                "stale",
                f"{len(old)} notes under {heading.text!r} are older than {OLD_NOTE_DAYS} days",
                "a refresh with a model folds them in; or memsync edit",
            )


def _age(on: str, today: date) -> int:
    try:
        return (today - date.fromisoformat(on)).days
    except ValueError:
        return 0


def _constraints(outline: Outline) -> Iterator[Finding]:
    rules = [line for line in outline.constraints() if is_list_item(line)]
    if len(rules) > MOST_CONSTRAINTS:
        first = next(heading for heading in outline.headings if heading.is_constraint)
        yield Finding(
            first.line + 1,
            "constraints",
            f"{len(rules)} constraints: where everything is a must, nothing stands out",
            "keep those that really must never be broken, move the rest to preferences",
        )


def _lines(outline: Outline) -> Iterator[tuple[int, str]]:
    """Return the lines agents read as text, by number."""
    for number, (line, kind) in enumerate(zip(outline.lines, outline.kinds, strict=True)):
        if kind in {Kind.TEXT, Kind.HEADING}:
            yield number, line.rstrip("\r\n")
