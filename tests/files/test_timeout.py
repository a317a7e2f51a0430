"""A folder that hangs is given up on, by one thread at most, and is well again by itself."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from memsync.files import timeout
from memsync.files.timeout import with_timeout
from tests.support.net import until

FOLDER = Path("/no/such/folder")


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(timeout, "PATIENCE_SECONDS", 0.1)
    monkeypatch.setattr(timeout, "_workers", {})


def test_what_is_found_or_raised_comes_back():
    assert with_timeout(FOLDER, lambda: "found") == "found"
    with pytest.raises(PermissionError):
        with_timeout(FOLDER, lambda: (_ for _ in ()).throw(PermissionError("no")))
    assert with_timeout(FOLDER, lambda: "still") == "still"


def test_a_hanging_look_is_given_up_on_and_the_next_is_refused_at_once_until_it_is_done():
    answered, looks = threading.Event(), []
    with pytest.raises(TimeoutError, match="it does not answer"):
        with_timeout(FOLDER, answered.wait)
    for _ in range(50):
        with pytest.raises(TimeoutError):
            with_timeout(FOLDER, lambda: looks.append("looked"))
    assert looks == []
    assert with_timeout(Path("/another"), lambda: "elsewhere") == "elsewhere"
    answered.set()
    until(lambda: not timeout._workers[str(FOLDER)].hangs())
    with_timeout(FOLDER, lambda: looks.append("looked"))
    assert looks == ["looked"]


def test_a_crowd_that_asks_at_once_has_one_thread_looking():
    answered, looking, given_up = threading.Event(), [], []

    def look() -> None:
        looking.append(threading.get_ident())
        answered.wait(10)

    def ask() -> None:
        with pytest.raises(TimeoutError):
            with_timeout(FOLDER, look)
        given_up.append(True)

    crowd = [threading.Thread(target=ask) for _ in range(20)]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join(10)
    assert len(given_up) == 20
    assert len(looking) == 1
    answered.set()
    until(lambda: not timeout._workers[str(FOLDER)].turn.locked())


def test_a_crowd_at_a_folder_that_answers_is_answered():
    found = []
    crowd = [
        threading.Thread(target=lambda n=n: found.append(with_timeout(FOLDER, lambda: n)))
        for n in range(50)
    ]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join(10)
    assert sorted(found) == list(range(50))


def test_its_thread_ends_when_nobody_asks_and_is_there_again_for_who_does(monkeypatch):
    monkeypatch.setattr(timeout, "IDLE_SECONDS", 0.01)
    for _ in range(3):
        first = with_timeout(FOLDER, threading.get_ident)
        assert first != threading.get_ident()
        until(lambda: not timeout._workers[str(FOLDER)]._has_thread)


def test_a_process_that_can_have_no_more_threads_is_told_and_asks_again(monkeypatch):
    def refuse(*_args):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(timeout._thread, "start_new_thread", refuse)
        for _ in range(2):
            with pytest.raises(OSError, match="temporarily unavailable"):
                with_timeout(FOLDER, lambda: "never")
    assert with_timeout(FOLDER, lambda: "found") == "found"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform has no fork")
def test_a_forked_process_looks_by_a_thread_of_its_own(monkeypatch):
    monkeypatch.undo()
    assert with_timeout(FOLDER, lambda: "here") == "here"
    child = os.fork()
    if child == 0:
        os._exit(0 if with_timeout(FOLDER, lambda: "there") == "there" else 1)
    assert os.waitpid(child, 0)[1] == 0
