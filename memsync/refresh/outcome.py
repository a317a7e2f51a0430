"""What a refresh did, counted while it runs and put into a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from memsync.errors import MemsyncError
from memsync.refresh.engine import MergeResult
from memsync.refresh.llm import prices
from memsync.refresh.proposal_file import Proposal, WaitingEdit
from memsync.targets import TargetState
from memsync.text.note import Note


@dataclass
class Refreshed:
    """What a refresh did, summed over its batches; `notes` counts those that are merged."""

    notes: int = 0
    waiting: list[WaitingEdit] = field(default_factory=list)
    proposals: list[Proposal] = field(default_factory=list)
    changed: bool = False
    summaries: list[str] = field(default_factory=list)
    before: str = ""
    after: str = ""
    backup: Path | None = None
    targets: tuple[TargetState, ...] = ()
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0

    @property
    def sentence(self) -> str:
        """One sentence for a person or a job's history."""
        return self._done or "no pending notes"

    def explain(self, error: MemsyncError) -> MemsyncError:
        """Return `error`, which ended the refresh, in words that begin with what was done before.

        Of the notes only those that are neither merged nor in a proposal stay pending.
        """
        if not self._done:
            return error
        hint = error.hint.replace("the notes stay pending", "the other notes stay pending")
        return error.reworded(f"{self._done}; but then: {error.message}", hint)

    @property
    def _done(self) -> str:
        parts = []
        if self.notes:
            count = "1 note" if self.notes == 1 else f"{self.notes} notes"
            parts.append(f"{count} merged: {'; '.join(dict.fromkeys(self.summaries))}")
        if self.waiting:
            count = (
                "1 change waits" if len(self.waiting) == 1 else f"{len(self.waiting)} changes wait"
            )
            parts.append(f"{count} for you: memsync review")
        return "; ".join(parts)

    def add(self, batch: Sequence[Note], result: MergeResult, proposed: Sequence[Note]) -> None:
        """Add what merging a batch came to; `proposed` are those of its notes in a proposal."""
        merged = len(batch) - len(proposed)
        self.notes += merged
        self.waiting += result.waiting
        self.changed = self.changed or result.changed
        if merged:
            self.summaries.append(result.summary)
        self.input_tokens += sum(tokens.input for tokens in result.calls)
        self.output_tokens += sum(tokens.output for tokens in result.calls)
        self.cost_usd += sum(prices.cost(result.model, tokens) for tokens in result.calls)
