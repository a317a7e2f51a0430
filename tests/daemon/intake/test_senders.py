"""Whose word a note of the port is: by token, cookie or neither, and by what its sender says."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from urllib.parse import urlencode

import pytest

from memsync.config import Config
from memsync.config.workspace import Workspace
from memsync.daemon.capture import CaptureApp
from memsync.daemon.http.guard import Backoff
from memsync.daemon.intake.senders import COOKIE
from memsync.daemon.phones import phone_list
from memsync.daemon.phones.phone_list import FILE
from memsync.notes.spool import Spool
from tests.support.net import Answer, send, served

TOKEN = "the-one-that-all-share"
AS_JSON = {"Content-Type": "application/json"}
AS_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
AS_PARTS = {"Content-Type": "multipart/form-data; boundary=b"}


class NotePort:
    """A served note port, and the marks of what it took."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.own = {"Origin": f"http://127.0.0.1:{port}"}

    def say(self, text: str = "a note", **headers: str) -> Answer:
        return self.post(json.dumps({"text": text}).encode(), {**AS_JSON, **headers})

    def post(self, body: bytes, headers: dict[str, str], query: str = "") -> Answer:
        return send(self.port, "POST", f"/note{query}", body, headers)

    @property
    def marks(self) -> list[str]:
        return [str(entry.note.mark) for entry in Spool().entries()]


Serve = Callable[..., AbstractContextManager[NotePort]]


@pytest.fixture
def serve(workspace: Workspace) -> Serve:
    """Serve the note port with settings of the daemon."""

    @contextmanager
    def serving(**values: object) -> Iterator[NotePort]:
        with served(CaptureApp(settings_with(workspace, **values))) as port:
            yield NotePort(port)

    return serving


def settings_with(workspace: Workspace, **values: object) -> Config:
    config = workspace.config
    return replace(config, daemon=replace(config.daemon, **values))


def with_token(token: str) -> dict[str, str]:
    return {"X-Memsync-Token": token}


def with_cookie(token: str) -> dict[str, str]:
    """Return the header as browsers send it: with the cookies of all ports of this host."""
    return {"Cookie": f'memsync=x; odd={{"a": [1, "\u00e9"]}}; ; {COOKIE}={token}; other=y'}


@pytest.mark.parametrize(
    ("capture_token", "web_ui_password", "token", "mark"),
    [
        (TOKEN, "secret", TOKEN, "captured"),
        (TOKEN, "", TOKEN, "captured"),
        ("", "", "", "captured"),
        ("", "", "anything", "captured"),
        ("", "secret", "", "captured, held"),
        ("", "secret", "anything", "captured, held"),
    ],
)
def test_the_mark_says_whether_a_right_token_came(
    serve, capture_token, web_ui_password, token, mark
):
    with serve(capture_token=capture_token, web_ui_password=web_ui_password) as port:
        answer = port.say(**(with_token(token) if token else {}))
        assert answer.status == 200
        assert answer.json.get("held") == (True if "held" in mark else None)
        assert port.marks == [mark]
        assert port.post(b'{"text": "b", "shared": true}', {**AS_JSON, **with_token(token)}).json[
            "held"
        ]
        assert port.marks[1:] == ["captured, held"]


@pytest.mark.parametrize("password", ["", "secret"])
@pytest.mark.parametrize("capture_token", ["", TOKEN])
def test_a_paired_phone_is_named(serve, capture_token, password):
    phone, token = phone_list.pair_phone("Ada's phone")
    with serve(capture_token=capture_token, web_ui_password=password) as port:
        assert port.say(**with_token(token)).status == 200
        assert port.say(Authorization=f"Bearer {token}").status == 200
        held = port.post(b'{"text": "b", "shared": 1}', {**AS_JSON, **with_token(token)})
        assert held.json["held"] is True
        assert port.marks == [f"captured: {phone.name}"] * 2 + [f"captured: {phone.name}, held"]


YES = [True, 1, "1", "true", "yes", "no", "null", -1, 0.5, {"a": 0}, [1], "00"]
NO = [False, 0, 0.0, "", "0", "false", "False", " ", None, [], {}]


@pytest.mark.parametrize(
    ("value", "is_held"), [*((v, True) for v in YES), *((v, False) for v in NO)], ids=repr
)
def test_shared_in_json_holds_a_note_unless_it_is_false_0_or_empty(serve, value, is_held):
    with serve(capture_token=TOKEN) as port:
        for name in ("shared", "Shared"):
            body = json.dumps({"text": "from a web page", name: value}).encode()
            answer = port.post(body, {**AS_JSON, **with_token(TOKEN)})
            assert (answer.status, "held" in answer.json) == (200, is_held)
        assert port.marks == ["captured, held" if is_held else "captured"] * 2


@pytest.mark.parametrize(
    ("value", "is_held"),
    [("1", True), ("on", True), ("no", True), ("0", False), ("", False), ("FALSE", False)],
)
def test_shared_in_a_form_and_in_the_address_means_the_same(serve, value, is_held):
    part = '--b\r\nContent-Disposition: form-data; name="{}"\r\n\r\n{}\r\n'
    parts = part.format("text", "a") + part.format("shared", value) + "--b--\r\n"
    ways = [
        (urlencode({"text": "a", "shared": value}).encode(), AS_FORM, ""),
        (parts.encode(), AS_PARTS, ""),
        (b"text=a", AS_FORM, f"?shared={value}"),
        (b"a", {"Content-Type": "text/plain"}, f"?x=1&shared={value}"),
        (b'{"text": "a"}', AS_JSON, f"?shared={value}"),
        (b'{"text": "a", "shared": false}', AS_JSON, f"?shared=0&shared={value}"),
        (f"text=a&shared=0&shared={value}".encode(), AS_FORM, ""),
    ]
    with serve(capture_token=TOKEN) as port:
        for body, kind, query in ways:
            answer = port.post(body, {**kind, **with_token(TOKEN)}, query)
            assert (answer.status, "held" in answer.json) == (200, is_held), (body, query)
        assert port.marks == ["captured, held" if is_held else "captured"] * len(ways)


def test_once_a_phone_is_paired_nobody_sends_notes_without_a_token(serve):
    with serve(capture_token="", web_ui_password="") as port:
        assert port.say().status == 200
        _, token = phone_list.pair_phone("ada")
        assert port.say().status == 401
        assert port.say(**with_token("guess")).status == 401
        assert port.say(**with_token(token)).status == 200
        phone_list.revoke_phone("ada")
        assert port.say(**with_token(token)).status == 401
        assert port.say().status == 401
        assert port.marks == ["captured", "captured: ada"]


def test_a_revoked_phone_is_refused_at_once_and_the_shared_token_goes_on(serve):
    _, token = phone_list.pair_phone("ada")
    with serve(capture_token=TOKEN) as port:
        assert port.say(**with_token(token)).status == 200
        phone_list.revoke_phone("ada")
        assert port.say(**with_token(token)).status == 401
        assert port.say(**with_token(TOKEN)).status == 200


@pytest.mark.parametrize("capture_token", ["", TOKEN])
def test_a_retired_shared_token_opens_nothing(serve, capture_token):
    _, token = phone_list.pair_phone("ada")
    with serve(capture_token=capture_token) as port:
        phone_list.retire_shared(retired=True)
        for headers in (with_token(TOKEN), {}, {"X-Memsync-Token": ""}):
            assert port.say(**headers).status == 401
        assert port.say(**with_token(token)).status == 200
        phone_list.retire_shared(retired=False)
        assert port.say(**with_token(TOKEN)).status == (200 if capture_token else 401)


def test_wrong_tokens_of_a_neighbour_lock_no_phone_out(serve):
    _, token = phone_list.pair_phone("ada")
    with serve(capture_token=TOKEN) as port:
        for _ in range(Backoff.FREE):
            assert port.say(**with_token("guess")).status == 401
        assert port.say(**with_token(TOKEN)).status == 429
        assert port.say(**with_token(token)).status == 200


def test_a_shared_token_that_was_good_here_is_not_locked_out_by_a_neighbour(serve):
    with serve(capture_token=TOKEN) as port:
        assert port.say(**with_token(TOKEN)).status == 200
        for _ in range(Backoff.FREE):
            assert port.say(**with_token("guess")).status == 401
        assert port.say(**with_token("guess")).status == 429
        assert port.say(**with_token(TOKEN)).status == 200
        phone_list.retire_shared(retired=True)
        assert port.say(**with_token(TOKEN)).status == 401


def test_a_cookie_counts_on_the_ports_own_page_alone(serve):
    _, token = phone_list.pair_phone("ada")
    with serve(capture_token="") as port:
        assert port.say(**with_cookie(token), **port.own).status == 200
        assert port.marks == ["captured: ada"]
        for origin in (
            {},
            {"Origin": "null"},
            {"Origin": "http://127.0.0.1:5000"},
            {"Origin": "http://evil.example"},
            {**port.own, "Sec-Fetch-Site": "cross-site"},
            {**port.own, "Sec-Fetch-Site": "same-site"},
        ):
            assert port.say(**with_cookie(token), **origin).status == 403
        assert port.say(**with_cookie("guess"), **port.own).status == 401
        assert port.say(**with_cookie(TOKEN), **port.own).status == 401
        # What is given by hand is not mended by a cookie.
        assert port.say(**with_cookie(token), **port.own, **with_token("guess")).status == 401
        assert port.marks == ["captured: ada"]


def test_the_shared_token_is_no_cookie(serve):
    with serve(capture_token=TOKEN) as port:
        assert port.say(**with_cookie(TOKEN), **port.own).status == 401


def test_a_cookie_is_made_new_with_each_note_by_it(serve):
    _, token = phone_list.pair_phone("ada")
    with serve() as port:
        made = port.say(**with_cookie(token), **port.own).headers["set-cookie"]
        assert made.startswith(f"{COOKIE}={token}; ")
        assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(made.split("; "))
        assert "set-cookie" not in port.say(**with_token(token)).headers


def test_a_list_of_phones_that_is_damaged_lets_nobody_in(serve, caplog):
    _, token = phone_list.pair_phone("ada")
    with serve(capture_token=TOKEN) as port:
        FILE.path.write_bytes(b"\0")
        for headers in ({}, with_token(TOKEN), with_token(token)):
            answer = port.say(**headers)
            assert (answer.status, "damaged" in answer.json["error"]) == (503, True)
        assert port.marks == []
        assert send(port.port, "GET", "/").status == 200
    assert "damaged" in caplog.text


def test_a_use_that_cannot_be_written_down_costs_no_note(serve, monkeypatch, caplog):
    _, token = phone_list.pair_phone("ada")

    def full(*_: object) -> None:
        raise OSError(28, "no space left")

    monkeypatch.setattr(phone_list.StateFile, "save", full)
    with serve() as port:
        assert port.say(**with_token(token)).status == 200
        assert port.marks == ["captured: ada"]
    assert "last use of ada is not written down" in caplog.text
    assert token not in caplog.text


@pytest.mark.parametrize("shared", [{}, {"shared": "1"}])
def test_a_retry_is_answered_as_the_first_time_also_after_a_restart(serve, shared):
    _, token = phone_list.pair_phone("ada")
    headers = {**AS_JSON, **with_token(token), "Idempotency-Key": "k1"}
    with serve() as port:
        first = port.post(json.dumps({"text": "once", **shared}).encode(), headers)
        assert ("held" in first.json) == bool(shared)
        for body in ({"text": "once", **shared}, {"text": "once"}, {"text": "once", "shared": 1}):
            assert port.post(json.dumps(body).encode(), headers).json == first.json
    with serve() as port:
        assert port.post(b'{"text": "once"}', headers).json == first.json
        assert len(port.marks) == 1


def test_two_phones_that_happen_on_one_key_do_not_share_a_note(serve):
    tokens = [phone_list.pair_phone(name)[1] for name in ("ada", "eve")]
    with serve() as port:
        for token in tokens:
            assert port.say(**with_token(token), **{"Idempotency-Key": "1"}).status == 200
        assert port.marks == ["captured: ada", "captured: eve"]
