"""The three-way merge, line by line: a person decides only what both sides changed.

It is as careful as ``git merge-file``: changes that touch each other are a conflict. It is more
generous in two cases. If both sides only add lines at one place, all of them are kept. If both only
reword lines, changes to neighbouring lines are no conflict.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from difflib import SequenceMatcher
from enum import Enum
from itertools import groupby

from memsync.text.document import split_lines

Lines = tuple[str, ...]
"""Consecutive lines of a text, with their endings."""


class Resolution(Enum):
    """Which lines of a conflict a person keeps."""

    OURS = "ours"
    THEIRS = "theirs"
    BOTH = "both"


@dataclass(frozen=True)
class Hunk:
    """Lines that both sides changed differently; a side that removed them is empty."""

    base: Lines
    ours: Lines
    theirs: Lines

    def resolve(self, choice: Resolution) -> Lines:
        """Return the lines that remain after this choice."""
        if choice is Resolution.OURS:
            return self.ours
        return self.theirs if choice is Resolution.THEIRS else _unite(self.theirs, self.ours)


@dataclass(frozen=True)
class ThreeWayMerge:
    """A merged text in pieces: lines that are certain, and conflicts."""

    pieces: tuple[Lines | Hunk, ...]

    @property
    def conflicts(self) -> tuple[Hunk, ...]:
        """The conflicts, in the order of the text."""
        return tuple(piece for piece in self.pieces if isinstance(piece, Hunk))

    def text(self, choices: Sequence[Resolution] = ()) -> str:
        """Return the text; a conflict without a choice keeps the lines of both sides."""
        left = iter(choices)
        lines: list[str] = []
        for piece in self.pieces:
            if isinstance(piece, Hunk):
                lines += piece.resolve(next(left, Resolution.BOTH))
            else:
                lines += piece
        # A side's last line may have no newline, but needs one when other lines follow it.
        return "".join([*map(_with_newline, lines[:-1]), *lines[-1:]])


def merge(base: str, ours: str, theirs: str) -> ThreeWayMerge:
    """Merge two texts that were both made from `base`.

    No line of either side is lost. A change of one side is taken from that side. A change that both
    made alike is taken once. Lines that both added at one place are all taken, `theirs` first.
    Anything else that both changed becomes a `Hunk`. Only LF ends a line.

    One change can often be described in several ways. Changes are first moved down as far as
    possible; if that leaves conflicts, they are also tried as found, and fewer conflicts win.
    """
    old, left, right = split_lines(base), split_lines(ours), split_lines(theirs)
    our_changes, their_changes = _changes(old, left), _changes(old, right)
    low = _slide_all_down(our_changes, old, left), _slide_all_down(their_changes, old, right)
    merged = _merge_changes(old, left, right, *low)
    if merged.conflicts:
        as_found = _merge_changes(old, left, right, our_changes, their_changes)
        return min(merged, as_found, key=lambda one: len(one.conflicts))
    return merged


def union(one: str, other: str) -> str:
    """Return a text with every line of both, in the order they have in common.

    Use it for two texts without a known merge base: a line that one of them lacks is kept.
    """
    return ThreeWayMerge((_unite(tuple(split_lines(one)), tuple(split_lines(other))),)).text()


def _merge_changes(
    old: list[str],
    left: list[str],
    right: list[str],
    ours: list[_Change],
    theirs: list[_Change],
) -> ThreeWayMerge:
    """Merge two sides, given what each of them changed in `old`."""
    pieces: list[Lines | Hunk] = []
    at = 0
    for region in _regions(ours, theirs):
        pieces.append(tuple(old[at : region.start]))
        pieces += _merge_region(
            tuple(old[region.start : region.end]),
            tuple(left[slice(*region.ours)]),
            tuple(right[slice(*region.theirs)]),
        )
        at = region.end
    pieces.append(tuple(old[at:]))
    return ThreeWayMerge(tuple(piece for piece in pieces if piece != ()))


def _merge_region(base: Lines, ours: Lines, theirs: Lines) -> list[Lines | Hunk]:
    if ours in {theirs, base}:
        return [theirs]
    if theirs == base:
        return [ours]
    if not base:
        return [_unite(theirs, ours)]
    if len(base) == len(ours) == len(theirs):
        return list(_line_by_line(base, ours, theirs))
    return list(_trim(Hunk(base, ours, theirs)))


def _line_by_line(base: Lines, ours: Lines, theirs: Lines) -> Iterator[Lines | Hunk]:
    """Merge lines that both sides reworded without adding or removing any."""

    def both_differ(row: tuple[str, str, str]) -> bool:
        return len(set(row)) == 3

    for is_conflict, rows in groupby(zip(base, ours, theirs, strict=True), both_differ):
        was, mine, other = (tuple(column) for column in zip(*rows, strict=True))
        if is_conflict:
            yield Hunk(was, mine, other)
        else:
            yield tuple(b if a == c else a for a, b, c in zip(mine, other, was, strict=True))


def _trim(conflict: Hunk) -> Iterator[Lines | Hunk]:
    """Yield the conflict, and separately the lines at its ends that are the same on both sides."""
    head = count_common_head(conflict.ours, conflict.theirs)
    ours, theirs = conflict.ours[head:], conflict.theirs[head:]
    tail = count_common_head(ours[::-1], theirs[::-1])
    cut = slice(0, -tail if tail else None)
    yield conflict.ours[:head]
    yield Hunk(conflict.base, ours[cut], theirs[cut])
    yield ours[len(ours) - tail :]


@dataclass(frozen=True)
class _Change:
    """Lines `start` to `end` of the base became lines `new_start` to `new_end`."""

    start: int
    end: int
    new_start: int
    new_end: int


@dataclass
class _Region:
    """A part of the base that was changed, and the lines of each side in its place."""

    start: int
    end: int
    ours: tuple[int, int]
    theirs: tuple[int, int]


def _changes(old: Sequence[str], new: Sequence[str]) -> list[_Change]:
    head = count_common_head(old, new)
    tail = count_common_head(old[head:][::-1], new[head:][::-1])
    middle = old[head : len(old) - tail], new[head : len(new) - tail]
    matcher = SequenceMatcher(None, *middle, autojunk=False)
    return [
        _Change(i1 + head, i2 + head, j1 + head, j2 + head)
        for kind, i1, i2, j1, j2 in matcher.get_opcodes()
        if kind != "equal"
    ]


def _slide_all_down(
    changes: list[_Change], old: Sequence[str], new: Sequence[str]
) -> list[_Change]:
    """Return the changes with each addition or removal moved down as far as possible.

    "A paragraph and its blank line" may also be read as "a blank line and its paragraph". If both
    sides make the same change, it must be found at the same place, or it would be taken twice.
    """
    placed: list[_Change] = []
    for change in reversed(changes):
        below = placed[-1].start if placed else len(old)
        moved = _slide_down(change, below, old, new)
        if placed and moved.end == below:
            follower = placed.pop()
            moved = _Change(moved.start, follower.end, moved.new_start, follower.new_end)
        placed.append(moved)
    return placed[::-1]


def _slide_down(change: _Change, below: int, old: Sequence[str], new: Sequence[str]) -> _Change:
    lines, start, end = old, change.start, change.end
    if start == end:
        lines, start, end = new, change.new_start, change.new_end
    elif change.new_start != change.new_end:
        return change
    most = min(below - change.end, len(lines) - end)
    by = 0
    while by < most and lines[start + by] == lines[end + by]:
        by += 1
    return _Change(*(at + by for at in astuple(change)))


def _regions(ours: list[_Change], theirs: list[_Change]) -> Iterator[_Region]:
    """Yield the changed parts of the base in order; changes that touch each other form one part."""
    shifts = [0, 0]  # how much longer each side is than the base, up to here
    waiting = sorted(
        [(change.start, change.end, 0, change) for change in ours]
        + [(change.start, change.end, 1, change) for change in theirs],
        key=lambda entry: entry[:3],
    )
    while waiting:
        start, end = waiting[0][:2]
        grown = [0, 0]
        while waiting and waiting[0][0] <= end:
            _, change_end, side, change = waiting.pop(0)
            end = max(end, change_end)
            grown[side] += (change.new_end - change.new_start) - (change.end - change.start)
        spans = [
            (start + shift, end + shift + growth)
            for shift, growth in zip(shifts, grown, strict=True)
        ]
        yield _Region(start, end, spans[0], spans[1])
        shifts = [shift + growth for shift, growth in zip(shifts, grown, strict=True)]


def _unite(first: Lines, second: Lines) -> Lines:
    """Return the lines of both in order; a line that both have stands once, even if it moved."""
    steps = SequenceMatcher(None, first, second, autojunk=False).get_opcodes()
    elsewhere = Counter(
        line for kind, i1, i2, *_ in steps if kind != "equal" for line in first[i1:i2]
    )
    lines: list[str] = []
    for kind, i1, i2, j1, j2 in steps:
        lines += first[i1:i2]
        for line in second[j1:j2] if kind != "equal" else ():
            if line.strip() and elsewhere[line]:
                elsewhere[line] -= 1
            else:
                lines.append(line)
    return tuple(lines)


def count_common_head(one: Sequence[str], other: Sequence[str]) -> int:
    """Count the lines at the start that two texts have in common."""
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count


def _with_newline(line: str) -> str:
    return line if line.endswith("\n") else f"{line}\n"
