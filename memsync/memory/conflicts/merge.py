"""The three-way merge of two memories: no text of either is lost, and conflicts are reported.

Pure. The merged text does not depend on which side is called ours, so two machines that merge the
same two memories at the same time get the same text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from memsync.text.diff3 import Hunk, Lines, Resolution, ThreeWayMerge, merge, union
from memsync.text.digest import digest
from memsync.text.document import Kind, line_ending, scan, split_lines

LONG_ENOUGH = 12
"""Shorter lines may well stand twice; a line this long that each side has once is a duplicate."""


@dataclass(frozen=True)
class Conflict:
    """Lines that two sides changed, each in its own way; a person has to decide.

    `base` are the lines before both changes, `ours` those of the memory, `theirs` those of the text
    that was merged into it. `source` says in words where `theirs` came from, `section` is the
    heading above them.
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
        """The id, which is the same whichever side is called ours."""
        sides = sorted((_joined(self.ours), _joined(self.theirs)))
        return digest("\0".join((_joined(self.base), *sides)).encode("utf-8", "replace"))[:10]

    def text(self, choice: Resolution) -> str:
        """Return the text of one side."""
        return _joined(self.theirs if choice is Resolution.THEIRS else self.ours)

    def rejected(self, choice: Resolution) -> Lines:
        """Return the lines that `choice` removes: those that only the other side has."""
        if choice is Resolution.BOTH:
            return ()
        kept, gone = self.ours, self.theirs
        if choice is Resolution.THEIRS:
            kept, gone = gone, kept
        return tuple(line for line in gone if line.strip() and line not in kept)


@dataclass(frozen=True)
class Merged:
    """A merged text, and its conflicts that nobody has decided."""

    text: str
    conflicts: tuple[Conflict, ...] = ()


def name_of_text(text: str) -> str:
    """Return the name of a side's text, as recorded decisions use it."""
    return digest(text.encode("utf-8", "replace"))[:20]


def merge_memories(
    base: str | None, present: str, other: str, source: str, decided: Mapping[str, str]
) -> Merged:
    """Return the memory `present` with what `other` changed since `base`.

    If both changed a line, both lines are kept, unless a person has decided this conflict before.

    Args:
        base: the merge base; None keeps all lines of both and makes one conflict of them.
        present: the memory.
        other: the text to merge into it.
        source: where `other` came from, in words.
        decided: the text that was picked (see `name_of_text`), or ``both``, by a conflict's id.
    """
    old, ours, theirs = (_plain(text) for text in (base, present, other))
    low, high = sorted((ours, theirs), key=lambda text: digest(text.encode()))
    if Counter(_content(ours)) == Counter(_content(theirs)) and old not in {ours, theirs}:
        return Merged(_like(present, low))
    if base is None:
        return _united(present, other, source, decided)
    merged = merge(old, low, high)
    turned = ours == high
    conflicts = [_conflict(hunk, source, turned=turned) for hunk in merged.conflicts]
    choices = [_choice(one, decided.get(one.id, ""), turned=turned) for one in conflicts]
    text = _without_doubles(merged.text(choices), ours, theirs)
    sections = _sections(merged)
    open_ones = (
        replace(one, section=section)
        for one, section in zip(conflicts, sections, strict=True)
        if one.id not in decided
    )
    return Merged(_like(present, text), tuple(open_ones))


def restore_lines(present: str, other: str, source: str, decided: Mapping[str, str]) -> Merged:
    """Return the memory with the lines of `other` that it lacks, and the conflict about them.

    For lines that are gone, and nobody recorded who removed them.
    """
    standing = set(_content(_plain(present)))
    gone = tuple(f"{line}\n" for line in _content(_plain(other)) if line not in standing)
    if not gone:
        return Merged(present)
    conflict = Conflict((), (), gone, source)
    if decided.get(conflict.id) == name_of_text(""):
        return Merged(present)
    return Merged(_union(present, other), () if conflict.id in decided else (conflict,))


def _united(present: str, other: str, source: str, decided: Mapping[str, str]) -> Merged:
    """Return all lines of two texts without a known base, and the conflict about them.

    A line that only one of them has may have been added there, or removed in the other.
    """
    ours, theirs = (_content(_plain(text)) for text in (present, other))
    mine = tuple(f"{line}\n" for line in ours if line not in theirs)
    new = tuple(f"{line}\n" for line in theirs if line not in ours)
    conflict = Conflict((), mine, new, source)
    text = _union(present, other)
    if conflict.id not in decided:
        return Merged(text, (conflict,))
    return Merged(
        apply_choice(text, conflict, _choice(conflict, decided[conflict.id], turned=False))
    )


def _union(present: str, other: str) -> str:
    """Return the memory `present` with the lines that only `other` has."""
    ours, theirs = _plain(present), _plain(other)
    low, high = sorted((ours, theirs), key=lambda text: digest(text.encode()))
    return _like(present, _without_doubles(union(low, high), ours, theirs))


def has_side(lines: Sequence[str], side: Lines) -> bool:
    """Has a memory all the lines of one side?"""
    present = {line.rstrip() for line in lines}
    return all(line.rstrip() in present for line in side if line.strip())


def can_pick(lines: Sequence[str], conflict: Conflict, choice: Resolution) -> bool:
    """Does the memory still have the picked text, or would the choice remove nothing?

    Somebody may have removed the picked text meanwhile; then the choice would remove the other one,
    too.
    """
    own = conflict.rejected(_other(choice))
    present = {line.rstrip() for line in lines}
    is_there = not own or any(line.rstrip() in present for line in own)
    return is_there or not lines_to_remove(lines, conflict, choice)


def lines_to_remove(lines: Sequence[str], conflict: Conflict, choice: Resolution) -> list[int]:
    """Return the indexes of the lines that a decision removes from a memory, in order.

    Each line is removed once; if it stands there several times, the last one goes: the newest.
    """
    found: list[int] = []
    for gone in reversed(conflict.rejected(choice)):
        for at in range(len(lines) - 1, -1, -1):
            if lines[at].rstrip() == gone.rstrip() and at not in found:
                found.append(at)
                break
    return sorted(found)


def apply_choice(text: str, conflict: Conflict, choice: Resolution) -> str:
    """Return the memory without the lines that a decision removes."""
    lines = split_lines(text)
    gone = set(lines_to_remove(lines, conflict, choice))
    return "".join(line for at, line in enumerate(lines) if at not in gone)


def _conflict(hunk: Hunk, source: str, *, turned: bool) -> Conflict:
    ours, theirs = hunk.ours, hunk.theirs
    if turned:
        ours, theirs = theirs, ours
    return Conflict(hunk.base, ours, theirs, source)


def _choice(conflict: Conflict, pick: str, *, turned: bool) -> Resolution:
    for choice in (Resolution.OURS, Resolution.THEIRS):
        if pick == name_of_text(conflict.text(choice)):
            return choice if not turned else _other(choice)
    return Resolution.BOTH


def _other(choice: Resolution) -> Resolution:
    return Resolution.THEIRS if choice is Resolution.OURS else Resolution.OURS


def _sections(merged: ThreeWayMerge) -> list[str]:
    """Return the heading above each conflict."""
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
    """Return the text without duplicates: lines that each side had once, at different places."""
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
