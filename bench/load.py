"""Notes sent by many clients at once, by wrk where it is installed: a process of its own.

Elsewhere by one thread with a selector, and so little Python that the server is what is measured:
some 30 µs a note. Prints what it saw as JSON.
"""

from __future__ import annotations

import json
import selectors
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

WARM_UP_SECONDS = 0.5
QUIET_SECONDS = 20.0
NOTE_BYTES = 100
SCRIPT = Path(__file__).with_name("note.lua")


class Client:
    """Sends a note, waits for its 200, sends the next.

    The connection is kept for as long as the server keeps it; Flask's development server closes
    it after each answer, and the time it takes to connect anew is part of a note's time.
    """

    def __init__(self, port: int, number: int, *, keep: bool) -> None:
        self._port, self._number, self._count = port, number, 0
        self._more = b"" if keep else b"Connection: close\r\n"
        self._sent, self._received = 0.0, b""
        self.socket: socket.socket | None = None

    def send(self, selector: selectors.BaseSelector) -> None:
        """Send a note that nobody sent before."""
        self._count += 1
        text = f"note {self._number:03}-{self._count:08} of a phone ".ljust(NOTE_BYTES, ".")
        body = json.dumps({"text": text}).encode()
        self._sent = time.perf_counter()
        if self.socket is None:
            self.socket = socket.create_connection(("127.0.0.1", self._port), timeout=5)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(self.socket, selectors.EVENT_READ, self)
        self.socket.sendall(
            b"POST /note HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            b"%sContent-Length: %d\r\n\r\n%s" % (self._more, len(body), body)
        )

    def receive(self, selector: selectors.BaseSelector) -> float | None:
        """Take what came; return the seconds the note took once its answer is whole."""
        assert self.socket is not None
        piece = self.socket.recv(65536)
        if not piece:
            raise ConnectionError(f"the server closed a connection after {self._received!r}")
        self._received += piece
        head, end, body = self._received.partition(b"\r\n\r\n")
        head = head.lower()
        if not end or len(body) < _length(head):
            return None
        if not head.startswith(b"http/1.1 200"):
            raise ConnectionError(self._received.decode("latin-1"))
        self._received = b""
        if b"\r\nconnection: close" in head:
            selector.unregister(self.socket)
            self.socket.close()
            self.socket = None
        return time.perf_counter() - self._sent


def _length(head: bytes) -> int:
    return int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])


def measure(port: int, clients: int, seconds: float, *, keep: bool) -> dict[str, float]:
    """Send notes for `seconds`; return notes a second and the median and 99th percentile in ms."""
    selector = selectors.DefaultSelector()
    for number in range(clients):
        Client(port, number, keep=keep).send(selector)
    began = time.perf_counter() + WARM_UP_SECONDS
    times: list[float] = []
    while (now := time.perf_counter()) < began + seconds:
        ready = selector.select(QUIET_SECONDS)
        if not ready:
            raise ConnectionError(f"no answer for {QUIET_SECONDS} s")
        for key, _ in ready:
            took = key.data.receive(selector)
            if took is not None:
                if now >= began:
                    times.append(took)
                key.data.send(selector)
    times.sort()
    return {
        "rate": len(times) / seconds,
        "p50": times[len(times) // 2] * 1000,
        "p99": times[len(times) * 99 // 100] * 1000,
    }


def by_wrk(port: int, clients: int, seconds: int, kind: str) -> dict[str, float]:
    """Let wrk send notes as `measure` does; return what that does."""
    url = f"http://127.0.0.1:{port}/note"
    with_script = ["-s", str(SCRIPT), url, "--", kind]
    for length in (1, seconds):  # once to warm up
        command = ["wrk", "-t1", f"-c{clients}", f"-d{length}s", "--timeout", "20s", *with_script]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    seen: dict[str, float] = json.loads(done.stdout.rpartition("JSON ")[2])
    if seen.pop("wrong"):
        raise ConnectionError(done.stdout)
    return seen


def main() -> None:
    """Send notes as the command line says, and print what was seen."""
    port, clients, seconds, kind = sys.argv[1:]
    if shutil.which("wrk"):
        seen = by_wrk(int(port), int(clients), int(seconds), kind)
    else:
        seen = measure(int(port), int(clients), float(seconds), keep=kind == "keep")
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
