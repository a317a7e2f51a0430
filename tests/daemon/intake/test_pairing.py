"""A phone pairs: by the page, by hand and by a program, and whoever guesses a code does not."""

from __future__ import annotations

import errno
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import urlencode

import pytest

from memsync.config.workspace import Workspace
from memsync.daemon.capture import CaptureApp
from memsync.daemon.http.guard import Backoff
from memsync.daemon.intake.senders import COOKIE
from memsync.daemon.phones import codes, phone_list
from memsync.daemon.phones.phone_list import PhoneList, StateFile
from memsync.notes.spool import Spool
from tests.support.net import Answer, send, served

AS_BROWSERS_DO = {
    "Accept": "text/html,application/xhtml+xml,*/*;q=0.8",
    "Content-Type": "application/x-www-form-urlencoded",
}


class NewPhone:
    """A phone at a note port: its browser, and the cookie it was given."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.cookie = ""

    def get(self, path: str) -> str:
        answer = send(self.port, "GET", path, None, self._headers())
        assert answer.status == 200
        return answer.body.decode()

    def submit(self, path: str, **fields: str) -> Answer:
        headers = {**AS_BROWSERS_DO, "Origin": f"http://127.0.0.1:{self.port}", **self._headers()}
        answer = send(self.port, "POST", path, urlencode(fields).encode(), headers)
        made = answer.headers.get("set-cookie", "")
        self.cookie = made.partition(";")[0] or self.cookie
        return answer

    def by_program(self, path: str, **fields: str) -> Answer:
        body = json.dumps(fields).encode()
        return send(self.port, "POST", path, body, {"Content-Type": "application/json"})

    def _headers(self) -> dict[str, str]:
        return {"Cookie": self.cookie} if self.cookie else {}


@pytest.fixture
def new_phone(workspace: Workspace) -> Iterator[NewPhone]:
    daemon = replace(workspace.config.daemon, web_ui_password="secret")
    with served(CaptureApp(replace(workspace.config, daemon=daemon))) as port:
        yield NewPhone(port)


def paired_names() -> list[str]:
    return [phone.name for phone in PhoneList().current().paired]


def test_a_phone_pairs_by_its_browser_and_sends_notes_without_a_token(new_phone: NewPhone):
    code, _ = codes.make_code()
    assert 'name="code"' in new_phone.get("/pair")
    answer = new_phone.submit("/pair", code=code, name="Ada's iPhone")
    assert answer.status == 200
    shown = re.search(r'id="token" value="([^"]+)"', answer.body.decode())
    assert shown is not None
    assert {"HttpOnly", "SameSite=Strict"} <= set(answer.headers["set-cookie"].split("; "))
    assert answer.headers["cache-control"] == "no-store"

    box = new_phone.get("/")
    assert 'name="token"' not in box
    assert "adas-iphone" in box
    assert new_phone.submit("/note", text="by the page").status == 200
    direct = {"Content-Type": "application/json", "X-Memsync-Token": shown[1]}
    assert send(new_phone.port, "POST", "/note", b'{"text": "by a Shortcut"}', direct).status == 200
    assert [str(e.note.mark) for e in Spool().entries()] == ["captured: adas-iphone"] * 2


def test_a_program_pairs_by_json(new_phone: NewPhone):
    code, _ = codes.make_code()
    answer = new_phone.by_program("/pair", code=code.lower(), name="watch")
    assert answer.status == 200
    assert answer.json.keys() == {"ok", "name", "token"}
    assert answer.headers["set-cookie"].startswith(f"{COOKIE}={answer.json['token']};")
    assert paired_names() == ["watch"]


def test_a_code_is_used_up(new_phone: NewPhone):
    code, _ = codes.make_code()
    assert new_phone.by_program("/pair", code=code, name="a").status == 200
    assert new_phone.by_program("/pair", code=code, name="b").status == 401
    assert paired_names() == ["a"]


def test_five_wrong_codes_end_the_code_and_the_address_has_to_wait(new_phone: NewPhone):
    code, _ = codes.make_code()
    for _ in range(codes.TRIES):
        answer = new_phone.by_program("/pair", code="WRONG", name="eve")
        assert (answer.status, answer.json.keys()) == (401, {"error"})
    late = new_phone.by_program("/pair", code=code, name="eve")
    assert late.status == 429
    assert 0 < int(late.headers["retry-after"]) <= Backoff.FIRST_WAIT + 1
    assert not codes.use_code(code)
    assert paired_names() == []


def test_wrong_codes_keep_no_phone_from_sending_notes(new_phone: NewPhone):
    _, token = phone_list.pair_phone("ada")
    for _ in range(Backoff.FREE + 1):
        new_phone.by_program("/pair", code="WRONG", name="eve")
    note = {"Content-Type": "application/json", "X-Memsync-Token": token}
    assert send(new_phone.port, "POST", "/note", b'{"text": "a"}', note).status == 200


def test_many_who_guess_at_once_are_no_better_off(new_phone: NewPhone):
    codes.make_code()
    seen: list[int] = []
    guesses = [
        threading.Thread(
            target=lambda: seen.append(new_phone.by_program("/pair", code="WRONG").status)
        )
        for _ in range(12)
    ]
    for guess in guesses:
        guess.start()
    for guess in guesses:
        guess.join()
    assert sorted(seen) == [401] * Backoff.FREE + [429] * (12 - Backoff.FREE)


@pytest.mark.parametrize("fields", [{}, {"code": ""}, {"code": "  ", "name": "a"}])
def test_no_code_is_no_guess(new_phone: NewPhone, fields: dict[str, str]):
    code, _ = codes.make_code()
    for _ in range(codes.TRIES + 1):
        assert new_phone.by_program("/pair", **fields).status == 400
    assert new_phone.by_program("/pair", code=code).status == 200
    assert paired_names() == ["phone"]


def test_a_person_is_told_and_keeps_the_name(new_phone: NewPhone):
    answer = new_phone.submit("/pair", code="WRONG", name="<b>Ada")
    assert answer.status == 401
    page = answer.body.decode()
    assert "The code is wrong, used, or older than ten minutes" in page
    assert 'value="&lt;b&gt;Ada"' in page
    assert "WRONG" not in page
    assert new_phone.cookie == ""


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:5000"])
def test_no_other_page_pairs_a_phone(new_phone: NewPhone, origin: str):
    code, _ = codes.make_code()
    headers = {**AS_BROWSERS_DO, "Origin": origin}
    body = urlencode({"code": code}).encode()
    assert send(new_phone.port, "POST", "/pair", body, headers).status == 403
    assert paired_names() == []


def test_a_full_disk_pairs_nobody_and_says_so(new_phone: NewPhone, monkeypatch):
    code, _ = codes.make_code()
    real = StateFile.save

    def full(self: StateFile, table: object) -> None:
        if self == phone_list.FILE:
            raise OSError(errno.ENOSPC, "no space left")
        real(self, table)

    monkeypatch.setattr(StateFile, "save", full)
    answer = new_phone.by_program("/pair", code=code)
    assert (answer.status, "retry-after" in answer.headers) == (503, True)
    assert "not paired" in answer.json["error"]
    assert paired_names() == []


def test_the_page_of_a_revoked_phone_asks_for_a_token_again(new_phone: NewPhone):
    new_phone.submit("/pair", code=codes.make_code()[0], name="ada")
    phone_list.revoke_phone("ada")
    assert 'name="token"' in new_phone.get("/")
    answer = new_phone.submit("/note", text="a thought")
    assert answer.status == 401
    assert "a thought" in answer.body.decode()


def test_the_page_says_that_a_held_note_waits(new_phone: NewPhone):
    without = new_phone.submit("/note", text="from nobody known")
    assert "waits for your word" in without.body.decode()
    new_phone.submit("/pair", code=codes.make_code()[0], name="ada")
    own = new_phone.submit("/note", text="mine")
    assert "waits" not in own.body.decode()
    shared = new_phone.submit("/note", text="a web page", shared="1")
    assert "waits for your word" in shared.body.decode()
    marks = [str(e.note.mark) for e in Spool().entries()]
    assert marks == ["captured, held", "captured: ada", "captured: ada, held"]


def test_neither_code_nor_token_is_ever_logged(new_phone: NewPhone, caplog, home):
    caplog.set_level(0)
    code, _ = codes.make_code()
    token = new_phone.by_program("/pair", code=code, name="ada").json["token"]
    new_phone.by_program("/pair", code=code, name="ada")
    for secret in (code, token):
        assert secret not in caplog.text
        kept = [path.read_bytes() for path in home.rglob("*") if path.is_file()]
        assert not any(secret.encode() in data for data in kept)
