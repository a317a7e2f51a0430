"""A daemon under fire: its own process, killed and started anew; and bytes no client would send."""

from __future__ import annotations

import contextlib
import random
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import psutil

from memsync.config.state import state_folder
from tests.support.daemons import Daemon
from tests.support.net import HOST, send, until


class Besieged(Daemon):
    """The daemon of this test's machine, started without the command line before it."""

    def __init__(self) -> None:
        super().__init__()
        self._child: subprocess.Popen[bytes] | None = None

    def run(self) -> None:
        """Start it and wait until the ear answers."""
        with (state_folder() / "stderr").open("ab") as errors:
            self._child = subprocess.Popen([sys.executable, "-m", "memsync.daemon"], stderr=errors)
        until(self.hears, seconds=30)

    def hears(self) -> bool:
        with contextlib.suppress(OSError):
            return send(self.capture, "GET", "/health").status == 200
        return False

    def kill(self) -> None:
        """End it as a power cut or the kernel would."""
        assert self._child is not None
        self._child.send_signal(signal.SIGKILL)
        self._child.wait()

    def leave(self) -> None:
        """End it as a service manager would, and wait for it."""
        if self._child is not None and self._child.poll() is None:
            self._child.terminate()
            try:
                self._child.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()
                raise

    @property
    def process(self) -> psutil.Process:
        assert self._child is not None
        return psutil.Process(self._child.pid)

    def said(self) -> str:
        """Return all it wrote to its logs and to standard error."""
        files = [*state_folder().glob("daemon.log*"), state_folder() / "stderr"]
        return "".join(file.read_text("utf-8", "replace") for file in files)


def answers(port: int, data: bytes, seconds: float = 5.0) -> list[int]:
    """Send bytes as they are, end there, and return the status codes of all that comes back.

    Raises:
        TimeoutError: the connection was neither answered to its end nor closed in time.
    """
    received = bytearray()
    with socket.create_connection((HOST, port), timeout=seconds) as client:
        # What is too long is answered and closed before it is read to its end.
        with contextlib.suppress(ConnectionError, OSError):
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionError):
            while piece := client.recv(65536):
                received += piece
    return [int(code) for code in re.findall(rb"HTTP/1\.[01] (\d{3}) ", received)]


METHODS = [b"POST", b"GET", b"HEAD", b"PUT", b"OPTIONS", b"TRACE", b"post", b"P\x00T", b"", b"\xff"]
PATHS = [
    b"/note", b"/health", b"/", b"/notes", b"/edit", b"/save", b"/static/page.css", b"/login",
    b"*", b"//", b"/%", b"/%00", b"/\xff\xfe", b"/../../etc/passwd", b"/static/..%2f..%2fx",
    b"http://a/note", b"http://[::1/note", b"/" + b"a" * 9000, b"/?" + b"&" * 2000, b"/history/%0a",
]  # fmt: skip
VERSIONS = [b"HTTP/1.1", b"HTTP/1.0", b"HTTP/0.9", b"HTTP/2.0", b"HTTP/1.", b"HTP", b"", b"\x00"]
HEADERS = [
    b"Host: localhost", b"Host: 127.0.0.1", b"Host:", b"Host: a\x00b", b"Host: [::", b"Host: \xff",
    b"Content-Type: application/json", b"Content-Type: multipart/form-data; boundary=x",
    b"Content-Type: application/x-www-form-urlencoded", b"Content-Type: \xff;;;=",
    b"Content-Type: text/plain; charset=utf-7", b"Content-Type: multipart/form-data",
    b"Content-Length: 14", b"Content-Length: 0", b"Content-Length: -1", b"Content-Length: 1e3",
    b"Content-Length: 99999999999999999999", b"Content-Length: 14, 14", b"Content-Length: +5",
    b"Content-Length: " + b"9" * 5000,
    b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip, chunked", b"Transfer-Encoding: \x0b",
    b"Expect: 100-continue", b"Connection: close", b"Connection: keep-alive, Upgrade",
    b"Idempotency-Key: \xff\x00", b"X-Memsync-Token: \xe4", b"Authorization: Bearer", b"Cookie: =;",
    b"Cookie: session=\xff.\x00", b"Origin: null", b"Origin: http://[", b"Referer: \xff",
    b'If-None-Match: "', b"Range: bytes=9-1", b"no colon", b" folded", b": nameless", b"A" * 5000,
    b"X-Forwarded-For: \xff", b'Forwarded: for="', b"Accept-Encoding: ;q=x",
]  # fmt: skip
BODIES = [
    b"", b'{"text": "a"}\n', b'{"text": 1}   ', b'{"text": "\\ud800"}', b"{" * 3000, b"[" * 3000,
    b"\x00" * 40, b"\xff\xfe", b"text=%ff%zz&&=", b"5\r\n{}\r\n0\r\n\r\n", b"ffffffffffff\r\nx",
    b"-1\r\n", b"5;a=\x00\r\nhello\r\n0\r\nT: x\r\n\r\n", b"a" * 70_000, b'{"text": "' + b"a" * 200,
    b'--x\r\nContent-Disposition: form-data; name="text"\r\n\r\na\r\n--x--\r\n', b"--x\r\n" * 300,
]  # fmt: skip


def malformed(draw: random.Random) -> Iterator[bytes]:
    """Yield requests without end, hardly one of which is as it should be."""
    while True:
        data = draw.choice([_any, _past_the_guard, _well_framed])(draw)
        if draw.random() < 0.2:
            data = data[: draw.randrange(len(data) + 1)]
        if draw.random() < 0.2:
            at = draw.randrange(len(data) + 1)
            data = data[:at] + draw.randbytes(draw.randrange(1, 9)) + data[at:]
        yield data * draw.choice([1, 1, 1, 1, 3])


def _any(draw: random.Random) -> bytes:
    first = b" ".join([draw.choice(METHODS), draw.choice(PATHS), draw.choice(VERSIONS)])
    lines = [first, *draw.choices(HEADERS, k=draw.randrange(8))]
    ending = draw.choice([b"\r\n"] * 8 + [b"\n", b"\r"])
    return ending.join(lines) + ending * 2 + draw.choice(BODIES)


def _past_the_guard(draw: random.Random) -> bytes:
    first = draw.choice([b"POST /note", b"GET /", b"POST /login", b"POST /save"]) + b" HTTP/1.1"
    lines = [first, b"Host: localhost", *draw.choices(HEADERS[6:], k=draw.randrange(4))]
    return b"\r\n".join(lines) + b"\r\n\r\n" + draw.choice(BODIES)


def _well_framed(draw: random.Random) -> bytes:
    """Return what a server reads to its end: the application has to make something of it."""
    body = draw.choice(BODIES) + draw.randbytes(draw.randrange(20))
    path = draw.choice([b"/note", b"/notes", b"/edit", b"/review", b"/save", b"/login"])
    kinds = [line for line in HEADERS if line.startswith((b"Content-Type", b"Cookie", b"Auth"))]
    lines = [b"POST " + path + b" HTTP/1.1", b"Host: localhost", *draw.choices(kinds, k=2)]
    return b"\r\n".join(lines) + b"\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
