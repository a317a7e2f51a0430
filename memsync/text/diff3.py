"""Two changes of one text brought together by lines; what both changed is left to a person.

Text in, pieces out. It is as careful as ``git merge-file``: where changes touch each other, that
is a conflict. In two respects it is kinder: what both sides only add at one place is all kept, and
where both only reworded lines, lines that stand next to each other are no conflict.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from difflib import SequenceMatcher
from enum import Enum
from itertools import groupby

Lines = tuple[str, ...]


class Resolution(Enum):
    """What a person decides about one conflict."""

    OURS = "ours"
    THEIRS = "theirs"
    BOTH = "both"


@dataclass(frozen=True)
class Hunk:
    """Lines that both sides changed, each in its own way; an empty side took them away."""

    base: Lines
    ours: Lines
    theirs: Lines

    def resolve(self, choice: Resolution) -> Lines:
        """Return the lines that `choice` stands for."""
        if choice is Resolution.OURS:
            return self.ours
        return self.theirs if choice is Resolution.THEIRS else _union(self.theirs, self.ours)


@dataclass(frozen=True)
class ThreeWayMerge:
    """A merged text in pieces: lines that are settled, and conflicts."""

    pieces: tuple[Lines | Hunk, ...]

    @property
    def conflicts(self) -> tuple[Hunk, ...]:
        """What a person has to decide, in order."""
        return tuple(piece for piece in self.pieces if isinstance(piece, Hunk))

    def text(self, choices: Sequence[Resolution] = ()) -> str:
        """Return the text; a conflict for which there is no choice keeps the lines of both."""
        left = iter(choices)
        lines: list[str] = []
        for piece in self.pieces:
            if isinstance(piece, Hunk):
                lines += piece.resolve(next(left, Resolution.BOTH))
            else:
                lines += piece
        # The last line of a text may have no ending; it needs one where it is the last no more.
        return "".join([*map(_ended, lines[:-1]), *lines[-1:]])


def merge(base: str, ours: str, theirs: str) -> ThreeWayMerge:
    """Return `ours` and `theirs`, which were both made from `base`, as one text.

    No line of either side is lost: what only one side changed is taken from it, what both changed
    alike is taken once, what both added at one place is taken from both (`theirs` first), and
    anything else that both changed is a `Conflict`. Only LF ends a line.

    Which lines count as changed is not always one answer. Where changes moved down as far as they
    may stand leave a conflict, they are also tried as they were found, and fewer conflicts win.
    """
    old, left, right = _lines(base), _lines(ours), _lines(theirs)
    our_changes, their_changes = _changes(old, left), _changes(old, right)
    low = _slid_down(our_changes, old, left), _slid_down(their_changes, old, right)
    merged = _woven(old, left, right, *low)
    if merged.conflicts:
        as_found = _woven(old, left, right, our_changes, their_changes)
        return min(merged, as_found, key=lambda one: len(one.conflicts))
    return merged


def union(one: str, other: str) -> str:
    """Return a text that has every line of both, in the order both have in common.

    It takes nothing for taken away: the merge for two texts of which nothing older is known.
    """
    return ThreeWayMerge((_union(tuple(_lines(one)), tuple(_lines(other))),)).text()


def _woven(
    old: list[str],
    left: list[str],
    right: list[str],
    ours: list[_Change],
    theirs: list[_Change],
) -> ThreeWayMerge:
    """Return the merge of two sides of which it is said what each changed in `old`."""
    pieces: list[Lines | Hunk] = []
    at = 0
    for region in _regions(ours, theirs):
        pieces.append(tuple(old[at : region.start]))
        pieces += _decide(
            tuple(old[region.start : region.end]),
            tuple(left[slice(*region.ours)]),
            tuple(right[slice(*region.theirs)]),
        )
        at = region.end
    pieces.append(tuple(old[at:]))
    return ThreeWayMerge(tuple(piece for piece in pieces if piece != ()))


def _decide(base: Lines, ours: Lines, theirs: Lines) -> list[Lines | Hunk]:
    if ours in {theirs, base}:
        return [theirs]
    if theirs == base:
        return [ours]
    if not base:
        return [_union(theirs, ours)]
    if len(base) == len(ours) == len(theirs):
        return list(_line_by_line(base, ours, theirs))
    return list(_narrowed(Hunk(base, ours, theirs)))


def _line_by_line(base: Lines, ours: Lines, theirs: Lines) -> Iterator[Lines | Hunk]:
    """Yield what becomes of lines that were reworded, none added and none taken away."""

    def both_differ(row: tuple[str, str, str]) -> bool:
        return len(set(row)) == 3

    for is_conflict, rows in groupby(zip(base, ours, theirs, strict=True), both_differ):
        was, mine, other = (tuple(column) for column in zip(*rows, strict=True))
        if is_conflict:
            yield Hunk(was, mine, other)
        else:
            yield tuple(b if a == c else a for a, b, c in zip(mine, other, was, strict=True))


def _narrowed(conflict: Hunk) -> Iterator[Lines | Hunk]:
    """Yield the conflict without the lines at its ends on which both sides agree."""
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
    """A stretch of the base that a side changed, with what each side has in its place."""

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


def _slid_down(changes: list[_Change], old: Sequence[str], new: Sequence[str]) -> list[_Change]:
    """Return the changes with each addition or removal as far down as it may stand.

    A paragraph and its blank line may as well be a blank line and its paragraph: where both sides
    make the same change it must stand at the same place, or it would be taken twice.
    """
    placed: list[_Change] = []
    for change in reversed(changes):
        below = placed[-1].start if placed else len(old)
        moved = _slide(change, below, old, new)
        if placed and moved.end == below:
            follower = placed.pop()
            moved = _Change(moved.start, follower.end, moved.new_start, follower.new_end)
        placed.append(moved)
    return placed[::-1]


def _slide(change: _Change, below: int, old: Sequence[str], new: Sequence[str]) -> _Change:
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
    """Yield the changed stretches of the base in order; changes that touch are one stretch."""
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


def _union(first: Lines, second: Lines) -> Lines:
    """Return the lines of both in order, once where both have them, be it elsewhere."""
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
    """Return how many lines two texts share from their first on."""
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count


def _lines(text: str) -> list[str]:
    lines = [f"{line}\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


def _ended(line: str) -> str:
    return line if line.endswith("\n") else f"{line}\n"
