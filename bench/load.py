"""Notes sent by many clients at once: a process of its own.

One thread with a selector, and so little Python that the server is what is measured: some 30 µs a
note. Prints what it saw as JSON.
"""

from __future__ import annotations

import json
import selectors
import socket
import sys
import time

WARM_UP_SECONDS = 0.5
QUIET_SECONDS = 20.0
NOTE_BYTES = 100


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


if __name__ == "__main__":
    port, clients, seconds, kind = sys.argv[1:]
    print(json.dumps(measure(int(port), int(clients), float(seconds), keep=kind == "keep")))
