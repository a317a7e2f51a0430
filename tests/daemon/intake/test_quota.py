"""How much a sender may send in a day: a phone in a loop does not fill the disk."""

from __future__ import annotations

import errno
from datetime import datetime, timedelta

import pytest

from memsync import clock
from memsync.daemon.intake.quota import EACH_NOTE, MB
from memsync.daemon.phones import phone_list
from memsync.notes.spool import Spool
from tests.daemon.intake.test_senders import AS_JSON, TOKEN, Serve, serve, with_token

__all__ = ["serve"]

BIG = "x" * 60_000
NOON = datetime.fromisoformat("2026-11-30T12:00:00+01:00")


@pytest.fixture(autouse=True)
def noon(monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: NOON)


def fill(port, **headers: str) -> int:
    """Send big notes until one is refused; return how many were taken."""
    for count in range(1000):
        answer = port.say(f"{count} {BIG}", **headers)
        if answer.status != 200:
            assert answer.status == 429
            assert "limit" in answer.json["error"]
            assert "capture_daily_mb" in answer.json["error"]
            assert 0 < int(answer.headers["retry-after"]) <= 24 * 60 * 60 + 1
            return count
        assert "error" not in answer.json
    raise AssertionError("no limit")


def test_an_address_without_a_token_has_a_megabyte_a_day(serve: Serve, monkeypatch):
    with serve(capture_token="") as port:
        assert fill(port) == 16
        assert port.say(BIG).headers["retry-after"] == str(12 * 60 * 60 + 1)
        assert port.say("short").status == 200
        monkeypatch.setattr(clock, "now", lambda: NOON + timedelta(hours=12))
        assert port.say("the next day").status == 200
        assert fill(port) >= 15


def test_each_token_has_its_own_day_and_the_restart_forgets_nothing(serve: Serve):
    token = phone_list.pair_phone("ada")[1]
    with serve(capture_token=TOKEN, capture_daily_mb=2) as port:
        assert fill(port, **with_token(token)) == 33
        assert port.say("by the shared one", **with_token(TOKEN)).status == 200
    with serve(capture_token=TOKEN, capture_daily_mb=2) as port:
        assert port.say(BIG, **with_token(token)).status == 429
        assert port.say(BIG, **with_token(TOKEN)).status == 200


def test_an_address_is_remembered_over_a_restart_as_well(serve: Serve):
    with serve(capture_token="") as port:
        fill(port)
    with serve(capture_token="") as port:
        assert port.say(BIG).status == 429


def test_many_short_notes_count_too(serve: Serve):
    with serve(capture_token="", capture_daily_mb=1) as port:
        taken = 0
        while port.say("a").status == 200:
            taken += 1
    assert taken == MB // (EACH_NOTE + 1)


def test_0_means_no_limit(serve: Serve):
    with serve(capture_token="", capture_daily_mb=0) as port:
        assert all(port.say(f"{count} {BIG}").status == 200 for count in range(40))


def test_a_retry_counts_once_and_is_answered_over_the_limit(serve: Serve):
    key = {"Idempotency-Key": "1"}
    with serve(capture_token="") as port:
        first = port.say(BIG, **key)
        assert all(port.say(BIG, **key).json == first.json for _ in range(30))
        assert fill(port) == 15
        assert port.say(BIG, **key).json == first.json


def test_a_note_the_disk_refused_is_not_counted(serve: Serve, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space left")

    with serve(capture_token="") as port:
        with monkeypatch.context() as patched:
            patched.setattr(Spool, "add", full)
            assert {port.say(BIG).status for _ in range(40)} == {503}
        assert fill(port) == 16


def test_a_person_at_the_page_is_told_in_words(serve: Serve):
    as_browser = {"Accept": "text/html", "Content-Type": "application/x-www-form-urlencoded"}
    with serve(capture_token="") as port:
        fill(port)
        answer = port.post(f"text={BIG}".encode(), {**as_browser, **port.own})
        assert answer.status == 429
        assert b"1 MB of notes came from here today" in answer.body
        assert BIG.encode() in answer.body
        assert port.post(b'{"text": ""}', AS_JSON).status == 400
