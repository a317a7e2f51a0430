"""Machines that share a memory by a sync client, and people who use them: a seed is a history.

What people were promised is written down as they go: a line counts as acknowledged once memsync has
had it, and as lost if it is gone in the end without a person having taken it away.
"""

from __future__ import annotations

import contextlib
import os
import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import time_machine

from memsync import backups, clock, config_writer, notes, refresh, sessions, store
from memsync import config as settings
from memsync.copies import recognise
from memsync.errors import DamagedMemoryError, MemoryMovedError
from memsync.publish import bring_in_step, publish
from memsync.reconcile import merge_edit, reconcile
from memsync.workspace import Workspace
from tests.sync.clients import CLIENTS, Cloud, Folder

HOSTS = ("LAPTOP", "PI", "DESKTOP-AB12CD3")
FACT = re.compile(r"fact \d+")
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
    """One machine: its home, its folder, and its facts that memsync has not had yet."""

    home: Path
    folder: Folder
    workspace: Workspace
    unsaid: set[str]

    @property
    def memory(self) -> Path:
        return self.workspace.memory

    def text(self) -> str:
        return self.memory.read_text() if self.memory.exists() else ""


def facts(text: str) -> set[str]:
    """Return the facts a text holds."""
    return set(FACT.findall(text))


class World:
    """A few machines, one cloud."""

    def __init__(self, place: Path, client: str, seed: int, machines: int = 2) -> None:
        self.chance = random.Random(seed)
        self.client = CLIENTS[client]
        self.count = 5
        self.promised: set[str] = facts(START)
        self.removed: set[str] = set()
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
                bring_in_step(workspace)  # what `memsync init` does where a memory is
        self.deliver_all()

    def _machine(self, home: Path, host: str, cloud: Cloud) -> Machine:
        folder = Folder(home / "Sync" / ".claude-memory", host, cloud, self.client)
        folder.path.mkdir(parents=True)
        with _home(home):
            path = settings.get_config_path()
            table = {
                "core": {"provider": "custom", "engine": "offline"},
                "paths": {"sync_root": str(home / "Sync")},
                "targets": {},
            }
            config_writer.write_new(path, table)
            state = home / "state" / "memsync"
            state.mkdir(parents=True)
            (state / "machine").write_text(f"{host.lower()}-00{len(host):02}\n")
            return Machine(home, folder, Workspace(folder.path, settings.load(path)), set())

    @contextmanager
    def at(self, machine: Machine) -> Iterator[Workspace]:
        """Be at a machine: its home and its state."""
        with _home(machine.home):
            yield machine.workspace

    # What people do.

    def new_fact(self) -> str:
        self.count += 1
        return f"fact {self.count}"

    def note(self, machine: Machine) -> None:
        fact = self.new_fact()
        with self.at(machine) as workspace:
            sessions.append(workspace, notes.make(f"{fact} by note", clock.now()))
        self.promised.add(fact)

    def refresh(self, machine: Machine) -> None:
        with self.at(machine) as workspace:
            refresh.merge_pending(workspace)
        self._had(machine)

    def look(self, machine: Machine) -> None:
        with self.at(machine) as workspace:
            reconcile(workspace)
        self._had(machine)

    def edit_by_hand(self, machine: Machine) -> None:
        """Somebody changes the file in an editor, behind memsync's back."""
        before = machine.text()
        after = self._edited(before)
        if not before:
            return
        machine.memory.write_text(after)
        self.removed |= facts(before) - facts(after)
        new = facts(after) - facts(before)
        if self.client.copy_name is None:
            machine.unsaid |= new  # what no memsync ever saw, a client may lose for good
        else:
            self.promised |= new

    def save(self, machine: Machine) -> None:
        """Somebody edits with memsync; the memory may move while they do."""
        with self.at(machine) as workspace:
            memory = store.read(workspace)
            after = self._edited(memory.text)
            if self.chance.random() < 0.3:
                machine.folder.deliver(self.chance)
            if self.chance.random() < 0.5:
                merge_edit(workspace, memory, after)
            else:
                try:
                    publish(workspace, after, memory.digest)
                except MemoryMovedError:
                    return
        self.removed |= facts(memory.text) - facts(after)
        self.promised |= facts(after) - facts(memory.text)
        self._had(machine)

    def restore(self, machine: Machine) -> None:
        with self.at(machine) as workspace:
            reconcile(workspace)
            before = machine.text()
            kept = backups.list_backups(workspace.backups)
            if not kept:
                return
            after = self.chance.choice(kept).path.read_text()
            publish(workspace, after, None)
        self.removed |= facts(before) - facts(after)
        self._had(machine)

    def touch(self, machine: Machine) -> None:
        """Somebody saves the file as it is."""
        if machine.text():
            machine.memory.write_text(machine.text())

    def deliver(self, machine: Machine) -> None:
        machine.folder.deliver(self.chance)

    def _had(self, machine: Machine) -> None:
        """memsync has looked at this machine's memory: what stands there is acknowledged."""
        standing = facts(machine.text())
        self.promised |= machine.unsaid & standing
        machine.unsaid -= standing

    def _edited(self, text: str) -> str:
        lines = text.split("\n")
        places = [at for at, line in enumerate(lines) if line.startswith("- ")]
        for _ in range(self.chance.randrange(1, 3)):
            kind = self.chance.choice(["add", "add", "reword", "remove", "move"])
            at = self.chance.choice(places) if places else len(lines) - 1
            if kind == "add":
                lines.insert(at + 1, f"- {self.new_fact()} by hand")
            elif kind == "reword" and places:
                lines[at] = f"- {self.new_fact()} in other words"
            elif kind == "remove" and len(places) > 2:
                del lines[at]
            elif kind == "move" and places:
                lines.insert(self.chance.choice(places), lines.pop(at))
            places = [at for at, line in enumerate(lines) if line.startswith("- ")]
        return "\n".join(lines)

    def live(self, steps: int, clock_of: time_machine.Traveller) -> list[str]:
        """Let people and client do `steps` things at random; return what was done."""
        kinds = [self.note, self.edit_by_hand, self.save, self.look, self.refresh, self.restore]
        kinds += [self.note, self.edit_by_hand, self.save, self.look, self.deliver, self.deliver]
        kinds += [self.deliver, self.touch]
        done = []
        for _ in range(steps):
            machine, act = self.chance.choice(self.machines), self.chance.choice(kinds)
            clock_of.shift(self.chance.choice([1, 30, 600, 7200]))
            done.append(f"{act.__name__} at {machine.folder.host}")
            try:
                act(machine)
            except DamagedMemoryError:
                done[-1] += ": no memory"
        return done

    # How it ends.

    def deliver_all(self) -> None:
        """Let the client run until nobody has anything to send."""
        for _ in range(20):
            if not sum(machine.folder.deliver() for machine in self.machines):
                return
        raise AssertionError("the sync client never comes to rest")

    def one_round(self) -> None:
        """Every machine refreshes once, in any order, and in the end everything is delivered."""
        for machine in self.chance.sample(self.machines, len(self.machines)):
            with contextlib.suppress(DamagedMemoryError):  # the client is about to bring it
                self.refresh(machine)
            for other in self.machines:
                other.folder.deliver(self.chance)
        self.deliver_all()

    def is_settled(self) -> bool:
        texts = {machine.text() for machine in self.machines}
        return len(texts) == 1 and "" not in texts and not self.copies()

    def copies(self) -> list[str]:
        """Return every conflict copy that still lies about."""
        paths = [
            (path, "GLOBAL_MEMORY.md")
            for machine in self.machines
            for path in machine.folder.path.iterdir()
        ] + [
            (path, f"{path.name[:10]}.md")
            for machine in self.machines
            for path in (machine.folder.path / "sessions").glob("*")
        ]
        return [path.name for path, original in paths if recognise(path.name, original)]

    def lost(self) -> set[str]:
        standing = set.intersection(*(facts(machine.text()) for machine in self.machines))
        return self.promised - self.removed - standing


@contextmanager
def _home(home: Path) -> Iterator[None]:
    kept = {name: os.environ.get(name) for name in ("HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME")}
    os.environ["HOME"] = str(home)
    os.environ["XDG_STATE_HOME"] = str(home / "state")
    os.environ["XDG_CONFIG_HOME"] = str(home / "config")
    try:
        yield
    finally:
        for name, value in kept.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
