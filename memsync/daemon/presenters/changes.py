"""What differs between two memories, in rows for a person to judge before it is saved."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import islice

from memsync.daemon.presenters.lines import Step, steps
from memsync.text.document import Outline, scan

CONTEXT = 3
"""Unchanged lines shown around a change."""

MOST_PAIRS = 200
"""In longer runs of changed lines, words are not compared: such a memory was rewritten."""

_WORDS = re.compile(r"\w+|\s+|[^\w\s]")
_ALIKE = 0.5

Parts = tuple[tuple[str, bool], ...]
"""A line in pieces, each with whether it differs from the line it took the place of."""


@dataclass(frozen=True)
class Row:
    """One line of a comparison: ``same``, ``added`` or ``removed``; a ``gap`` stands for many."""

    kind: str
    old: int | None
    new: int | None
    parts: Parts
    is_constraint: bool = False


@dataclass(frozen=True)
class Changes:
    """How one memory became another.

    `constraints_gone` has the hard constraints that are one no more, by whatever means: taken
    away, reworded, or no longer under their heading.
    """

    rows: tuple[Row, ...]
    added: int
    removed: int
    constraints_gone: tuple[str, ...]


def side_by_side(
    one: Sequence[str], other: Sequence[str]
) -> tuple[tuple[Parts, ...], tuple[Parts, ...]]:
    """Return the lines of two texts in pieces, with what each has and the other has not marked."""
    left: list[Parts] = [((line, False),) for line in one]
    right: list[Parts] = [((line, False),) for line in other]
    for kind, i1, i2, j1, j2 in steps(one, other):
        if kind == "equal":
            continue
        left[i1:i2] = [((line, True),) for line in one[i1:i2]]
        right[j1:j2] = [((line, True),) for line in other[j1:j2]]
        pairs = zip(one[i1:i2], other[j1:j2], strict=False)
        for at, (ours, theirs) in enumerate(islice(pairs, MOST_PAIRS)):
            parts = _differing_words(ours, theirs)
            if any(not differs for _, differs in parts[0]):
                left[i1 + at], right[j1 + at] = parts
    return tuple(left), tuple(right)


def compare(old: str, new: str) -> Changes:
    """Return what changed from `old` to `new`; line endings are no change."""
    before, after = scan(old), scan(new)
    rows = tuple(_Comparison(before, after).rows())
    kinds = Counter(row.kind for row in rows)
    gone = Counter(before.constraints()) - Counter(after.constraints())
    return Changes(rows, kinds["added"], kinds["removed"], tuple(gone))


class _Comparison:
    def __init__(self, before: Outline, after: Outline) -> None:
        self._old = [line.rstrip("\r\n") for line in before.lines]
        self._new = [line.rstrip("\r\n") for line in after.lines]
        self._old_constraints = constraint_lines(before)
        self._new_constraints = constraint_lines(after)

    def rows(self) -> Iterator[Row]:
        found = steps(self._old, self._new)
        for step in found:
            if step[0] == "equal":
                yield from self._around(step, first=step is found[0], last=step is found[-1])
            else:
                yield from self._changed(step)

    def _around(self, step: Step, *, first: bool, last: bool) -> Iterator[Row]:
        _, i1, i2, j1, _ = step
        head = i1 if first else min(i1 + CONTEXT, i2)
        tail = i2 if last else max(i2 - CONTEXT, head)
        if tail - head <= 1:  # a gap is no shorter than the one line it would hide
            head = tail
        for number in range(i1, head):
            yield self._same(number, number - i1 + j1)
        if tail > head:
            yield Row("gap", None, None, ((f"{tail - head} unchanged lines", False),))
        for number in range(tail, i2):
            yield self._same(number, number - i1 + j1)

    def _same(self, old: int, new: int) -> Row:
        is_constraint = old in self._old_constraints or new in self._new_constraints
        return Row("same", old + 1, new + 1, ((self._old[old], False),), is_constraint)

    def _changed(self, step: Step) -> Iterator[Row]:
        _, i1, i2, j1, j2 = step
        lines = zip(self._old[i1:i2], self._new[j1:j2], strict=False)
        pairs = [_differing_words(old, new) for old, new in islice(lines, MOST_PAIRS)]
        for at, number in enumerate(range(i1, i2)):
            parts = pairs[at][0] if at < len(pairs) else ((self._old[number], False),)
            yield Row("removed", number + 1, None, parts, number in self._old_constraints)
        for at, number in enumerate(range(j1, j2)):
            parts = pairs[at][1] if at < len(pairs) else ((self._new[number], False),)
            yield Row("added", None, number + 1, parts, number in self._new_constraints)


def _differing_words(old: str, new: str) -> tuple[Parts, Parts]:
    """Return both lines in pieces with what differs marked; unmarked if they hardly agree."""
    left, right = _WORDS.findall(old), _WORDS.findall(new)
    matcher = SequenceMatcher(None, left, right, autojunk=False)
    if max(len(left), len(right)) > 1000 or matcher.ratio() < _ALIKE:
        return ((old, False),), ((new, False),)
    ours: list[tuple[str, bool]] = []
    theirs: list[tuple[str, bool]] = []
    for kind, i1, i2, j1, j2 in matcher.get_opcodes():
        ours.append(("".join(left[i1:i2]), kind != "equal"))
        theirs.append(("".join(right[j1:j2]), kind != "equal"))
    return tuple(p for p in ours if p[0]), tuple(p for p in theirs if p[0])


def constraint_lines(outline: Outline) -> frozenset[int]:
    """Return the lines under constraint headings but for blank ones, and those headings."""
    return frozenset(
        number
        for heading in outline.headings
        if heading.is_constraint
        for number in range(heading.line, outline.section_end(heading))
        if outline.lines[number].strip()
    )
