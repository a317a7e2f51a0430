"""The ear under fire: killed at random, held open by five hundred, and sent what is no HTTP.

`make test` does a part of it; `make torture` (MEMSYNC_TORTURE=1) does the whole.
"""

from __future__ import annotations

import collections
import contextlib
import json
import random
import socket
import threading
import time
from collections.abc import Iterator
from http.client import HTTPException

import pytest

from memsync.config.workspace import Workspace
from memsync.daemon.http import channel, server
from memsync.daemon.http.server import THREADS, Port, Server
from memsync.daemon.intake.body import MAX_BODY
from memsync.notes import reader
from tests.support.fire import Besieged, answers, malformed
from tests.support.net import HOST, free_port, send, until
from tests.support.scale import TORTURE, share

NOTES, KILLS = share(10_000, 400), share(100, 4)
SENDERS = 8
REQUESTS = share(100_000)
WARM_UP = 400
HALF_OPEN = 500
OTHER_THREADS = 8
"""Beside those that answer: the main one, the loop, the mover, the scheduler and its pool."""

MEGABYTE = 1024 * 1024

pytestmark = pytest.mark.torture


@pytest.fixture
def daemon(workspace: Workspace) -> Iterator[Besieged]:
    made = Besieged()
    made.run()
    yield made
    made.leave()


def logged(workspace: Workspace) -> list[str]:
    return [note.text for day in reader.days(workspace) for note in reader.read_day(workspace, day)]


class Sender:
    """A phone with a queue: sends each note until it is acknowledged, by the same key."""

    def __init__(self, daemon: Besieged, number: int) -> None:
        self._daemon = daemon
        self._texts = [f"note {number}-{count}" for count in range(NOTES // SENDERS)]
        self.acknowledged: list[str] = []
        self.thread = threading.Thread(target=self._send_all)

    def _send_all(self) -> None:
        deadline = time.monotonic() + 5 * KILLS + 60
        for text in self._texts:
            while time.monotonic() < deadline and not self._send(text):
                time.sleep(0.005)

    def _send(self, text: str) -> bool:
        headers = {"Content-Type": "application/json", "Idempotency-Key": text}
        body = json.dumps({"text": text}).encode()
        with contextlib.suppress(OSError, HTTPException):
            if send(self._daemon.capture, "POST", "/note", body, headers).status == 200:
                self.acknowledged.append(text)
                return True
        return False


def test_every_acknowledged_note_is_in_the_log_once_whenever_it_is_killed(daemon, workspace):
    senders = [Sender(daemon, number) for number in range(SENDERS)]
    moments = sorted(random.Random(4).sample(range(NOTES * 9 // 10), KILLS))
    for sender in senders:
        sender.thread.start()
    for moment in moments:
        until(lambda least=moment: sum(len(s.acknowledged) for s in senders) >= least, seconds=60)
        daemon.kill()
        daemon.run()
    for sender in senders:
        sender.thread.join()
    acknowledged = collections.Counter(text for s in senders for text in s.acknowledged)
    assert len(acknowledged) == NOTES
    until(lambda: acknowledged.keys() <= set(logged(workspace)), seconds=30)
    daemon.leave()
    assert collections.Counter(logged(workspace)) == acknowledged
    assert "Traceback" not in daemon.said()


HALVES = [
    b"",
    b"POST",
    b"POST /note HTTP/1.1\r\nHost: loc",
    b"POST /note HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000\r\n\r\n{",
    b"POST /note HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n{",
    b"POST /note HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n",
]


def is_closed(client: socket.socket) -> bool:
    client.setblocking(False)
    try:
        return client.recv(65536) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def test_five_hundred_half_open_connections_keep_nobody_out(daemon):
    with contextlib.ExitStack() as stack:
        held = []
        for number in range(HALF_OPEN):
            port = (daemon.capture, daemon.web)[number % 2]
            client = stack.enter_context(socket.create_connection((HOST, port), timeout=5))
            client.sendall(HALVES[number % len(HALVES)])
            held.append(client)
        for port, path in (
            (daemon.capture, "/health"),
            (daemon.capture, "/health"),
            (daemon.web, "/"),
        ):
            began = time.perf_counter()
            assert send(port, "GET", path).status == 200
            print(f"{path}: {(time.perf_counter() - began) * 1000:.0f} ms")
        assert daemon.post("in between").status == 200
        assert daemon.process.num_threads() <= THREADS + OTHER_THREADS
        # Who makes room is closed by the loop's next turn.
        until(lambda: sum(not is_closed(c) for c in held) <= 2 * channel.MOST)
        if TORTURE:
            until(lambda: dribble_all(held) == 0, seconds=60)
    assert daemon.hears()


def dribble_all(clients: list[socket.socket]) -> int:
    """Send a byte more on each that is still open; return how many are."""
    still_open = [client for client in clients if not is_closed(client)]
    for client in still_open:
        with contextlib.suppress(OSError):
            client.send(b"a")
    time.sleep(0.2)
    return len(still_open)


@pytest.fixture
def impatient(monkeypatch) -> Iterator[int]:
    """The port of a server that waits a second for a request instead of twenty."""
    monkeypatch.setattr(server, "REQUEST_SECONDS", 1)
    monkeypatch.setattr(server, "SWEEP_SECONDS", 1)

    def app(environ, start_response):
        start_response("200 OK", [("Content-Length", "2")])
        return [b"ok"]

    port = Port("capture", HOST, free_port(), lambda: app)
    made = Server([port])
    made.start()
    yield port.number
    made.stop()


@pytest.mark.parametrize("half", HALVES[1:])
def test_a_request_that_trickles_in_for_ever_is_cut_off(impatient, half):
    with socket.create_connection((HOST, impatient), timeout=5) as client:
        client.sendall(half)
        until(lambda: dribble_all([client]) == 0, seconds=20)
    assert send(impatient, "GET", "/").body == b"ok"


def test_who_is_full_lets_the_longest_idle_go_and_keeps_whoever_speaks(impatient, monkeypatch):
    monkeypatch.setattr(channel, "MOST", 3)
    ask = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with contextlib.ExitStack() as stack:
        held = []
        for _ in range(6):
            client = stack.enter_context(socket.create_connection((HOST, impatient), timeout=5))
            client.sendall(ask)
            assert client.recv(4096).startswith(b"HTTP/1.1 200")
            held.append(client)
        until(lambda: [is_closed(client) for client in held] == [True] * 3 + [False] * 3, seconds=5)


def test_what_is_no_http_is_answered_or_closed_and_harms_nothing(daemon):
    draw = random.Random(20261123)
    seen: collections.Counter[int] = collections.Counter()
    before = 0
    for number, data in zip(range(WARM_UP + REQUESTS), malformed(draw), strict=False):
        if number == WARM_UP:
            before = daemon.process.memory_info().rss
        codes = answers((daemon.capture, daemon.web)[number % 2], data)
        assert not [code for code in codes if code >= 500 and code != 501], data
        seen.update(codes)
    grown = daemon.process.memory_info().rss - before
    print(f"{grown / MEGABYTE:.1f} MB more; {dict(seen)}")
    assert grown < 20 * MEGABYTE
    assert not [line for line in daemon.said().splitlines() if " ERROR " in line or "Trace" in line]
    assert len(seen) >= 8, seen
    assert daemon.post("still here").status == 200


@pytest.mark.parametrize("name", ["capture", "web"])
def test_what_is_too_long_or_no_length_is_refused_on_both_ports(daemon, name):
    port = getattr(daemon, name)
    head = b"POST /note HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    for data, code in {
        b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 17_000 + b"\r\n\r\n": 431,
        b"GET /" + b"a" * 17_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n": 431,
        head + b"Content-Length: 99999999999\r\n\r\n{": 413,
        head + b"Expect: 100-continue\r\nContent-Length: 99999999999\r\n\r\n": 413,
        head + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n{": 400,
        head + b"Transfer-Encoding: chunked\r\n\r\n" + b"400000\r\n" + b"a" * 3 * MEGABYTE: 413,
        head + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello": 400,
        b"GET http://[::1/note HTTP/1.1\r\nHost: localhost\r\n\r\n": 400,
    }.items():
        assert answers(port, data)[:1] == [code], data[:90]
    assert daemon.hears()


def note(text: str, more: bytes = b"") -> bytes:
    body = json.dumps({"text": text}).encode()
    head = b"POST /note HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" + more
    if b"chunked" in more:
        pieces = [body[at : at + 7000] for at in range(0, len(body), 7000)]
        return head + b"\r\n" + b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in [*pieces, b""])
    return head + b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


def test_notes_in_one_breath_and_in_pieces_are_taken_in_order(daemon, workspace):
    texts = [f"number {number}" for number in range(20)]
    assert answers(daemon.capture, b"".join(map(note, texts))) == [200] * 20
    chunked = b"Transfer-Encoding: chunked\r\n"
    longest = "a" * (MAX_BODY - len(json.dumps({"text": ""})))
    assert answers(daemon.capture, note(longest, chunked)) == [200]
    assert answers(daemon.capture, note(longest + "a", chunked)) == [413]
    # Two lengths are how a request is smuggled past a proxy: what follows is not a request.
    both = note("seen", chunked + b"Content-Length: 4\r\n")
    assert answers(daemon.capture, both) in ([200], [400])
    until(lambda: logged(workspace)[:21] == [*texts, longest])
