"""Plays schedules; by hand: ``python -m tests.sync.simulate "Dropbox" 123 [MORE]``.

One seed is one history and comes out the same each time. With one seed the history is told step by
step, with the memories that changed; with MORE that many seeds are played from it on.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import time_machine

from tests.sync.people import People
from tests.sync.world import World

START = "2026-11-23T08:00:00+00:00"
MEMORY_DISK = Path("/dev/shm")  # no disk has to be waited for where one is in memory
AWAY = timedelta(hours=13)
"""Longer than memsync waits for the machine of an edit by hand to say what it was made from."""

ROUNDS = 3
"""After so many refreshes of every machine all have the same memory; nearly always after two."""

PATIENCE = 8
HALF_DAYS = 4
"""An edit by hand that nobody can place may wait half a day on one machine after the other."""


@dataclass
class Play:
    """What was done in one schedule, what was wrong in the end, and how long it took to be well."""

    client: str
    seed: int
    history: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    rounds: int = 0

    def told(self) -> str:
        """Return the play in words, with the command that plays it again."""
        again = f'python -m tests.sync.simulate "{self.client}" {self.seed}'
        return "\n".join([f"{again}:", *self.history, *(f"!! {fault}" for fault in self.faults)])


def play(client: str, seed: int, *, aloud: bool = False) -> Play:
    """Play one schedule: people and client act at random, then it all has to come together."""
    made = Play(client, seed)
    with _place() as place, time_machine.travel(START, tick=False) as clock_of:
        machines, tame = 3 if seed % 3 == 0 else 2, seed % 4 == 3
        world = World(place, client, seed, clock_of, machines=machines, tame=tame)
        made.history = world.history
        try:
            for step in People(world).live(world.chance.randrange(5, 30)):
                _tell(step, world, aloud=aloud)
                made.faults += world.seen_by_agents()
            world.deliver_all()
            made.rounds = _come_together(world, aloud=aloud)
            # Where both sides were renamed there is no memory until somebody has refreshed; where no
            # copies are kept, a refresh itself may be written over.
            lossy = world.client.renames_both or world.client.copy_name is None
            if made.rounds > ROUNDS + lossy:
                made.faults.append(f"all have the same memory only after {made.rounds} rounds")
            for _ in range(HALF_DAYS):
                if not world.is_waiting():
                    break
                clock_of.shift(AWAY)
                _come_together(world, aloud=aloud)
            made.faults += world.judge()
        except Exception:  # whatever it is, it is told with the history that led there
            made.faults.append(traceback.format_exc())
    return made


def _come_together(world: World, *, aloud: bool) -> int:
    """Let every machine refresh until nothing is left to do.

    Returns:
        After how many rounds all had the memory that stayed.
    """
    ends = [world.texts()]
    for number in range(1, PATIENCE):
        world.one_round()
        _tell(f"round {number}", world, aloud=aloud)
        ends.append(world.texts())
        if (
            ends[-1] == ends[-2]
            and len(ends[-1]) == 1
            and "" not in ends[-1]
            and not world.copies()
        ):
            return ends.index(ends[-1])
    raise AssertionError("the machines never come to rest")


def _tell(step: str, world: World, *, aloud: bool) -> None:
    if aloud:
        print(step, *world.changes(), sep="\n", flush=True)


@contextmanager
def _place() -> Iterator[Path]:
    made = tempfile.mkdtemp(prefix="schedule-", dir=MEMORY_DISK if MEMORY_DISK.is_dir() else None)
    try:
        yield Path(made)
    finally:
        shutil.rmtree(made)


def main(client: str, seed: str, more: str = "") -> int:
    """Play one seed aloud or many in silence; return 1 where a promise was broken."""
    first, count = int(seed), int(more or 1)
    plays = [play(client, number, aloud=not more) for number in range(first, first + count)]
    broken = [one for one in plays if one.faults]
    for one in broken:
        print(one.told(), end="\n\n")
    rounds = sorted(Counter(one.rounds for one in plays).items())
    after = ", ".join(f"{many} after {number}" for number, many in rounds)
    print(f"{client}: {count} schedules, {len(broken)} with faults; rounds to agree: {after}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
