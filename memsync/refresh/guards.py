"""The guards of every merge: what may be done of the edits that were proposed for a memory.

Texts and edits in, a verdict out. No guard changes a text but by applying edits: repeats are left
out, what a stranger's note may not do waits for a person, and a merge that would harm the memory is
refused as a whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from memsync.refresh import gate
from memsync.refresh.gate import Held
from memsync.text.document import scan
from memsync.text.duplicates import without_repeats
from memsync.text.edits import Applied, Edit, apply_edits

MAX_SHARE_GONE = 0.2
"""The share of the memory's lines that one refresh may take away."""


class RefusalKind(Enum):
    """Which guard refused a merge."""

    CONSTRAINT = "a constraint would be removed or reworded"
    EMPTY = "nothing would be left"
    SHRINK = "too many lines would be gone"


@dataclass(frozen=True)
class Refusal:
    """A merge that would harm the memory, and how."""

    kind: RefusalKind
    why: str

    @property
    def can_be_allowed(self) -> bool:
        """Whether ``--allow-shrink`` lets the merge through."""
        return self.kind is RefusalKind.SHRINK


@dataclass(frozen=True)
class Rules:
    """What the guards let through in one merge.

    Attributes:
        allow_shrink: let more than a fifth of the lines go.
        gated: whether the edits come from notes that are not the person's own word.
        doubt: why all edits from such notes wait; empty if each is judged by itself.
    """

    allow_shrink: bool = False
    gated: bool = False
    doubt: str = ""


@dataclass(frozen=True)
class Verdict:
    """What the guards made of proposed edits.

    `text` is the memory with `edits` applied. It may be written only if there is no `refusal`.
    """

    edits: tuple[Edit, ...]
    held: tuple[Held, ...]
    text: str
    refusal: Refusal | None


def check_edits(proposed: Sequence[Edit], memory: str, rules: Rules) -> Verdict:
    """Return which of the proposed edits may be applied to a memory, and what comes of them.

    Raises:
        EditError: an edit does not fit the memory.
    """
    wanted, held = without_repeats(memory, proposed), tuple[Held, ...]()
    applied = apply_edits(memory, wanted)
    if rules.gated:
        wanted, held = _screen(wanted, applied, memory, rules)
        applied = apply_edits(memory, wanted)
    return Verdict(wanted, held, applied.text, _refusal(memory, applied, rules))


def _screen(
    wanted: Sequence[Edit], whole: Applied, memory: str, rules: Rules
) -> tuple[tuple[Edit, ...], tuple[Held, ...]]:
    """Return the edits that a stranger's word is enough for, and those that wait for a person.

    What would be refused waits, too: else the model would be asked about its note every night. If
    `whole`, all edits applied, takes away too much, no part of the answer is sound.
    """
    screened = gate.screen(memory, wanted, all_wait=rules.doubt)
    passed = apply_edits(memory, screened.passed)
    refusal = _too_much_gone(memory, whole, rules) or _refusal(memory, passed, rules)
    if refusal:
        screened = gate.screen(memory, wanted, all_wait=refusal.why)
    return screened.passed, screened.held


def _refusal(memory: str, applied: Applied, rules: Rules) -> Refusal | None:
    lost = _lost_constraint(memory, applied.text)
    if lost is not None:
        why = f"a line under constraints would be removed or reworded: {lost.strip()!r}"
        return Refusal(RefusalKind.CONSTRAINT, why)
    return _too_much_gone(memory, applied, rules)


def _too_much_gone(memory: str, applied: Applied, rules: Rules) -> Refusal | None:
    if memory.strip() and not applied.text.strip():
        return Refusal(RefusalKind.EMPTY, "nothing would be left of the memory")
    if rules.allow_shrink or applied.lines_gone <= count_lines(memory) * MAX_SHARE_GONE:
        return None
    why = f"{applied.lines_gone} of the memory's {count_lines(memory)} lines would be gone"
    return Refusal(RefusalKind.SHRINK, why)


def count_lines(memory: str) -> int:
    """Return how many lines are not blank: a refresh may take away a share of these."""
    return sum(1 for line in memory.split("\n") if line.strip())


def _lost_constraint(before: str, after: str) -> str | None:
    """Return the first constraint of `before` that `after` no longer has in its place, if any."""
    standing = iter(scan(after).constraints())
    return next((line for line in scan(before).constraints() if line not in standing), None)
