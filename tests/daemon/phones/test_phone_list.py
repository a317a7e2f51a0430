"""Paired phones: what is kept of a token, whose it is, and that trouble lets nobody in."""

from __future__ import annotations

import errno
import json
import re
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memsync import clock
from memsync.daemon.http.tokens import hash_token
from memsync.daemon.phones import phone_list
from memsync.daemon.phones.phone_list import FILE, PhoneList, Phones
from memsync.errors import MemsyncError, WrongUsageError
from memsync.files import atomic
from memsync.text.mark import NAME

pytestmark = pytest.mark.usefixtures("home")


def test_of_a_token_its_digest_is_kept_in_a_file_for_this_user_alone():
    phone, token = phone_list.pair_phone("Ada's iPhone")
    kept = FILE.path.read_text()
    assert token not in kept
    assert hash_token(token) in kept
    assert stat.S_IMODE(FILE.path.stat().st_mode) == 0o600
    assert PhoneList().current().find(token) == phone
    assert (phone.name, phone.last_use) == ("adas-iphone", None)


def test_no_token_but_its_own_is_a_phones():
    phone, token = phone_list.pair_phone("ada")
    listed = PhoneList().current()
    for other in ("", token[:-1], token + "x", token.swapcase(), phone.token_hash):
        assert listed.find(other) is None


def test_a_name_that_is_taken_gets_a_number():
    names = [
        phone_list.pair_phone(wanted)[0].name for wanted in ("Ada", "ada", "ADA!", "", "\0", "電話")
    ]
    assert names == ["ada", "ada-2", "ada-3", "phone", "phone-2", "phone-3"]


@given(wanted=st.text(max_size=80), others=st.lists(st.text(max_size=80), max_size=5))
def test_every_name_is_one_for_a_mark_and_no_two_are_alike(wanted: str, others: list[str]):
    taken: set[str] = set()
    for text in (*others, wanted, wanted):
        name = phone_list.name_for_phone(text, taken)
        assert NAME.fullmatch(name)
        assert name not in taken
        taken.add(name)


def test_a_phone_that_is_revoked_is_known_no_more_and_leaves_the_port_closed():
    _, token = phone_list.pair_phone("ada")
    listed = PhoneList()
    assert listed.current().find(token)
    phone_list.revoke_phone("ada")
    assert listed.current() == Phones(is_decided=True)
    with pytest.raises(WrongUsageError, match="no phone is called 'ada'"):
        phone_list.revoke_phone("ada")


def test_a_list_sees_at_once_what_another_process_changed():
    listed = PhoneList()
    assert not listed.current().is_decided
    phone_list.retire_shared(retired=True)
    assert listed.current() == Phones(shared_retired=True, is_decided=True)
    phone_list.retire_shared(retired=False)
    assert not listed.current().shared_retired


def test_many_that_pair_at_once_are_all_paired():
    with ThreadPoolExecutor(8) as pool:
        paired = list(pool.map(phone_list.pair_phone, ["ada"] * 8))
    listed = PhoneList().current()
    assert sorted(one.name for one in listed.paired) == sorted(one.name for one, _ in paired)
    assert len({one.name for one, _ in paired}) == 8
    assert all(listed.find(token) == one for one, token in paired)


def test_a_use_is_written_down_once_an_hour(monkeypatch):
    phone_list.pair_phone("ada")
    listed = PhoneList()
    began = clock.now()
    writes = []
    monkeypatch.setattr(phone_list, "_change", lambda *a, **k: writes.append(clock.now()))
    for minutes in (0, 1, 59, 60, 61, 121, 0):
        monkeypatch.setattr(clock, "now", lambda m=minutes: began + timedelta(minutes=m))
        listed.note_use(listed.current().named("ada"))
    assert writes == [began + timedelta(minutes=m) for m in (0, 60, 121, 0)]


def test_the_last_use_is_there_after_a_restart():
    phone_list.pair_phone("ada")
    phone_list.pair_phone("eve")
    listed = PhoneList()
    listed.note_use(listed.current().named("eve"))
    ada, eve = PhoneList().current().paired
    assert ada.last_use is None
    assert eve.last_use is not None
    assert abs(clock.now() - eve.last_use) < timedelta(minutes=1)


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"\0" * 80,
        b"{",
        b"[]",
        b"{}",
        b'{"phones": []}',
        b'{"phones": {}, "shared_retired": 5, "x"',
        b'{"phones": [{"name": "ada"}], "shared_retired": false}',
        b'{"phones": [{"name": "a", "token": "", "paired": "2026-11-30", "last_use": 1}], "x": 1}',
    ],
)
def test_a_damaged_list_lets_nobody_in_and_says_what_to_do(damage: bytes):
    listed = PhoneList()
    phone_list.pair_phone("ada")
    FILE.path.write_bytes(damage)
    for look in (listed.current, phone_list.read_phones, lambda: phone_list.pair_phone("eve")):
        with pytest.raises(MemsyncError, match="damaged") as told:
            look()
        assert str(FILE.path) in told.value.hint
    assert FILE.path.read_bytes() == damage


def test_a_list_that_cannot_be_read_just_now_lets_nobody_in(monkeypatch):
    phone_list.pair_phone("ada")
    listed = PhoneList()

    def refuse(*_: object, **__: object) -> str:
        raise OSError(errno.EMFILE, "too many open files")

    monkeypatch.setattr(type(FILE.path), "read_text", refuse)
    with pytest.raises(MemsyncError, match="cannot be read"):
        listed.current()


def test_a_list_that_vanishes_under_a_daemon_opens_nothing():
    _, token = phone_list.pair_phone("ada")
    listed = PhoneList()
    listed.current()
    FILE.path.unlink()
    assert listed.current().is_decided
    assert listed.current().find(token)


def test_a_full_disk_pairs_and_revokes_nobody(monkeypatch):
    phone_list.pair_phone("ada")
    before = FILE.path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(atomic, "write_durably", full)
    for change in (lambda: phone_list.pair_phone("eve"), lambda: phone_list.revoke_phone("ada")):
        with pytest.raises(MemsyncError, match="cannot be written"):
            change()
    assert FILE.path.read_bytes() == before
    assert re.fullmatch(r"\{.*\}", json.dumps(json.loads(before)))
