"""One waitress server for both ports: two sockets, one application that looks at the port.

Waitress sleeps until a request comes; its two threads of a second server would not.
"""

from __future__ import annotations

import errno
import logging
import select
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import psutil
import waitress
from waitress import wasyncore

from memsync.daemon.http import channel
from memsync.daemon.http.limits import Judge
from memsync.errors import MemsyncError

if sys.platform != "win32":
    import resource

THREADS = 16
"""This many notes can wait for the same fsync. An idle thread costs some ten kilobytes."""

PAGES = THREADS - 4
"""A page can hang if the folder hangs. The note port needs no folder and always keeps threads."""

ROOM_SECONDS = 0.25

SEND_BYTES = 18_000
"""Shorter answers are sent by the loop, many in a row: threads that send get in its way."""

REQUEST_SECONDS = 20
"""How long a request may take to come, and a connection may be idle."""

SWEEP_SECONDS = 10
DRAIN_SECONDS = 5.0
ANSWER_SECONDS = 10.0
MAX_PORT = 65535

OTHER_DESCRIPTORS = 40
"""What the daemon opens beside its connections: libraries, the log, notes, a job's pipes."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Port:
    """A port to serve: what for, where, which application answers on it, and who judges heads."""

    key: str
    host: str
    number: int
    make_app: Callable[[], WSGIApplication]
    judge: Judge | None = None


class Server:
    """Both ports. They are bound when it is made, so that a clash is an error before anything."""

    def __init__(self, ports: Iterable[Port]) -> None:
        self._ports = list(ports)
        self._sockets: list[socket.socket] = []
        try:
            for port in self._ports:
                self._sockets.append(_bind(port))
        except BaseException:
            self._close_sockets()
            raise
        self._apps: dict[str, WSGIApplication] = {}
        self._map: dict[int, Any] = {}
        self._in_hand: Counter[str] = Counter()
        self._page_ports = {str(port.number) for port in self._ports if port.key == "web_ui"}
        self._idle = threading.Condition()
        self._draining = False
        self._server: Any = None
        self._thread = threading.Thread(target=self._run, name="server", daemon=True)

    def start(self) -> None:
        """Answer requests from now on."""
        if not self._ports:
            return
        self._apps = {str(port.number): port.make_app() for port in self._ports}
        self._server = waitress.create_server(
            self._dispatch,
            map=self._map,
            sockets=self._sockets,
            threads=THREADS,
            asyncore_loop_timeout=30,
            asyncore_use_poll=hasattr(select, "poll"),
            channel_timeout=REQUEST_SECONDS,
            cleanup_interval=SWEEP_SECONDS,
            connection_limit=4 * channel.MOST,  # never reached: each port makes room before
            max_request_body_size=2 * 1024 * 1024,
            max_request_header_size=16 * 1024,
            clear_untrusted_proxy_headers=False,  # the guard reads them
            ident=None,
        )
        judges = {port.number: port.judge for port in self._ports}
        room = _room_for_connections(len(self._ports))
        for listener in filter(_is_listener, self._map.values()):
            channel.keep_channels(listener, judges[int(listener.effective_port)], room)
            listener.adj.send_bytes = SEND_BYTES  # as an argument it is deprecated
        self._thread.start()

    def is_alive(self) -> bool:
        """Are requests still answered?"""
        return not self._ports or self._thread.is_alive()

    def answers(self) -> bool:
        """Ask both ports, as a client would, whether they still answer."""
        return all(_gives_answer(bound) for bound in self._sockets)

    def stop(self) -> None:
        """Finish the requests in hand, refuse further ones, and close both ports."""
        if not self._thread.is_alive():
            self._close_sockets()
            return
        deadline = time.monotonic() + DRAIN_SECONDS
        with self._idle:
            self._draining = True
            self._idle.wait_for(lambda: self._in_hand.total() == 0, timeout=DRAIN_SECONDS)
        while self._has_unanswered() and time.monotonic() < deadline:
            time.sleep(0.01)
        # The workers first: each wakes the loop when it is done, by a descriptor closed below.
        self._server.task_dispatcher.shutdown(timeout=1)
        self._in_loop(lambda: wasyncore.close_all(self._map))
        self._thread.join(timeout=1)

    def _run(self) -> None:
        try:
            self._server.run()
        except Exception:
            log.exception("the server ended")

    def _dispatch(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        port = str(environ["SERVER_PORT"])
        with self._idle:
            has_room = self._idle.wait_for(lambda: self._has_room(port), ROOM_SECONDS)
            if self._draining or not has_room:
                start_response("503 Service Unavailable", [("Retry-After", "10")])
                return [b""]
            self._in_hand[port] += 1
        try:
            return self._apps[port](environ, start_response)
        finally:
            with self._idle:
                self._in_hand[port] -= 1
                self._idle.notify_all()

    def _has_room(self, port: str) -> bool:
        return self._draining or port not in self._page_ports or self._in_hand[port] < PAGES

    def _has_unanswered(self) -> bool:
        """Is an answer still being sent? The application has finished before that."""
        return any(
            getattr(entry, "requests", ()) or getattr(entry, "total_outbufs_len", 0)
            for entry in list(self._map.values())
        )

    def _in_loop(self, act: Callable[[], object]) -> None:
        """Run `act` in the server's own thread, waking it."""
        trigger = next(entry.trigger for entry in list(self._map.values()) if _is_listener(entry))
        with trigger.lock:  # held, so that `act` cannot close the trigger while it is pulled
            trigger.thunks.append(act)
            trigger.pull_trigger()

    def _close_sockets(self) -> None:
        for bound in self._sockets:
            bound.close()


def _room_for_connections(ports: int) -> int:
    """Return how many connections each port may keep, at most `channel.MOST`.

    The process may raise its own limit of descriptors as far as the system lets it; what is still
    missing, the connections do without.
    """
    if sys.platform == "win32":
        return channel.MOST
    wanted = ports * channel.MOST + OTHER_DESCRIPTORS
    try:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if 0 <= soft < wanted:
            soft = wanted if hard < 0 else min(wanted, hard)
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    except (OSError, ValueError):  # a sandbox forbids to ask: such a system gives enough
        return channel.MOST
    room = channel.MOST if soft < 0 else (soft - OTHER_DESCRIPTORS) // max(1, ports)
    return max(4, min(channel.MOST, room))


def _is_listener(entry: Any) -> bool:  # noqa: ANN401 - waitress is untyped inside
    return hasattr(entry, "active_channels")


def _gives_answer(bound: socket.socket) -> bool:
    host, number = bound.getsockname()[:2]
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    try:
        with socket.create_connection((here, number), timeout=ANSWER_SECONDS) as client:
            client.sendall(b"GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n")
            return client.recv(16).startswith(b"HTTP/1.")
    except OSError as error:
        log.error("port %d does not answer: %s", number, error)  # noqa: TRY400
        return False


def _bind(port: Port) -> socket.socket:
    try:
        found = socket.getaddrinfo(port.host, port.number, type=socket.SOCK_STREAM)
    except OSError as error:
        raise MemsyncError(
            f"daemon.{port.key}_host is {port.host!r}, which is no address here: {error.strerror}",
            hint=f"memsync config set daemon.{port.key}_host 0.0.0.0",
        ) from error
    family, kind, protocol, _, address = found[0]
    bound = socket.socket(family, kind, protocol)
    try:
        if sys.platform != "win32":
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(128)
    except OSError as error:
        bound.close()
        raise _taken(port, error) from error
    return bound


def _taken(port: Port, error: OSError) -> MemsyncError:
    other = port.number + (80 if port.number + 80 <= MAX_PORT else -80)
    free = f"memsync config set daemon.{port.key}_port {other}"
    if error.errno == errno.EACCES:
        return MemsyncError(f"port {port.number} is for root alone", hint=free)
    if error.errno != errno.EADDRINUSE:
        return MemsyncError(
            f"port {port.number} on {port.host} cannot be used: {error.strerror}",
            hint=f"memsync config set daemon.{port.key}_host 0.0.0.0",
        )
    holder = _holder(port.number)
    if sys.platform == "darwin" and port.number == 5000 and not holder:
        holder = " by AirPlay Receiver (System Settings, AirDrop & Handoff)"
    return MemsyncError(f"port {port.number} is taken{holder}", hint=free)


def _holder(number: int) -> str:
    """Return in words who listens on a port; empty if that is unknown."""
    try:
        for entry in psutil.net_connections("tcp"):
            if entry.status == psutil.CONN_LISTEN and entry.laddr.port == number and entry.pid:
                return f" by {psutil.Process(entry.pid).name()} (pid {entry.pid})"
    except (psutil.Error, OSError):
        return ""
    return ""
