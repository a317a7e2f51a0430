"""The code that pairs a phone: once, within ten minutes, in five tries, and kept as a digest."""

from __future__ import annotations

import errno
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from memsync import clock
from memsync.daemon.phones import codes
from memsync.daemon.phones.codes import FILE, GOOD_FOR, LETTERS, TRIES
from memsync.errors import MemsyncError
from memsync.files import atomic

pytestmark = pytest.mark.usefixtures("home")


def after(monkeypatch, seconds: float) -> None:
    moment = clock.now() + timedelta(seconds=seconds)
    monkeypatch.setattr(clock, "now", lambda: moment)


def test_a_code_is_good_once():
    code, until = codes.make_code()
    assert set(code) <= {*LETTERS, "-"}
    assert timedelta() < until - clock.now() <= GOOD_FOR
    assert codes.use_code(code)
    assert not codes.use_code(code)


@pytest.mark.parametrize("typed", [str.lower, lambda c: c.replace("-", ""), lambda c: f" {c} \n"])
def test_a_code_may_be_typed_in_any_way(typed):
    assert codes.use_code(typed(codes.make_code()[0]))


def test_five_wrong_tries_end_a_code():
    code, _ = codes.make_code()
    assert [codes.use_code("WRONG") for _ in range(TRIES - 1)] == [False] * (TRIES - 1)
    assert codes.use_code(code)
    code, _ = codes.make_code()
    assert [codes.use_code("WRONG") for _ in range(TRIES)] == [False] * TRIES
    assert not codes.use_code(code)


def test_many_guesses_at_once_have_no_more_tries_between_them(monkeypatch):
    code, _ = codes.make_code()
    compared = []
    real = codes.same_secret
    monkeypatch.setattr(codes, "same_secret", lambda a, b: compared.append(a) or real(a, b))
    with ThreadPoolExecutor(16) as pool:
        assert not any(pool.map(codes.use_code, ["WRONG"] * 16))
    assert len(compared) == TRIES
    assert not codes.use_code(code)


@pytest.mark.parametrize(("seconds", "is_good"), [(599, True), (600, False), (-5, False)])
def test_a_code_is_good_for_ten_minutes_by_a_clock_that_may_be_set_back(
    monkeypatch, seconds, is_good
):
    code, _ = codes.make_code()
    after(monkeypatch, seconds)
    assert codes.use_code(code) is is_good


def test_a_new_code_ends_the_one_before():
    first, _ = codes.make_code()
    second, _ = codes.make_code()
    assert not codes.use_code(first)
    assert codes.use_code(second)


def test_the_code_itself_is_kept_nowhere(home):
    code, _ = codes.make_code()
    for path in home.rglob("*"):
        if path.is_file():
            text = path.read_bytes()
            assert code.encode() not in text
            assert code.replace("-", "").encode() not in text


@pytest.mark.parametrize(
    "damage", [b"", b"\0\0", b"[]", b'"x"', b'{"digest": "x"}', b'{"digest": 5}']
)
def test_a_damaged_file_holds_no_code_and_the_next_one_is_good(damage):
    codes.make_code()
    FILE.path.write_bytes(damage)
    assert not codes.use_code("x")
    assert codes.use_code(codes.make_code()[0])


def test_where_a_try_cannot_be_written_down_nobody_learns_what_it_was_worth(monkeypatch):
    code, _ = codes.make_code()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space left")

    with monkeypatch.context() as patched:
        patched.setattr(atomic, "write_durably", full)
        for tried in (code, "WRONG"):
            with pytest.raises(MemsyncError, match="cannot be kept"):
                codes.use_code(tried)
    assert codes.use_code(code)
