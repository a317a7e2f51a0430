"""Two texts of the memory become one: nothing of either is lost, and what is disputed is told.

Pure. Whichever side a machine calls its own, the text that comes out is the same, so machines that
bring the same two texts together at the same time agree.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from memsync.text.diff3 import Hunk, Lines, Resolution, ThreeWayMerge, merge, union
from memsync.text.digest import digest
from memsync.text.document import Kind, line_ending, scan, split_lines

LONG_ENOUGH = 12
"""A line this long that stands twice after a merge, and once on each side, came twice."""


@dataclass(frozen=True)
class Conflict:
    """A conflict a person has to decide: lines as they were, as the memory had them, as they came.

    `source` says in words where `theirs` came from; `section` is the heading they stand under.
    """

    base: Lines
    ours: Lines
    theirs: Lines
    source: str = ""
    section: str = ""
    time: str = ""
    machine: str = ""

    @property
    def id(self) -> str:
        """Its name: the same whichever side is called ours."""
        sides = sorted((_joined(self.ours), _joined(self.theirs)))
        return digest("\0".join((_joined(self.base), *sides)).encode("utf-8", "replace"))[:10]

    def text(self, choice: Resolution) -> str:
        """Return the text of one side."""
        return _joined(self.theirs if choice is Resolution.THEIRS else self.ours)

    def rejected(self, choice: Resolution) -> Lines:
        """Return the lines that go by `choice`: those that only the other side has."""
        if choice is Resolution.BOTH:
            return ()
        kept, gone = self.ours, self.theirs
        if choice is Resolution.THEIRS:
            kept, gone = gone, kept
        return tuple(line for line in gone if line.strip() and line not in kept)


@dataclass(frozen=True)
class Merged:
    """The text of both, and what of it a person has to decide."""

    text: str
    disputes: tuple[Conflict, ...] = ()


def name_of_text(text: str) -> str:
    """Return the name of a side's text, as decisions have it."""
    return digest(text.encode("utf-8", "replace"))[:20]


def merge_memories(
    base: str | None, present: str, other: str, source: str, decided: Mapping[str, str]
) -> Merged:
    """Return the memory `present` with what `other` changed since `base`.

    Both lines are kept where both changed one, unless a person decided that very dispute before.

    Args:
        base: what both were made from; None keeps what either has and asks about all of it.
        present: the memory.
        other: the text to bring in.
        source: where `other` came from, in words.
        decided: what was decided by a dispute's id: the name of a text (`name_of`), or ``both``.
    """
    old, ours, theirs = (_plain(text) for text in (base, present, other))
    low, high = sorted((ours, theirs), key=lambda text: digest(text.encode()))
    if Counter(_content(ours)) == Counter(_content(theirs)) and old not in {ours, theirs}:
        return Merged(_like(present, low))
    if base is None:
        return _united(present, other, source, decided)
    merged = merge(old, low, high)
    turned = ours == high
    disputes = [_dispute(conflict, source, turned=turned) for conflict in merged.conflicts]
    choices = [_choice(one, decided.get(one.id, ""), turned=turned) for one in disputes]
    text = _without_doubles(merged.text(choices), ours, theirs)
    sections = _sections(merged)
    open_ones = (
        replace(one, section=section)
        for one, section in zip(disputes, sections, strict=True)
        if one.id not in decided
    )
    return Merged(_like(present, text), tuple(open_ones))


def restore_lines(present: str, other: str, source: str, decided: Mapping[str, str]) -> Merged:
    """Return the memory with the lines of `other` that it lacks, and the dispute about them.

    For lines that went without anybody having written down who took them away.
    """
    standing = set(_content(_plain(present)))
    gone = tuple(f"{line}\n" for line in _content(_plain(other)) if line not in standing)
    if not gone:
        return Merged(present)
    dispute = Conflict((), (), gone, source)
    if decided.get(dispute.id) == name_of_text(""):
        return Merged(present)
    return Merged(_union(present, other), () if dispute.id in decided else (dispute,))


def _united(present: str, other: str, source: str, decided: Mapping[str, str]) -> Merged:
    """Return all lines of two texts of which nothing older is known, and the dispute about them.

    A line that one of them lacks may be new in the other, or taken away in the one.
    """
    ours, theirs = (_content(_plain(text)) for text in (present, other))
    mine = tuple(f"{line}\n" for line in ours if line not in theirs)
    new = tuple(f"{line}\n" for line in theirs if line not in ours)
    dispute = Conflict((), mine, new, source)
    text = _union(present, other)
    if dispute.id not in decided:
        return Merged(text, (dispute,))
    return Merged(apply_choice(text, dispute, _choice(dispute, decided[dispute.id], turned=False)))


def _union(present: str, other: str) -> str:
    """Return the memory `present` with every line that only `other` has."""
    ours, theirs = _plain(present), _plain(other)
    low, high = sorted((ours, theirs), key=lambda text: digest(text.encode()))
    return _like(present, _without_doubles(union(low, high), ours, theirs))


def has_side(lines: Sequence[str], side: Lines) -> bool:
    """Tell whether a memory has all the lines of one side."""
    present = {line.rstrip() for line in lines}
    return all(line.rstrip() in present for line in side if line.strip())


def can_pick(lines: Sequence[str], dispute: Conflict, choice: Resolution) -> bool:
    """Tell whether a memory has a text left once `choice` is made: of what was picked, or as it is.

    Somebody may have taken the picked text out meanwhile; with the other one gone, both would be.
    """
    own = dispute.rejected(_other(choice))
    present = {line.rstrip() for line in lines}
    is_there = not own or any(line.rstrip() in present for line in own)
    return is_there or not lines_to_remove(lines, dispute, choice)


def lines_to_remove(lines: Sequence[str], dispute: Conflict, choice: Resolution) -> list[int]:
    """Return which lines of a memory go once `dispute` is decided: where they are, in order.

    Each line goes once, and where it stands several times, the last one: the new one.
    """
    found: list[int] = []
    for gone in reversed(dispute.rejected(choice)):
        for at in range(len(lines) - 1, -1, -1):
            if lines[at].rstrip() == gone.rstrip() and at not in found:
                found.append(at)
                break
    return sorted(found)


def apply_choice(text: str, dispute: Conflict, choice: Resolution) -> str:
    """Return the memory as it is once `dispute` is decided: the lines of the other side gone."""
    lines = split_lines(text)
    gone = set(lines_to_remove(lines, dispute, choice))
    return "".join(line for at, line in enumerate(lines) if at not in gone)


def _dispute(conflict: Hunk, source: str, *, turned: bool) -> Conflict:
    ours, theirs = conflict.ours, conflict.theirs
    if turned:
        ours, theirs = theirs, ours
    return Conflict(conflict.base, ours, theirs, source)


def _choice(dispute: Conflict, pick: str, *, turned: bool) -> Resolution:
    for choice in (Resolution.OURS, Resolution.THEIRS):
        if pick == name_of_text(dispute.text(choice)):
            return choice if not turned else _other(choice)
    return Resolution.BOTH


def _other(choice: Resolution) -> Resolution:
    return Resolution.THEIRS if choice is Resolution.OURS else Resolution.OURS


def _sections(merged: ThreeWayMerge) -> list[str]:
    """Return for each conflict the heading it stands under."""
    found, text = [], ""
    for piece in merged.pieces:
        if isinstance(piece, Hunk):
            headings = scan(text).headings
            found.append(headings[-1].text if headings else "")
            text += "".join(piece.resolve(Resolution.BOTH))
        else:
            text += "".join(piece)
    return found


def _without_doubles(text: str, ours: str, theirs: str) -> str:
    """Return the text without lines that came twice: each side has it once, at another place."""
    most = Counter(_content(ours)) | Counter(_content(theirs))
    outline = scan(text)
    surplus = Counter(_content(text)) - most
    if not surplus:
        return text
    lines = list(outline.lines)
    for at in range(len(lines) - 1, -1, -1):
        line = lines[at].rstrip()
        is_own = outline.kinds[at] is Kind.TEXT and len(line.strip()) >= LONG_ENOUGH
        if surplus[line] > 0 and is_own:
            surplus[line] -= 1
            del lines[at]
    return "".join(lines)


def _content(text: str) -> list[str]:
    return [line.rstrip() for line in text.split("\n") if line.strip()]


def _plain(text: str | None) -> str:
    return (text or "").removeprefix("\ufeff").replace("\r\n", "\n")


def _like(present: str, text: str) -> str:
    """Return `text` with the line endings and the byte order mark of `present`."""
    if text == _plain(present):
        return present
    if line_ending(present) == "\r\n":
        text = text.replace("\n", "\r\n")
    return "\ufeff" + text if present.startswith("\ufeff") else text


def _joined(lines: Lines) -> str:
    return "".join(lines).rstrip("\n")
