"""Sessions: what is open, for how long, and what a lost file or another password ends."""

from __future__ import annotations

import json
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memsync.config.state import state_folder
from memsync.daemon.http import sessions
from memsync.daemon.http.sessions import DAYS, MOST, Sessions

DAY = 24 * 60 * 60


class Clock:
    time = 1_000_000_000.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock(home) -> Clock:
    return Clock()


def test_a_session_ends_thirty_days_after_its_last_use_also_over_restarts(clock):
    name = Sessions("p", clock).begin()
    for _ in range(3):
        clock.time += (DAYS - 1) * DAY
        assert Sessions("p", clock).is_open(name)
    clock.time += (DAYS + 1) * DAY
    assert not Sessions("p", clock).is_open(name)


def test_another_password_opens_none_and_the_old_one_again_does(clock):
    name = Sessions("p", clock).begin()
    assert not Sessions("q", clock).is_open(name)
    assert Sessions("p", clock).is_open(name)


def test_neither_an_id_nor_a_password_is_on_disk(clock):
    name = Sessions("a password", clock).begin()
    kept = (state_folder() / "web.sessions").read_text()
    assert name not in kept
    assert "a password" not in kept
    assert (state_folder() / "web.sessions").stat().st_mode & 0o777 == 0o600


def test_the_least_used_end_where_there_are_too_many(clock, monkeypatch):
    monkeypatch.setattr(sessions, "MOST", 3)
    made = []
    present = Sessions("p", clock)
    for _ in range(4):
        clock.time += 1
        made.append(present.begin())
    assert [present.is_open(name) for name in made] == [False, True, True, True]
    assert MOST > 100


@pytest.mark.parametrize("name", ["", "x", "\0", "\ud800", "a" * 10_000])
def test_what_is_no_session_is_not_open(clock, name):
    Sessions("p", clock).begin()
    assert not Sessions("p", clock).is_open(name)


def test_a_file_with_another_epoch_opens_nothing(clock):
    name = Sessions("p", clock).begin()
    path = state_folder() / "web.sessions"
    table = json.loads(path.read_text())
    for epoch in ("", "00", "zz" * 32, "00" * 32):
        path.write_text(json.dumps({**table, "epoch": epoch}))
        assert not Sessions("p", clock).is_open(name)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["begin", "end", "end_all", "restart"]), st.integers(0, 9)))
)
def test_open_is_what_began_and_has_not_ended_whatever_happens(clock, deeds):
    (state_folder() / "web.sessions").unlink(missing_ok=True)
    present, made, wanted = Sessions("p", clock), [], set()
    for deed, number in deeds:
        if deed == "begin":
            made.append(present.begin())
            wanted.add(made[-1])
        elif deed == "end" and made:
            present.end(made[number % len(made)])
            wanted.discard(made[number % len(made)])
        elif deed == "end_all":
            present.end_all()
            wanted.clear()
        elif deed == "restart":
            present = Sessions("p", clock)
        assert {name for name in made if present.is_open(name)} == wanted


def test_many_threads_lose_no_session(clock):
    present, made = Sessions("p", clock), []
    threads = [threading.Thread(target=lambda: made.append(present.begin())) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    again = Sessions("p", clock)
    assert all(again.is_open(name) for name in made)
