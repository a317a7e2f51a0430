"""What a lint rule reports: one finding, with advice."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One finding: the line (from 1; 0 is the whole file), its kind, the problem and the advice."""

    line: int
    kind: str
    message: str
    advice: str
    serious: bool = False
