"""The ear, by real sockets: what it takes, what it refuses, and that nothing it took is lost."""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from memsync import config as settings
from memsync.config import Config, writer
from memsync.config.workspace import Workspace
from memsync.daemon.capture import create_capture_app
from memsync.daemon.http import tokens
from memsync.daemon.http.guard import Backoff
from memsync.notes.spool import Spool
from memsync.text.mark import CAPTURED
from tests.support.net import Answer, send, send_raw, served

MAX_BODY = 64 * 1024
TOKEN = "0nly-the-phone-knows"
GOOD = {"X-Memsync-Token": TOKEN}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
TEXT = {"Content-Type": "text/plain; charset=utf-8"}
MULTIPART = {"Content-Type": "multipart/form-data; boundary=b"}


class Ear:
    """A served capture application, and what is in its spool."""

    def __init__(self, port: int) -> None:
        self.port = port

    def post(self, body: object, headers: dict[str, str] | None = None) -> Answer:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"Content-Type": "application/json", **(headers or {})}
        return send(self.port, "POST", "/note", data, sent)

    @property
    def kept(self) -> list[str]:
        return [entry.note.text for entry in Spool().entries()]


@pytest.fixture
def ear(workspace: Workspace) -> Iterator[Ear]:
    with served(create_capture_app(workspace.config)) as port:
        yield Ear(port)


@pytest.fixture
def with_token(workspace: Workspace) -> Config:
    writer.change(settings.get_config_path(), {"daemon.capture_token": TOKEN})
    return settings.load()


@pytest.fixture
def guarded(with_token: Config) -> Iterator[Ear]:
    with served(create_capture_app(with_token)) as port:
        yield Ear(port)


def test_a_note_is_acknowledged_with_its_time_and_is_in_the_spool(ear):
    answer = ear.post({"text": "Prefers uv to pip · 日本語 🦔\nsecond line"})
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert set(answer.json) == {"ok", "timestamp"}
    assert answer.json["ok"] is True
    (entry,) = Spool().entries()
    assert entry.note.time == answer.json["timestamp"]
    assert entry.note.mark == CAPTURED
    assert ear.kept == ["Prefers uv to pip · 日本語 🦔\nsecond line"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b'{"note": "x"}',
        b'{"text": ""}',
        b'{"text": " \\n\\t "}',
        b'{"text": "\\u0000"}',
        b'{"text": null}',
        b'{"text": 5}',
        b'{"text": true}',
        b'{"text": ["a note"]}',
        b'{"text": {"text": "a note"}}',
        b'["a note"]',
        b'"a note"',
        b"7",
        b"null",
        b"a note",
        b'{"text": "a note"',
        b'{"text": "a note"} and more',
        b'{"text": "caf\xe9"}',
        b'{"text": "\xed\xa0\x80"}',
        b'{"text": "\\ud83e alone"}',
        b"[" * 60_000,
        b'{"text":' * 8_000,
        b"9" * 60_000,
        b"\xff" * 100,
    ],
    ids=lambda body: repr(body[:24]),
)
def test_what_is_no_note_is_refused_with_the_reason_and_not_kept(ear, body):
    answer = ear.post(body)
    assert answer.status == 400
    assert set(answer.json) == {"error"}
    assert answer.json["error"]
    assert ear.kept == []
    assert ear.post({"text": "still well"}).status == 200


def test_64_kib_exactly_are_taken_and_one_byte_more_is_not(ear):
    frame = len(b'{"text": ""}')
    assert ear.post({"text": "x" * (MAX_BODY - frame)}).status == 200
    answer = ear.post({"text": "x" * (MAX_BODY - frame + 1)})
    assert (answer.status, set(answer.json)) == (413, {"error"})
    assert ear.post(b"[" * 100_000).status == 413
    assert [len(text) for text in ear.kept] == [MAX_BODY - frame]


@pytest.mark.parametrize(
    ("head", "body", "status"),
    [
        ("Content-Length: 99999999999", b'{"text": "a"}', b"413"),
        ("Content-Length: 70000", b'{"text": "' + b"a" * 69_988 + b'"}', b"413"),
        ("Content-Length: 5", b'{"text": "a"}', b"400"),
        ("Content-Length: -5", b'{"text": "a"}', b"400"),
        ("Content-Length: 1_3", b'{"text": "a"}', b"400"),
        ("Transfer-Encoding: chunked", b"11170\r\n" + b"a" * 70_000 + b"\r\n0\r\n\r\n", b"413"),
        ("Content-Length: 13\r\nContent-Length: 5", b'{"text": "a"}', b"400"),
    ],
)
def test_a_length_that_lies_gets_nothing_in(ear, head, body, status):
    request = f"POST /note HTTP/1.1\r\nHost: localhost\r\n{head}\r\n\r\n".encode() + body
    assert send_raw(ear.port, request).split(b" ")[1] == status
    assert ear.kept == []


def test_a_body_that_ends_too_soon_is_no_note_behind_any_server(with_token):
    client = create_capture_app(with_token).test_client()
    short = {"CONTENT_LENGTH": "12"}
    sent = {**GOOD, **TEXT}
    answer = client.post("/note", data=b"half a no", headers=sent, environ_overrides=short)
    assert answer.status_code == 400
    assert Spool().entries() == []


def test_chunked_json_is_taken(ear):
    request = b"POST /note HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunks = b'8\r\n{"text":\r\n9\r\n "pieces"\r\n1\r\n}\r\n0\r\n\r\n'
    assert b"200 OK" in send_raw(ear.port, request + chunks)
    assert ear.kept == ["pieces"]


def test_only_post_note_get_health_and_the_page_are_there(ear):
    for method in ("GET", "PUT", "DELETE", "PATCH", "OPTIONS"):
        answer = send(ear.port, method, "/note")
        assert (answer.status, answer.headers["allow"]) == (405, "POST")
    for path in ("/health", "/"):
        answer = send(ear.port, "POST", path, b'{"text": "a"}')
        assert (answer.status, answer.headers["allow"]) == (405, "GET")
    for path in ("/notes", "/note/", "/NOTE", "/note/../note", "/page.css"):
        assert send(ear.port, "POST", path, b'{"text": "a"}').status == 404
    for path in ("/page.js", "/static/page.css", "/../web.py", "/icon.svg/"):
        assert send(ear.port, "GET", path).status == 404
    assert ear.kept == []


def test_health_says_ok_and_nothing_else_and_asks_for_no_token(guarded):
    answer = send(guarded.port, "GET", "/health")
    assert (answer.status, answer.json) == (200, {"ok": True})
    reply = send_raw(guarded.port, b"HEAD /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert reply.startswith(b"HTTP/1.1 200 ")
    assert reply.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"X-Memsync-Token": ""}, 401),
        ({"X-Memsync-Token": TOKEN + "x"}, 401),
        ({"X-Memsync-Token": TOKEN.upper()}, 401),
        ({"X-Memsync-Token": "\xff\xfe"}, 401),
        ({"Authorization": TOKEN}, 401),
        ({"Authorization": f"Basic {TOKEN}"}, 401),
        ({"Authorization": "Bearer"}, 401),
        ({"Authorization": f"Bearer {TOKEN} {TOKEN}"}, 401),
        ({"Cookie": f"token={TOKEN}"}, 401),
        ({"X-Memsync-Token": TOKEN}, 200),
        ({"Authorization": f"Bearer {TOKEN}"}, 200),
        ({"Authorization": f"bearer  {TOKEN}"}, 200),
    ],
)
def test_a_token_is_asked_for_where_one_is_set(guarded, headers, status):
    answer = guarded.post({"text": "a note"}, headers)
    assert answer.status == status
    assert guarded.kept == (["a note"] if status == 200 else [])
    if status == 401:
        assert answer.headers["www-authenticate"] == "Bearer"
        assert set(answer.json) == {"error"}


def test_a_token_of_any_script_is_known_again(workspace):
    writer.change(settings.get_config_path(), {"daemon.capture_token": "schlüssel"})
    with served(create_capture_app(settings.load())) as port:
        request = 'POST /note HTTP/1.1\r\nHost: localhost\r\nX-Memsync-Token: {}\r\nContent-Length: 13\r\n\r\n{{"text": "a"}}'
        assert b" 200 " in send_raw(port, request.format("schlüssel").encode())
        assert b" 401 " in send_raw(port, request.format("schluessel").encode())


def test_the_token_of_the_environment_comes_first(with_token, monkeypatch):
    monkeypatch.setenv("MEMSYNC_CAPTURE_TOKEN", "another")
    with served(create_capture_app(with_token)) as port:
        assert Ear(port).post({"text": "a"}, GOOD).status == 401
        assert Ear(port).post({"text": "a"}, {"X-Memsync-Token": "another"}).status == 200


def test_tokens_are_compared_by_their_hashes_in_constant_time(with_token, monkeypatch):
    seen: list[tuple[str, str]] = []
    real = tokens.same_secret

    def watched(given: str, wanted: str) -> bool:
        seen.append((given, wanted))
        return real(given, wanted)

    monkeypatch.setattr(tokens, "same_secret", watched)
    with served(create_capture_app(with_token)) as port:
        Ear(port).post({"text": "a"}, {"X-Memsync-Token": "wrong"})
        Ear(port).post({"text": "a"}, GOOD)
    hashed = tokens.hash_token(TOKEN)
    assert seen == [(tokens.hash_token("wrong"), hashed), (hashed, hashed)]


@pytest.mark.parametrize("spelled", [str, lambda text: text.replace("sha256:", "").upper()])
def test_a_token_may_be_kept_as_its_hash(workspace, spelled):
    stored = "sha256:" + spelled(hashlib.sha256(TOKEN.encode()).hexdigest())
    writer.change(settings.get_config_path(), {"daemon.capture_token": stored})
    with served(create_capture_app(settings.load())) as port:
        assert Ear(port).post({"text": "a"}, GOOD).status == 200
        for other in (stored, stored.lower(), "", "x"):
            assert Ear(port).post({"text": "a"}, {"X-Memsync-Token": other}).status == 401


def test_wrong_tokens_have_to_wait_and_are_told_how_long(guarded):
    for _ in range(Backoff.FREE):
        assert guarded.post({"text": "a"}, {"X-Memsync-Token": "guess"}).status == 401
    answer = guarded.post({"text": "a"}, GOOD)
    assert answer.status == 429
    assert 0 < int(answer.headers["retry-after"]) <= Backoff.FIRST_WAIT + 1
    assert send(guarded.port, "GET", "/health").status == 200
    assert guarded.kept == []


def test_with_a_token_phones_may_send_forms_and_text(guarded):
    form = b"text=by+form+%C3%A9"
    part = b'--b\r\nContent-Disposition: form-data; name="text"%b\r\n\r\n%b\r\n--b--\r\n'
    assert guarded.post(form, {**GOOD, **FORM}).status == 200
    assert guarded.post("by text é".encode(), {**GOOD, **TEXT}).status == 200
    assert guarded.post(part % (b"", b"by part"), {**GOOD, **MULTIPART}).status == 200
    named = part % (b'; filename="note.txt"', "by file é".encode())
    assert guarded.post(named, {**GOOD, **MULTIPART}).status == 200
    assert guarded.kept == ["by form é", "by text é", "by part", "by file é"]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"note=a", FORM),
        (b"text=", FORM),
        (b"\xff\xfe", TEXT),
        (b"   ", TEXT),
        (b"--b\r\nnonsense", MULTIPART),
        (b"text=a", {"Content-Type": "image/png"}),
    ],
)
def test_a_bad_form_is_refused(guarded, body, kind):
    assert guarded.post(body, {**GOOD, **kind}).status == 400
    assert guarded.kept == []


def test_without_a_token_only_json_is_taken(ear):
    part = b'--b\r\nContent-Disposition: form-data; name="text"\r\n\r\na\r\n--b--\r\n'
    for body, kind in ((b"text=a", FORM), (b"a", TEXT), (part, MULTIPART)):
        assert ear.post(body, kind).status == 400
    assert ear.kept == []


def test_a_repeated_key_with_the_same_text_is_one_note_even_after_a_restart(workspace):
    key = {"Idempotency-Key": "shortcut-1"}
    with served(create_capture_app(workspace.config)) as port:
        first = Ear(port).post({"text": "once"}, key)
        assert Ear(port).post({"text": "once"}, key).json == first.json
        assert Ear(port).post({"text": "another"}, key).status == 200
        assert Ear(port).post({"text": "once"}, {"Idempotency-Key": "shortcut-2"}).status == 200
    with served(create_capture_app(workspace.config)) as port:
        assert Ear(port).post({"text": "once"}, key).json == first.json
        assert Ear(port).kept == ["once", "another", "once"]


def test_a_key_that_is_too_long_is_refused_and_not_cut(ear):
    longest = "k" * 256
    assert ear.post({"text": "a"}, {"Idempotency-Key": longest}).status == 200
    answer = ear.post({"text": "a"}, {"Idempotency-Key": longest + "x"})
    assert (answer.status, "256" in answer.json["error"]) == (400, True)
    assert ear.kept == ["a"]


def test_a_key_sent_by_many_at_once_is_one_note(ear):
    statuses: list[int] = []

    def repeat() -> None:
        statuses.append(ear.post({"text": "once"}, {"Idempotency-Key": "k"}).status)

    threads = [threading.Thread(target=repeat) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 16
    assert ear.kept == ["once"]


def test_while_the_folder_is_away_notes_are_kept_and_said_to_wait(ear, workspace: Workspace):
    away = workspace.root.rename(workspace.root.with_name("unplugged"))
    answer = ear.post({"text": "on the road"})
    assert answer.status == 200
    assert answer.json["spooled"] is True
    assert not workspace.root.exists()
    away.rename(workspace.root)
    assert "spooled" not in ear.post({"text": "at home"}).json
    assert ear.kept == ["on the road", "at home"]


def fail_half_way(error: int) -> Callable[[int, bytes], int]:
    """Return an `os.write` that lets half of a spool line through, and then no more of it."""
    real, rest = os.write, set[bytes]()

    def write(descriptor: int, data: bytes) -> int:
        whole = bytes(data)
        if whole in rest:
            raise OSError(error, os.strerror(error))
        if b'"came_by"' in whole:
            half = len(whole) // 2
            rest.add(whole[half:])
            return real(descriptor, whole[:half])
        return real(descriptor, data)

    return write


def test_a_full_disk_is_said_so_and_leaves_nothing_half_written(ear, monkeypatch, caplog):
    assert ear.post({"text": "before"}).status == 200
    (file,) = (Spool().folder).glob("*.jsonl")
    before = file.read_bytes()
    with monkeypatch.context() as patched:
        patched.setattr("memsync.files.atomic.os.write", fail_half_way(errno.ENOSPC))
        answer = ear.post({"text": "too much"}, {"Idempotency-Key": "k"})
    assert (answer.status, set(answer.json)) == (503, {"error"})
    assert int(answer.headers["retry-after"]) > 0
    assert file.read_bytes() == before
    assert "No space left" in caplog.text
    assert ear.post({"text": "too much"}, {"Idempotency-Key": "k"}).status == 200
    assert ear.kept == ["before", "too much"]


def test_the_token_is_in_no_answer_and_in_no_log(guarded, caplog, home: Path):
    caplog.set_level(logging.DEBUG)
    wrong = {"X-Memsync-Token": "a-wrong-one"}
    answers = [
        guarded.post({"text": "a"}, GOOD),
        guarded.post({"text": ""}, GOOD),
        guarded.post(b"\xff", GOOD),
        guarded.post({"text": "a"}, wrong),
        guarded.post({"text": "a"}, {**GOOD, "Origin": "http://evil.example"}),
        guarded.post(b"x" * 100_000, GOOD),
        send(guarded.port, "GET", f"/{TOKEN}", None, GOOD),
    ]
    said = "".join(f"{a.headers}{a.body!r}" for a in answers) + caplog.text
    spooled = b"".join(file.read_bytes() for file in Spool().folder.iterdir())
    assert TOKEN not in said
    assert "a-wrong-one" not in said
    assert TOKEN.encode() not in spooled


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost.evil.example"])
def test_a_page_from_elsewhere_gets_nothing_in(ear, origin):
    assert ear.post({"text": "obey me"}, {"Origin": origin}).status == 403
    assert ear.post({"text": "obey me"}, {"Sec-Fetch-Site": "cross-site"}).status == 403
    assert ear.kept == []


def test_a_name_that_is_not_this_machines_gets_nothing_in(ear):
    assert ear.post({"text": "rebound"}, {"Host": "evil.example"}).status == 421
    assert ear.kept == []


def test_of_many_keys_the_latest_are_known(ear, monkeypatch):
    monkeypatch.setattr("memsync.daemon.intake.known.MOST_KEYS", 2)
    for key in ("a", "b", "c", "c", "b", "a"):
        assert ear.post({"text": "same"}, {"Idempotency-Key": key}).status == 200
    assert ear.kept == ["same"] * 4
