"""Which files get the memory on this machine. Each file has one target that writes it."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from memsync.config import RETIRED_MODE, Config
from memsync.targets.agents import AGENTS, Agent

DEFAULT_NAMES = ("claude", "codex")


@dataclass(frozen=True)
class Target:
    """One file that gets the memory, and how: ``block`` or ``copy``.

    An earlier config may still say ``link``; such a file is left alone.
    """

    name: str
    path: Path
    mode: str

    @property
    def is_retired(self) -> bool:
        """Is this a link of an earlier config, which memsync neither writes nor removes?"""
        return self.mode == RETIRED_MODE

    @property
    def adding(self) -> str:
        """The command that adds this target again, in the mode used today."""
        agent = find_agent(self.name)
        is_usual = agent is not None and agent.file() == self.path
        path = "" if is_usual else f" {shlex.quote(str(self.path))}"
        return f"memsync targets add {self.name}{path}"


def find_agent(name: str) -> Agent | None:
    """Return the known agent called `name`, or None."""
    return next((agent for agent in AGENTS if agent.name == name), None)


def readers(path: Path) -> list[Agent]:
    """Return the known agents that read the file at `path`, here or not."""
    place = real_place(path)
    return [agent for agent in AGENTS if real_place(agent.file()) == place]


def real_place(path: Path) -> str:
    """Return a key that is the same for all paths of one file.

    Links to folders are resolved, a link in place of the file is not: it is a state of its own.
    """
    return os.path.normcase(os.path.join(os.path.realpath(path.parent), path.name))  # noqa: PTH118


def twins(targets: Iterable[Target]) -> dict[str, str]:
    """Return the name of each target whose file an earlier target writes, with the earlier name."""
    first: dict[str, str] = {}
    found: dict[str, str] = {}
    for target in targets:
        if target.is_retired:
            continue
        place = real_place(target.path)
        if place in first:
            found[target.name] = first[place]
        first.setdefault(place, target.name)
    return found


def configured_targets(config: Config) -> list[Target]:
    """Return this machine's targets: those in the config, or else the default ones.

    The default ones (Claude Code and Codex) count only if the agent's folder exists.
    """
    if config.targets or "targets" in config.given:
        return [
            Target(name, Path(os.path.expandvars(setting.path)).expanduser(), setting.mode)
            for name, setting in config.targets.items()
        ]
    usual = [agent for agent in AGENTS if agent.name in DEFAULT_NAMES]
    return [Target(a.name, a.file(), a.mode) for a in usual if a.file().parent.is_dir()]


def moved_targets(config: Config) -> list[Target]:
    """Return the default targets that a variable of this process moves to another folder.

    A service or another shell does not have that variable; only the config can tell it the path.
    """
    if "targets" in config.given:
        return []
    agents = {agent.name for agent in AGENTS if agent.is_moved()}
    return [target for target in configured_targets(config) if target.name in agents]


def offered_agents(targets: Iterable[Target]) -> list[Agent]:
    """Return the agents found on this machine that have no target yet, one for each file.

    An agent that would then read the memory twice is not offered.
    """
    given = list(targets)
    taken = {real_place(target.path) for target in given}
    names = {target.name for target in given}
    read = {name for agent in AGENTS if agent.name in names for name in agent.also_reads}
    found: list[Agent] = []
    for agent in AGENTS:
        place = real_place(agent.file())
        twice = agent.name in read or names.intersection(agent.also_reads)
        if place in taken or twice or not agent.is_here():
            continue
        taken.add(place)
        names.add(agent.name)
        read.update(agent.also_reads)
        found.append(agent)
    return found
