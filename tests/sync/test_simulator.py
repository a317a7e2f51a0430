"""Two and three machines, a sync client between them, and people who do as they like.

A schedule is what happens at random: notes, edits with memsync and behind its back, restores,
decisions, refreshes, and a client that delivers each file late, in any order, and leaves conflict
copies under the names its kind gives them. Each machine's clock is off by its own error.
"""

from __future__ import annotations

import pytest

from tests.support.scale import share
from tests.sync.clients import CLIENTS
from tests.sync.promises import Promises
from tests.sync.simulate import play

pytestmark = pytest.mark.torture


@pytest.mark.parametrize("client", CLIENTS)
def test_no_line_is_lost_and_all_machines_come_to_the_same_memory(client: str) -> None:
    """What else is held: promises.py; a fault is told with its history, and how to play it again."""
    plays = [play(client, seed) for seed in range(share(10_000, 60, by_hand=200) // len(CLIENTS))]
    broken = [one.told() for one in plays if one.faults]
    assert not broken, "\n\n".join(broken)
    rounds = [one.rounds for one in plays]
    print(f"{client}: {len(plays)} schedules, the same memory after {max(rounds)} rounds at most")


def test_a_schedule_comes_out_the_same_each_time() -> None:
    one, again = play("Dropbox", 3), play("Dropbox", 3)
    assert one.history
    assert one == again


def test_what_breaks_a_promise_is_found() -> None:
    """The simulator would be worth nothing if it could not fail."""
    start = "- fact 1 a\n- fact 2 b\n- fact 3 c\n"
    promises = Promises(can_remove=True, acknowledged={"fact 1", "fact 2", "fact 3"})
    promises.changed(start, "- fact 1 a\n- fact 2 b\n")
    promises.gone.add("fact 3")
    promises.reworded["fact 9"] = {"fact 1", "fact 2"}
    well = "- fact 1 a\n"
    assert promises.broken({"PI": start, "LAPTOP": well}, []) == [
        "lost: fact 2",
        "removed, and back: fact 3",
    ]
    assert promises.broken({"PI": "- fact 1 a\n- fact 2 b\n"}, []) == [
        "reworded twice, nobody asked: fact 9"
    ]
    doubled = promises.broken({"PI": "- fact 1 a\n- fact 1 a\n- fact 2 b\n<<<<<<< ours\n"}, [])
    assert doubled[-2:] == ["there twice: - fact 1 a", "conflict markers at PI"]
