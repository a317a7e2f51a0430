"""A folder that hangs is given up on, by one thread at most, and is well again by itself."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from memsync import reach
from memsync.reach import within_reach
from tests.support.net import until

FOLDER = Path("/no/such/folder")


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(reach, "PATIENCE_SECONDS", 0.1)
    monkeypatch.setattr(reach, "_gates", {})


def test_what_is_found_or_raised_comes_back():
    assert within_reach(FOLDER, lambda: "found") == "found"
    with pytest.raises(PermissionError):
        within_reach(FOLDER, lambda: (_ for _ in ()).throw(PermissionError("no")))
    assert within_reach(FOLDER, lambda: "still") == "still"


def test_a_hanging_look_is_given_up_on_and_the_next_is_refused_at_once_until_it_is_done():
    answered, looks = threading.Event(), []
    with pytest.raises(TimeoutError, match="it does not answer"):
        within_reach(FOLDER, answered.wait)
    for _ in range(50):
        with pytest.raises(TimeoutError):
            within_reach(FOLDER, lambda: looks.append("looked"))
    assert looks == []
    assert within_reach(Path("/another"), lambda: "elsewhere") == "elsewhere"
    answered.set()
    until(lambda: not reach._gates[str(FOLDER)].hangs())
    within_reach(FOLDER, lambda: looks.append("looked"))
    assert looks == ["looked"]


def test_a_crowd_that_asks_at_once_has_one_thread_looking():
    answered, looking, given_up = threading.Event(), [], []

    def look() -> None:
        looking.append(threading.get_ident())
        answered.wait(10)

    def ask() -> None:
        with pytest.raises(TimeoutError):
            within_reach(FOLDER, look)
        given_up.append(True)

    crowd = [threading.Thread(target=ask) for _ in range(20)]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join(10)
    assert len(given_up) == 20
    assert len(looking) == 1
    answered.set()
    until(lambda: not reach._gates[str(FOLDER)].lock.locked())


def test_a_crowd_at_a_folder_that_answers_is_answered():
    found = []
    crowd = [
        threading.Thread(target=lambda n=n: found.append(within_reach(FOLDER, lambda: n)))
        for n in range(50)
    ]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join(10)
    assert sorted(found) == list(range(50))
