"""Free ports, requests by real sockets, and waiting for what another thread or process does."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from memsync.daemon.http.server import Port, Server

HOST = "127.0.0.1"
_Found = TypeVar("_Found")


def free_port() -> int:
    """Return a port that nobody has just now."""
    with socket.socket() as found:
        found.bind((HOST, 0))
        return int(found.getsockname()[1])


def until(look: Callable[[], _Found], seconds: float = 10.0) -> _Found:
    """Return what `look` finds, once it is something; fail when it is not in time."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > deadline:
            raise AssertionError(f"it did not come to be within {seconds} s: {found!r}")
        time.sleep(0.01)
    return found


@dataclass(frozen=True)
class Answer:
    """What a server answered; the names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def send(
    port: int,
    method: str,
    path: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Send one request to a port of this machine and return the answer."""
    connection = http.client.HTTPConnection(HOST, port, timeout=10)
    try:
        connection.request(method, path, body, dict(headers or {}))
        answer = connection.getresponse()
        received = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, received, answer.read())
    finally:
        connection.close()


def send_raw(port: int, data: bytes) -> bytes:
    """Send bytes as they are, and return all that comes back until the other side closes."""
    received = bytearray()
    with (
        socket.create_connection((HOST, port), timeout=10) as client,
        contextlib.suppress(ConnectionError),
    ):
        client.sendall(data)
        with contextlib.suppress(OSError):  # the other side may have closed already
            client.shutdown(socket.SHUT_WR)
        while piece := client.recv(65536):
            received += piece
    return bytes(received)


@contextmanager
def served(app: Any) -> Iterator[int]:
    """Serve a WSGI application as the daemon does, and give its port."""
    port = free_port()
    server = Server([Port("capture", HOST, port, lambda: app)])
    server.start()
    try:
        yield port
    finally:
        server.stop()
