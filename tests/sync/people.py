"""People who use the machines of a world as they like; what was promised to them is written down."""

from __future__ import annotations

from collections.abc import Iterator

from memsync import clock
from memsync.errors import DamagedMemoryError, MemoryMovedError
from memsync.memory import store
from memsync.memory.conflicts import records
from memsync.memory.conflicts.reconcile import reconcile
from memsync.memory.conflicts.resolve import merge_edit, resolve_conflict
from memsync.memory.history import backups
from memsync.memory.publish import publish
from memsync.notes import log
from memsync.text import note as notes
from memsync.text.diff3 import Resolution
from tests.sync.promises import facts
from tests.sync.world import Machine, World


class People:
    """Everybody who writes something in a world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.chance, self.promises = world.chance, world.promises
        self.count = 5

    def new_fact(self) -> str:
        self.count += 1
        return f"fact {self.count}"

    def note(self, machine: Machine) -> None:
        fact = self.new_fact()
        with self.world.at(machine) as workspace:
            note = notes.make_note(f"{fact} by note", clock.now())
            log.append(workspace, note)
        self.promises.acknowledged.add(fact)
        self.promises.notes.append(note)

    def look(self, machine: Machine) -> None:
        with self.world.at(machine) as workspace:
            reconcile(workspace)
        self.world.had(machine)

    def edit_by_hand(self, machine: Machine) -> None:
        """Somebody changes the file in an editor, behind memsync's back."""
        before = machine.text()
        after = self._edited(before)
        if not before:
            return
        machine.memory.write_text(after)
        new = self.promises.changed(before, after)
        if self.world.client.copy_name is None:
            machine.unsaid |= new
        else:
            self.promises.acknowledged |= new

    def save(self, machine: Machine) -> None:
        """Somebody edits with memsync; the memory may move while they do."""
        with self.world.at(machine) as workspace:
            memory = store.read(workspace)
            after = self._edited(memory.text)
            if self.chance.random() < 0.3:
                self.world.deliver(machine)
            if self.chance.random() < 0.5:
                merge_edit(workspace, memory, after)
            else:
                try:
                    publish(workspace, after, memory.digest)
                except MemoryMovedError:
                    return
        self.promises.acknowledged |= self.promises.changed(memory.text, after)
        self._took_away(machine, facts(memory.text) - facts(after))

    def restore(self, machine: Machine) -> None:
        with self.world.at(machine) as workspace:
            reconcile(workspace)
            before = machine.text()
            kept = backups.list_backups(workspace.backups)
            if not kept:
                return
            after = self.chance.choice(kept).path.read_text()
            publish(workspace, after, None)
        self.promises.changed(before, after)
        self._took_away(machine, facts(before) - facts(after))

    def decide(self, machine: Machine) -> None:
        """Somebody answers what is asked; it may have been answered elsewhere already."""
        with self.world.at(machine) as workspace:
            open_ones = records.unresolved(workspace)
            if not open_ones:
                return
            dispute = self.chance.choice(open_ones)
            choice = self.chance.choice(list(Resolution))
            try:
                resolve_conflict(workspace, dispute, choice)
            except MemoryMovedError:  # what was picked is gone, so the other side stays
                return
        rejected = facts("".join(dispute.rejected(choice)))
        self.promises.removed |= rejected
        self.promises.touched |= facts("".join(dispute.ours + dispute.theirs))
        self._took_away(machine, rejected)

    def _took_away(self, machine: Machine, gone: set[str]) -> None:
        """memsync wrote a text without these facts."""
        self.promises.gone |= gone
        self.world.had(machine)

    def touch(self, machine: Machine) -> None:
        """Somebody saves the file as it is."""
        if machine.text():
            machine.memory.write_text(machine.text())

    def deliver(self, machine: Machine) -> None:
        self.world.deliver(machine)

    def _edited(self, text: str) -> str:
        lines = text.split("\n")
        places = [at for at, line in enumerate(lines) if line.startswith("- ")]
        for _ in range(self.chance.randrange(1, 3)):
            kind = self.chance.choice(["add", "add", "reword", "remove", "move"])
            at = self.chance.choice(places) if places else len(lines) - 1
            if kind == "add":
                lines.insert(at + 1, f"- {self.new_fact()} by hand")
            elif kind == "reword" and places:
                new = self.new_fact()
                for fact in facts(lines[at]):
                    self.promises.reworded.setdefault(fact, set()).add(new)
                lines[at] = f"- {new} in other words"
            elif kind == "remove" and len(places) > 2:
                del lines[at]
            elif kind == "move" and places:
                to = self.chance.choice(places)
                passed = lines[min(at, to) : max(at, to) + 1]
                self.promises.touched |= facts("\n".join(passed))
                lines.insert(to, lines.pop(at))
            places = [at for at, line in enumerate(lines) if line.startswith("- ")]
        return "\n".join(lines)

    def live(self, steps: int) -> Iterator[str]:
        """Let people and client do `steps` things at random; yield what was done."""
        kinds = [self.world.refresh, self.touch, self.decide, self.deliver]
        kinds += [self.note, self.save, self.look, self.deliver] * 2
        kinds += [] if self.world.tame else [self.edit_by_hand, self.edit_by_hand, self.restore]
        for _ in range(steps):
            machine, act = self.chance.choice(self.world.machines), self.chance.choice(kinds)
            self.world.clock_of.shift(self.chance.choice([1, 30, 600, 7200]))
            self.world.history.append(f"{act.__name__} at {machine.folder.host}")
            try:
                act(machine)
            except DamagedMemoryError:
                self.world.history[-1] += ": no memory"
            yield self.world.history[-1]
