"""One server for both ports: bound before anything else, and no request in hand is dropped."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any

import psutil
import pytest

from memsync.daemon.http.server import PAGES, THREADS, Port, Server
from memsync.errors import MemsyncError
from tests.support.net import HOST, free_port, send, send_raw, until


class App:
    """An application that answers with its name, and holds a request for as long as it is told."""

    def __init__(self, name: bytes) -> None:
        self.name = name
        self.begun, self.may_end = threading.Event(), threading.Event()

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/slow":
            self.begun.set()
            self.may_end.wait(10)
        body = self.name * (5_000_000 if environ["PATH_INFO"] == "/big" else 1)
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [body]


def port_of(app: App, key: str = "capture", number: int | None = None) -> Port:
    return Port(key, HOST, number or free_port(), lambda: app)


@pytest.fixture
def app() -> App:
    return App(b"page")


@pytest.fixture
def port(app: App) -> Port:
    return port_of(app)


@pytest.fixture
def server(port: Port) -> Iterator[Server]:
    made = Server([port])
    made.start()
    yield made
    made.stop()


def test_each_port_has_its_own_application():
    ports = [port_of(App(b"page"), "web_ui"), port_of(App(b"notes"))]
    server = Server(ports)
    server.start()
    try:
        assert [send(port.number, "GET", "/").body for port in ports] == [b"page", b"notes"]
        assert server.is_alive()
        assert server.answers()
    finally:
        server.stop()
    assert not server.is_alive()
    for port in ports:
        with pytest.raises(ConnectionRefusedError):
            send(port.number, "GET", "/")


def test_both_ports_are_served_by_few_threads():
    before = threading.active_count()
    server = Server([port_of(App(b"a")), port_of(App(b"b"))])
    server.start()
    try:
        assert threading.active_count() - before <= THREADS + 1
    finally:
        server.stop()


def test_a_server_without_ports_is_well_and_stops():
    server = Server([])
    server.start()
    assert server.is_alive()
    server.stop()


def test_a_taken_port_is_named_with_its_holder_and_the_way_out():
    with socket.socket() as holder:
        holder.bind((HOST, 0))
        holder.listen()
        number = holder.getsockname()[1]
        free = port_of(App(b"a"))
        with pytest.raises(MemsyncError) as refused:
            Server([free, Port("capture", HOST, number, lambda: App(b"b"))])
    name = psutil.Process().name()
    assert refused.value.message == f"port {number} is taken by {name} (pid {os.getpid()})"
    other = int(refused.value.hint.removeprefix("memsync config set daemon.capture_port "))
    assert 1 <= other <= 65535
    with socket.socket() as again:  # the other port was let go
        again.bind((HOST, free.number))


def test_the_way_out_of_the_highest_port_is_a_port():
    with socket.socket() as holder:
        holder.bind((HOST, 65535))
        holder.listen()
        with pytest.raises(MemsyncError, match="port 65535 is taken") as refused:
            Server([Port("web_ui", HOST, 65535, lambda: App(b"a"))])
    assert refused.value.hint == "memsync config set daemon.web_ui_port 65455"


@pytest.mark.parametrize("host", ["no-such-host.invalid", "203.0.113.7"])
def test_an_address_that_is_not_here_is_named(host):
    with pytest.raises(MemsyncError) as refused:
        Server([Port("web_ui", host, free_port(), lambda: App(b"a"))])
    assert host in refused.value.message
    assert refused.value.hint == "memsync config set daemon.web_ui_host 0.0.0.0"


def test_a_request_in_hand_is_answered_before_the_server_is_gone(server, app, port):
    answers: list[bytes] = []
    sender = threading.Thread(target=lambda: answers.append(send(port.number, "GET", "/slow").body))
    sender.start()
    assert app.begun.wait(10)
    stopper = threading.Thread(target=server.stop)
    stopper.start()
    until(lambda: send(port.number, "GET", "/").status == 503)
    assert stopper.is_alive()
    app.may_end.set()
    sender.join(10)
    stopper.join(10)
    assert answers == [b"page"]
    assert not server.is_alive()


def test_a_long_answer_still_on_its_way_is_sent_whole(server, port):
    with socket.create_connection((HOST, port.number)) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        client.sendall(b"GET /big HTTP/1.0\r\nHost: localhost\r\n\r\n")
        received = client.recv(100)
        stopper = threading.Thread(target=server.stop)
        stopper.start()
        received += b"".join(iter(lambda: client.recv(65536), b""))
        stopper.join(10)
    assert len(received.partition(b"\r\n\r\n")[2]) == 20_000_000


def test_idle_connections_do_not_hold_the_server_up(server, port):
    with socket.create_connection((HOST, port.number)) as idle:
        idle.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        received = b""
        while not received.endswith(b"\r\n\r\npage"):
            received += idle.recv(4096)
        began = time.monotonic()
        server.stop()
        assert time.monotonic() - began < 2
        assert idle.recv(4096) == b""


def test_a_request_that_hangs_does_not_hold_the_server_for_ever(server, app, port, monkeypatch):
    monkeypatch.setattr("memsync.daemon.http.server.DRAIN_SECONDS", 0.2)
    with socket.create_connection((HOST, port.number)) as client:
        client.sendall(b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert app.begun.wait(10)
        server.stop()
        assert client.recv(4096) == b""
    app.may_end.set()


def test_nonsense_is_answered_and_the_server_goes_on(server, port):
    for nonsense in (b"\x16\x03\x01\x00\xff" * 50, b"GET\r\n\r\n", b"\x00" * 5000, b"A" * 40_000):
        send_raw(port.number, nonsense + b"\r\n\r\n")
        assert send(port.number, "GET", "/").body == b"page"


@pytest.mark.parametrize(
    "head",
    [
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5",
        b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\nContent-Length: 5",
        b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked",
        b"POST / HTTP/1.1\r\nTransfer-Encoding : chunked\r\nContent-Length: 5",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked, identity",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: \x0bchunked",
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6",
    ],
)
def test_a_request_with_two_ends_is_refused_and_no_second_one_is_seen_in_it(server, port, head):
    """What is in front of us may see another end of it (request smuggling)."""
    smuggled = b"\r\n\r\n0\r\n\r\nGET /second HTTP/1.1\r\nHost: localhost\r\n\r\n"
    reply = send_raw(port.number, head + smuggled)
    assert reply.startswith((b"HTTP/1.1 400 ", b"HTTP/1.0 400 ", b"HTTP/1.1 501 "))
    assert b" 200 " not in reply
    assert b"page" not in reply


def test_an_answer_does_not_say_what_serves_it(server, port):
    assert "server" not in send(port.number, "GET", "/").headers


def test_pages_that_hang_leave_threads_for_the_notes_and_later_pages_are_refused(app):
    ports = [port_of(app, "web_ui"), port_of(App(b"notes"))]
    server = Server(ports)
    server.start()
    crowd = [
        threading.Thread(target=send, args=(ports[0].number, "GET", "/slow"))
        for _ in range(2 * THREADS)
    ]
    for one in crowd:
        one.start()
    until(lambda: server._in_hand.total() == PAGES)
    for _ in range(5):
        assert send(ports[1].number, "POST", "/note").body == b"notes"
    answer = send(ports[0].number, "GET", "/")
    assert (answer.status, answer.headers["retry-after"]) == (503, "10")
    app.may_end.set()
    for one in crowd:
        one.join(10)
    assert send(ports[0].number, "GET", "/").status == 200
    server.stop()
