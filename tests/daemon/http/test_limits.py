"""Bodies: judged by the head over a real socket, before anything of them is read."""

from __future__ import annotations

import errno
import json
import socket
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from waitress.server import TcpWSGIServer

from memsync.config import Config
from memsync.daemon import web
from memsync.daemon.http import channel, limits
from memsync.daemon.http import server as server_module
from memsync.daemon.http.guard import SECURITY_HEADERS, Guard
from memsync.daemon.http.login import COOKIE, Login
from memsync.daemon.http.server import Port, Server
from tests.daemon.conftest import PASSWORD
from tests.support.browser import Browser
from tests.support.net import HOST, free_port, send, send_raw, until

FORM = "Content-Type: application/x-www-form-urlencoded\r\n"


class App:
    """An application that says how long the body was."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        self.seen.append(environ["PATH_INFO"])
        length = b"%d" % len(environ["wsgi.input"].read())
        start_response("200 OK", [("Content-Length", str(len(length)))])
        return [length]


@pytest.fixture
def app() -> App:
    return App()


@pytest.fixture
def login(locked: Config) -> tuple[Login, str]:
    """A login, and the cookie of somebody who is in."""
    made = Login(locked)
    browser = Browser(web.create_app(locked, login=made))
    browser.log_in(PASSWORD)
    cookie = browser.client.get_cookie(COOKIE)
    assert cookie is not None
    return made, f"{COOKIE}={cookie.value}"


@pytest.fixture
def ports(app: App, locked: Config, login: tuple[Login, str]) -> Iterator[tuple[int, int]]:
    """The page and the note port of a machine, with nothing behind their doors but `app`."""
    guard, (who, _) = Guard(locked), login
    numbers = (free_port(), free_port())
    judges = (limits.judge_pages(guard, who.lets_in), limits.judge_notes(guard))
    server = Server(
        [
            Port(key, HOST, number, lambda: app, judge)
            for key, number, judge in zip(("web_ui", "capture"), numbers, judges, strict=True)
        ]
    )
    server.start()
    yield numbers
    server.stop()


def head(path: str, more: str = "", method: str = "POST", host: str = "localhost") -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n{more}\r\n".encode()


def answer_to_half(port: int, request: bytes) -> bytes:
    """Send a head and a part of a body, and return the answer that comes although it is not whole."""
    with socket.create_connection((HOST, port), timeout=10) as client:
        client.sendall(request)
        received = b""
        while piece := client.recv(65536):
            received += piece
        return received


@pytest.mark.parametrize(
    ("place", "path", "more", "code"),
    [
        (0, "/login", "Content-Length: 8193\r\n", 413),
        (0, "/save", "Content-Length: 500000\r\n", 413),
        (0, "/api/notes", "Content-Length: 8193\r\n", 413),
        (0, "/save", "Cookie: memsync=nonsense\r\nContent-Length: 9000\r\n", 413),
        (1, "/note", "Content-Length: 65537\r\n", 413),
        (1, "/other", "Content-Length: 8193\r\n", 413),
        (1, "/note", "Expect: 100-continue\r\nContent-Length: 99999999999\r\n", 413),
        (1, "/note", "Origin: http://evil.example\r\nContent-Length: 60000\r\n", 403),
        (1, "/note", "X-Forwarded-For: 8.8.8.8\r\nContent-Length: 99999999999\r\n", 403),
    ],
)
def test_what_is_refused_is_answered_before_its_body_is_there(ports, app, place, path, more, code):
    answer = answer_to_half(ports[place], head(path, more) + b"a" * 100)
    assert answer.startswith(b"HTTP/1.1 %d " % code), answer
    assert b"100 Continue" not in answer
    for name in SECURITY_HEADERS:
        assert f"\r\n{name}: ".encode() in answer
    assert app.seen == []


def test_another_host_is_refused_before_the_body(ports, app):
    request = head("/note", "Content-Length: 60000\r\n", host="evil.example")
    assert answer_to_half(ports[1], request + b"a").startswith(b"HTTP/1.1 421 ")
    assert app.seen == []


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("more", ["Content-Length: 1\r\n", "Transfer-Encoding: chunked\r\n"])
def test_who_reads_sends_no_body(ports, app, place, method, more):
    assert answer_to_half(ports[place], head("/", more, method)).startswith(b"HTTP/1.1 413 ")
    assert app.seen == []


@pytest.mark.parametrize(
    ("place", "path", "size"),
    [(0, "/login", limits.STRANGER), (1, "/note", limits.NOTE), (1, "/other", limits.STRANGER)],
)
def test_a_body_may_be_just_as_long_as_its_limit(ports, place, path, size):
    assert send(ports[place], "POST", path, b"a" * size).body == b"%d" % size
    answer = send(ports[place], "POST", path, b"a" * (size + 1))
    assert answer.status == 413  # it is seen, although the whole body was sent at once


def test_a_note_that_is_too_long_is_told_in_the_words_of_the_note_port(ports):
    answer = send(ports[1], "POST", "/note", b"a" * 1_000_000)
    assert answer.headers["content-type"] == "application/json"
    assert json.loads(answer.body) == {"error": "a note may have at most 65536 bytes"}


@pytest.mark.parametrize("path", ["/save", "/api/notes"])
def test_whoever_is_logged_in_may_save_a_mebibyte_and_no_longer_after_log_out(ports, login, path):
    who, cookie = login
    for size, code in ((limits.MEMORY, 200), (limits.MEMORY + 1, 413)):
        assert send(ports[0], "POST", path, b"a" * size, {"Cookie": cookie}).status == code
    who._sessions.end_all()
    assert send(ports[0], "POST", path, b"a" * 9000, {"Cookie": cookie}).status == 413


def chunked(body: bytes, size: int) -> bytes:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in [*pieces, b""])


@pytest.mark.parametrize("size", [16, 700, 70_000])
def test_a_body_in_chunks_has_the_same_limit(ports, size):
    told = head("/note", "Transfer-Encoding: chunked\r\nConnection: close\r\n")
    taken = send_raw(ports[1], told + chunked(b"a" * limits.NOTE, size))
    assert taken.startswith(b"HTTP/1.1 200 ")
    assert answer_to_half(
        ports[1], told + chunked(b"a" * limits.NOTE, size)[:-5] + b"1\r\na"
    ).startswith(b"HTTP/1.1 413 ")


def test_the_words_between_chunks_are_limited_as_well(ports):
    endless = head("/note", "Transfer-Encoding: chunked\r\n") + b"1" * 3 * limits.NOTE
    assert answer_to_half(ports[1], endless).startswith(b"HTTP/1.1 413 ")


def test_no_second_request_is_seen_in_a_body_that_was_refused(ports, app):
    smuggled = head("/note", "Content-Length: 70000\r\n") + head("/second", method="GET") * 20
    answer = send_raw(ports[1], smuggled)
    assert answer.count(b"HTTP/1.1 ") == 1
    assert app.seen == []


def test_many_long_bodies_on_their_way_make_each_other_give_way(ports, monkeypatch):
    monkeypatch.setattr(channel, "MOST_LONG_BODIES", 3)
    half = head("/note", "Content-Length: 60000\r\n") + b"a" * 100
    held = [socket.create_connection((HOST, ports[1]), timeout=10) for _ in range(6)]
    for client in held:
        client.sendall(half)
    assert [client.recv(100) for client in held[:3]] == [b""] * 3
    held[-1].sendall(b"a" * 59_900)
    assert held[-1].recv(100).startswith(b"HTTP/1.1 200 ")
    for client in held:
        client.close()


def test_without_descriptors_the_port_waits_says_so_once_and_goes_on(
    ports, app, monkeypatch, caplog
):
    """A loop that tries again at once spins and fills the log."""
    tries: list[int] = []

    def fail(_: object) -> None:
        tries.append(1)
        raise OSError(errno.EMFILE, "Too many open files")

    real = TcpWSGIServer.accept
    monkeypatch.setattr(TcpWSGIServer, "accept", fail)
    with socket.create_connection((HOST, ports[1]), timeout=10) as client:
        client.sendall(head("/health", "Connection: close\r\n", "GET"))
        until(lambda: len(tries) >= 1)
        monkeypatch.setattr(TcpWSGIServer, "accept", real)
        assert client.recv(100).startswith(b"HTTP/1.1 200 ")
    assert len(tries) <= 3  # two listeners, one pause
    assert len([r for r in caplog.records if "Too many open files" in r.getMessage()]) == 1


@pytest.mark.parametrize(
    ("soft", "hard", "room", "raised"),
    [
        (1024, 4096, 150, 1024),
        (256, 4096, 150, 340),
        (64, 64, 12, 64),
        (64, 200, 80, 200),
        (-1, -1, 150, -1),
        (20, 20, 4, 20),
    ],
)
def test_the_connections_fit_the_limit_of_descriptors(soft, hard, room, raised, monkeypatch):
    present = [(soft, hard)]
    monkeypatch.setattr(server_module.resource, "getrlimit", lambda _: present[-1])
    monkeypatch.setattr(server_module.resource, "setrlimit", lambda _, pair: present.append(pair))
    assert server_module._room_for_connections(2) == room
    assert present[-1][0] == raised


def test_a_sandbox_that_hides_the_limit_is_no_trouble(monkeypatch):
    def forbid(_):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(server_module.resource, "getrlimit", forbid)
    assert server_module._room_for_connections(2) == channel.MOST


def test_the_page_judges_by_the_same_limits_as_the_door(locked: Config):
    for is_in, size in ((True, limits.MEMORY), (False, limits.STRANGER)):
        daemon = replace(locked.daemon, web_ui_password="" if is_in else PASSWORD)
        browser = Browser(web.create_app(replace(locked, daemon=daemon)))
        assert browser.post("/login", {"a": "x" * size}, multipart=False).status == 413
