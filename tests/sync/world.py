"""Machines that share a memory by a sync client, and what is to be so in the end."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import time_machine

from memsync.config.workspace import Workspace
from memsync.errors import DamagedMemoryError
from memsync.memory import store
from memsync.memory.conflicts import records
from memsync.memory.conflicts.merge import Conflict
from memsync.memory.history import backups, last_seen
from memsync.memory.publish import update_targets
from memsync.notes import reader
from memsync.providers.conflict_copies import recognise_copy
from memsync.refresh import run
from tests.sync.clients import CLIENTS, Cloud, Folder
from tests.sync.homes import at_home, set_up
from tests.sync.promises import MARKERS, Promises, facts

HOSTS = ("LAPTOP", "PI", "DESKTOP-AB12CD3")
SKEWS = (0, 0, -4000, 90, 7000)
"""How many seconds a machine's clock may be off."""

START = """<!-- memsync v1 -->
# Global memory

## Identity

- fact 1 of who I am
- fact 2 of who I am

## Priorities

- fact 3 to work on
- fact 4 to work on

## Hard constraints

- fact 5 never to do
"""


@dataclass
class Machine:
    """One machine: its home, its folder, its clock, and its facts that memsync has not had yet."""

    home: Path
    folder: Folder
    workspace: Workspace
    skew: timedelta
    unsaid: set[str] = field(default_factory=set)

    @property
    def memory(self) -> Path:
        return self.workspace.memory

    @property
    def agent(self) -> Path:
        return self.home / ".claude" / "CLAUDE.md"

    def text(self) -> str:
        return self.memory.read_text() if self.memory.exists() else ""


class World:
    """A few machines, one cloud.

    It is `tame` where nobody types behind memsync's back or restores, the clocks are right, and the
    client, late as it may be, brings all files that changed and not some before others.
    """

    def __init__(
        self,
        place: Path,
        client: str,
        seed: int,
        clock_of: time_machine.Traveller,
        *,
        machines: int,
        tame: bool,
    ) -> None:
        self.chance = random.Random(f"{client} {seed}")
        self.client = CLIENTS[client]
        self.clock_of, self.tame = clock_of, tame
        self.history: list[str] = []
        self.promises = Promises(self.client.copy_name is not None and tame, facts(START))
        self._told: dict[str, str] = {}
        cloud = Cloud()
        self.machines = [
            self._machine(place / f"m{number}", HOSTS[number], cloud) for number in range(machines)
        ]
        first = self.machines[0]
        with self.at(first):
            Workspace.create(first.workspace.config)
            store.create(first.workspace, START)
        self.deliver_all()
        for machine in self.machines[1:]:
            with self.at(machine) as workspace:
                update_targets(workspace)  # what `memsync init` does where a memory is
        self.deliver_all()

    def _machine(self, home: Path, host: str, cloud: Cloud) -> Machine:
        folder = Folder(home / "Sync" / ".claude-memory", host, cloud, self.client)
        folder.path.mkdir(parents=True)
        skew = timedelta(seconds=0 if self.tame else self.chance.choice(SKEWS))
        return Machine(home, folder, set_up(home, host), skew)

    @contextmanager
    def at(self, machine: Machine) -> Iterator[Workspace]:
        """Be at a machine: its home, its state and its clock."""
        self.clock_of.shift(machine.skew)
        try:
            with at_home(machine.home):
                yield machine.workspace
        finally:
            self.clock_of.shift(-machine.skew)

    def deliver(self, machine: Machine) -> None:
        """Let the client bring and take some files, in any order; all of them in a tame world."""
        machine.folder.deliver(None if self.tame else self.chance)

    def deliver_all(self) -> None:
        """Let the client run until nobody has anything to send."""
        for _ in range(20):
            if not sum(machine.folder.deliver() for machine in self.machines):
                return
        raise AssertionError("the sync client never comes to rest")

    def refresh(self, machine: Machine) -> None:
        with self.at(machine) as workspace:
            run.merge_pending(workspace)
        self.had(machine)

    def had(self, machine: Machine) -> None:
        """memsync has looked at this machine's memory: what stands there is acknowledged."""
        standing = facts(machine.text())
        self.promises.acknowledged |= machine.unsaid & standing
        machine.unsaid -= standing

    def one_round(self) -> None:
        """Every machine refreshes once, in any order, and in the end everything is delivered."""
        for machine in self.chance.sample(self.machines, len(self.machines)):
            self.history.append(f"last refresh at {machine.folder.host}")
            with contextlib.suppress(DamagedMemoryError):  # the client is about to bring it
                self.refresh(machine)
            for other in self.machines:
                self.deliver(other)
        self.deliver_all()
        self.clock_of.shift(600)

    def is_waiting(self) -> bool:
        """Tell whether a machine still waits to hear what became of a text it had."""
        for machine in self.machines:
            with self.at(machine) as workspace:
                if last_seen.load_seen(workspace.root).missing:
                    return True
        return False

    def texts(self) -> set[str]:
        """Return the different memories there are; an empty one where one is missing."""
        return {machine.text() for machine in self.machines}

    def copies(self) -> list[str]:
        """Return every conflict copy that still lies about."""
        roots = {one.folder.host: one.folder.path for one in self.machines}
        return [f"{name} lies about at {host}" for host in roots for name in _copies(roots[host])]

    def seen_by_agents(self) -> list[str]:
        """Return where an agent would read conflict markers just now."""
        paths = [path for one in self.machines for path in (one.memory, one.agent)]
        return [f"markers in {path}" for path in paths if MARKERS.search(_text(path))]

    def judge(self) -> list[str]:
        """Return what is not as it should be, now that all is delivered."""
        texts = {machine.folder.host: machine.text() for machine in self.machines}
        disputes = [dispute for one in self.machines for dispute in self._disputes(one)]
        for machine in self.machines:
            with self.at(machine) as workspace:
                update_targets(workspace)  # what our hook does as a session of the agent starts
        faults = self.promises.broken(texts, disputes) + self.seen_by_agents()
        faults += self.copies() + (["the memories differ"] if len(self.texts()) > 1 else [])
        for machine in self.machines:
            host = machine.folder.host
            if not texts[host] or texts[host] not in _text(machine.agent):
                faults.append(f"the agent at {host} has another memory")
            faults += [f"{what} in the logs of {host}" for what in self._log_faults(machine)]
        return faults

    def _disputes(self, machine: Machine) -> list[Conflict]:
        with self.at(machine) as workspace:
            return records.unresolved(workspace)

    def _log_faults(self, machine: Machine) -> list[str]:
        days = reader.days(machine.workspace)
        ids = [note.id for day in days for note in reader.read_day(machine.workspace, day)]
        times = {note.text: ids.count(note.id) for note in self.promises.notes}
        return [f"{text!r} stands {count} times" for text, count in times.items() if count != 1]

    def changes(self) -> list[str]:
        """Return the texts that are others than when this was last asked."""
        found = []
        for machine in self.machines:
            for path in sorted(machine.folder.path.glob("GLOBAL*")):
                told = f"{machine.folder.host} {path.name}"
                text = _text(path)
                if self._told.get(told) != text:
                    self._told[told] = text
                    lines = " | ".join(line for line in text.split("\n") if facts(line))
                    found.append(f"    {told}: {lines}")
        return found


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def _copies(root: Path) -> list[str]:
    """Return every conflict copy that still lies about."""
    found = [path for path in root.iterdir() if recognise_copy(path.name, "GLOBAL_MEMORY.md")]
    logs = (root / "sessions").glob("*")
    found += [path for path in logs if recognise_copy(path.name, f"{path.name[:10]}.md")]
    return [
        path.name for path in (*found, *backups.backup_copies(root / "backups", lambda _: True))
    ]
