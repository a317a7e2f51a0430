"""What a person should know about a target besides its state: its size, and what else is read.

A file may be up to date and its agent may still not read the memory: because it reads another file
instead, or only the beginning of this one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from memsync.targets.agents import Agent, Limit
from memsync.targets.catalog import Target, find_agent, readers

NEAR = 0.8
"""The share of a limit above which the size is mentioned."""


@dataclass(frozen=True)
class Size:
    """The size of an agent's whole file, against its limit."""

    used: int
    limit: Limit

    @property
    def level(self) -> str:
        """``fits``, ``near`` or ``over``."""
        if self.used > self.limit.most:
            return "over"
        return "near" if self.used > self.limit.most * NEAR else "fits"

    @property
    def words(self) -> str:
        """The size against the limit, in words."""
        return f"{self.used:,} of {self.limit.most:,} {self.limit.unit}"


@dataclass(frozen=True)
class Remark:
    """A sentence; `harmful` if the agent therefore does not get the whole memory."""

    words: str
    harmful: bool = False


def agents_of(target: Target) -> list[Agent]:
    """Return the agents that read a target's file: by its path, and by its name."""
    found = readers(target.path)
    named = find_agent(target.name)
    if named is not None and named not in found:
        found.insert(0, named)
    return [agent for agent in found if agent is named or agent.is_here()]


def size_of(target: Target) -> Size | None:
    """Return the size of a target's file; None without a limit or a readable file."""
    limits = [agent.limit for agent in agents_of(target) if agent.limit is not None]
    if not limits:
        return None
    try:
        data = target.path.read_bytes()
    except (OSError, ValueError):
        return None
    sizes = [Size(limit.measure(data), limit) for limit in limits]
    return max(sizes, key=lambda found: found.used / found.limit.most)


def remarks_on(target: Target, others: Sequence[Target]) -> list[Remark]:
    """Return all remarks on `target`; `others` are all targets of this machine."""
    return [*_rivals(target), *read_twice(target, others), *_fullness(target)]


def _rivals(target: Target) -> Iterator[Remark]:
    for agent in agents_of(target):
        rival = target.path.with_name(agent.rival) if agent.rival else None
        if rival is not None and _has_text(rival):
            words = f"{agent.label} reads {rival} instead, as long as that file is not empty"
            yield Remark(words, harmful=True)


def read_twice(target: Target, others: Iterable[Target]) -> Iterator[Remark]:
    """Yield a remark for each of `others` if the agent of `target` reads its file as well."""
    agent = find_agent(target.name)
    if agent is None:
        return
    for other in others:
        if other.name in agent.also_reads:
            yield Remark(
                f"{agent.label.split(',')[0]} also reads the target {other.name!r}, so it reads the"
                f" memory twice: memsync targets remove {agent.name}"
            )


def _fullness(target: Target) -> Iterator[Remark]:
    found = size_of(target)
    if found is None or found.level == "fits":
        return
    over, source = found.level == "over", found.limit.source
    if found.limit.cuts:
        beyond = "more than its agent reads" if over else "close to the most its agent reads"
        yield Remark(f"{found.words}, {beyond} ({source})", over)
    elif over:
        yield Remark(f"{found.words}, more than its maker recommends ({source})")


def _has_text(path: Path) -> bool:
    try:
        return bool(path.read_bytes().strip())
    except OSError:
        return False
