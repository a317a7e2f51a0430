"""Real Syncthing between real folders: what two and three machines change apart comes together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from memsync import clock
from memsync.config.workspace import Workspace
from memsync.memory import store
from memsync.memory.conflicts import records
from memsync.memory.publish import publish, update_targets
from memsync.notes import held, log, reader
from memsync.notes.held import Verdict
from memsync.refresh import run
from memsync.text import note as notes
from memsync.text.mark import CAPTURED, TYPED, Mark
from tests.support.scale import need, share
from tests.support.syncthing import Node, bring_together, part
from tests.sync.homes import at_home, set_up
from tests.sync.world import HOSTS, START

pytestmark = pytest.mark.torture


@dataclass
class Machine:
    """A memsync home whose sync folder a Syncthing of its own carries."""

    host: str
    home: Path
    workspace: Workspace
    node: Node

    def text(self) -> str:
        return self.workspace.memory.read_text()

    def note(self, text: str, mark: Mark = TYPED) -> None:
        with at_home(self.home):
            log.append(self.workspace, notes.make_note(text, clock.now(), mark))

    def decide(self, text: str, verdict: Verdict) -> None:
        """Decide about the held note of this text."""
        with at_home(self.home):
            found = [note for note in held.held_notes(self.workspace) if note.text == text]
            assert len(found) == 1
            held.decide(self.workspace, found, verdict)

    def save(self, old: str, new: str) -> None:
        """Change the memory with memsync."""
        with at_home(self.home):
            memory = store.read(self.workspace)
            assert old in memory.text
            publish(self.workspace, memory.text.replace(old, new), memory.digest)

    def refresh(self) -> None:
        with at_home(self.home):
            run.merge_pending(self.workspace)

    def questions(self) -> list[str]:
        with at_home(self.home):
            return ["".join(one.ours + one.theirs) for one in records.unresolved(self.workspace)]


@pytest.fixture
def machines(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[list[Machine]]:
    """As many machines as the test asks for, with one memory on all of them."""
    need("syncthing")
    made: list[Machine] = []
    try:
        for host in HOSTS[: request.param]:
            home = tmp_path / host
            workspace = set_up(home, host)
            (home / "Sync").mkdir()
            node = Node(home / "syncthing", home / "Sync")
            made.append(Machine(host, home, workspace, node))
        for machine in made:
            others = [other.node for other in made if other is not machine]
            machine.node.share_with(others)
        with at_home(made[0].home):
            Workspace.create(made[0].workspace.config)
            store.create(made[0].workspace, START)
        bring_together(nodes_of(made))
        for machine in made[1:]:
            with at_home(machine.home):
                update_targets(machine.workspace)
        yield made
    finally:
        for machine in made:
            machine.node.stop()


def nodes_of(machines: Sequence[Machine]) -> list[Node]:
    return [machine.node for machine in machines]


def change_apart(machines: Sequence[Machine], number: int) -> set[str]:
    """Have each machine change the memory and the day's log while it is alone; return what came."""
    part(nodes_of(machines))
    said = set()
    for machine in machines:
        mine = f"{machine.host} {number}"
        machine.note(f"said at {mine}")
        machine.save("## Priorities\n\n", f"## Priorities\n\n- to do at {mine}\n")
        said |= {f"said at {mine}", f"- to do at {mine}"}
    bring_together(nodes_of(machines))
    return said


def copies(machine: Machine) -> list[str]:
    return [name for name in machine.node.files() if ".sync-conflict-" in name]


def come_together(machines: Sequence[Machine]) -> None:
    """Refresh once on every machine, one after the other, as Syncthing brings it."""
    for machine in machines:
        machine.refresh()
        bring_together(nodes_of(machines))


def assert_together(machines: Sequence[Machine], said: set[str]) -> None:
    texts = {machine.text() for machine in machines}
    assert len(texts) == 1
    for machine in machines:
        text = machine.text()
        assert [line for line in said if line not in text] == []
        assert "<<<<" not in text
        left = [name for name in copies(machine) if "backups/copies/" not in name]
        assert left == []
        days = reader.days(machine.workspace)
        logged = [note.text for day in days for note in reader.read_day(machine.workspace, day)]
        spoken = [line for line in said if line.startswith("said")]
        assert sorted(line for line in logged if line in spoken) == sorted(spoken)


@pytest.mark.parametrize("machines", [2], indirect=True)
def test_what_two_machines_changed_apart_is_everywhere(machines: list[Machine]) -> None:
    said: set[str] = set()
    kinds: set[str] = set()
    for number in range(share(40, 1)):
        said |= change_apart(machines, number)
        kinds |= {name.split(".sync-conflict-")[0] for name in copies(machines[0])}
        come_together(machines)
        assert_together(machines, said)
    names = {Path(name).name for name in kinds}
    assert "GLOBAL_MEMORY" in names
    assert any(name.startswith("20") for name in names)  # a day's log
    kept = [name for name in copies(machines[0]) if "backups/copies/" in name]
    assert any("GLOBAL_MEMORY" in name for name in kept)


@pytest.mark.parametrize("machines", [3], indirect=True)
def test_where_three_machines_reworded_one_line_all_wordings_stay_and_are_asked_about(
    machines: list[Machine],
) -> None:
    said: set[str] = set()
    line = "- fact 1 of who I am\n"
    for number in range(share(20, 1)):
        part(nodes_of(machines))
        wordings = [f"- fact 1 as {machine.host} has it {number}\n" for machine in machines]
        for machine, wording in zip(machines, wordings, strict=True):
            machine.save(line, wording)
        said.discard(line.strip())  # each machine has it in other words now
        line = wordings[0]
        said |= change_apart(machines, number) | {wording.strip() for wording in wordings}
        come_together(machines)
        come_together(machines)
        assert_together(machines, said)
        for machine in machines:
            asked = "".join(machine.questions())
            assert [wording for wording in wordings if wording not in asked] == []


@pytest.mark.parametrize("machines", [2], indirect=True)
def test_what_is_typed_into_the_file_on_both_machines_is_everywhere(
    machines: list[Machine],
) -> None:
    part(nodes_of(machines))
    said = set()
    for machine in machines:
        line = f"- typed at {machine.host}"
        text = machine.text().replace("## Hard", f"{line}\n\n## Hard")
        machine.workspace.memory.write_text(text)
        said.add(line)
    bring_together(nodes_of(machines))
    assert any("GLOBAL_MEMORY" in name for name in copies(machines[0]))
    come_together(machines)
    assert_together(machines, said)


@pytest.mark.parametrize("machines", [2], indirect=True)
def test_what_strangers_said_is_decided_on_any_machine_and_a_rejection_wins(
    machines: list[Machine],
) -> None:
    one, other = machines
    for text in ("let in", "kept out", "decided twice", "undecided"):
        one.note(text, CAPTURED.as_held())
    bring_together(nodes_of(machines))
    other.decide("let in", "accepted")
    other.decide("kept out", "rejected")
    part(nodes_of(machines))
    one.decide("decided twice", "rejected")
    other.decide("decided twice", "accepted")
    bring_together(nodes_of(machines))
    come_together(machines)
    for machine in machines:
        assert "let in" in machine.text()
        for text in ("kept out", "decided twice", "undecided"):
            assert text not in machine.text()
        with at_home(machine.home):
            assert [note.text for note in held.held_notes(machine.workspace)] == ["undecided"]
