"""A connection, as waitress keeps it, with what waitress leaves open to slow and greedy ones.

A request is judged by its head; a refused one is answered at once, and none of its body is kept.
Waitress takes every byte for a sign of life, and when it is full it stops to accept. Here a
request must be whole in time, and when it is full, whoever has dawdled longest makes room.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import time
from functools import partial
from typing import Any

from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError

from memsync.daemon.http.guard import SECURITY_HEADERS, Rejection
from memsync.daemon.http.limits import STRANGER, BodyLimit, Judge

MOST = 150
"""How many connections a port keeps; a house full of browsers needs some dozens."""

MOST_LONG_BODIES = 40
"""How many bodies of more than 8 KiB may be on their way to a port at once."""

PAUSE_SECONDS = 1.0
"""How long a port takes nobody after the system had no descriptor left, unless one comes free."""

LINGER_BYTES = 2 * 1024 * 1024
"""So much of a body that is too long is still read, and thrown away: to close on unread bytes
resets the connection, and many a client then never sees why."""

LOG_AGAIN_SECONDS = 60.0
log = logging.getLogger(__name__)


def keep_channels(
    listener: Any,  # noqa: ANN401
    judge: Judge | None = None,
    room: int = MOST,
) -> None:
    """Make a waitress server, not yet running, keep its connections as this module does.

    Args:
        listener: the server.
        judge: judges the head of each request; None lets everything pass.
        room: how many connections the system has room for; the port keeps `MOST` at most.
    """
    door, may_accept = _Door(listener, room), listener.readable
    listener.channel_class = partial(Channel, door=door, judge=judge)
    listener.handle_accept = door.accept_all
    # It is asked in every turn of the loop, and also cleans up.
    listener.readable = lambda: may_accept() and not door.is_paused()


class _Door:
    """Where the connections of a port come in."""

    logged_at = float("-inf")
    """When a port last said that it waits for a descriptor: one line is enough for both."""

    def __init__(self, listener: Any, room: int) -> None:  # noqa: ANN401
        self._listener = listener
        self._map: dict[int, Any] = listener._map  # noqa: SLF001 - no other way to it
        self._room = room
        self._paused_at, self._count = float("-inf"), 0

    @property
    def most(self) -> int:
        """How many connections the port keeps."""
        return min(MOST, self._room)

    def accept_all(self) -> None:
        """Take all who wait, lest a crowd makes the next one wait for a turn of the loop each."""
        for _ in range(self.most):
            try:
                accepted = self._listener.accept()
            except OSError as error:
                self._pause(error)
                return
            if accepted is None:
                return
            self._begin(*accepted)

    def is_paused(self) -> bool:
        """Does nobody get in just now, because the system had no descriptor left?"""
        is_recent = time.monotonic() - self._paused_at < PAUSE_SECONDS
        return is_recent and len(self._everybody()) >= self._count

    def make_room(self, newcomer: Channel) -> None:
        """Close an idle connection of the port if it has too many."""
        others = self._listener.active_channels
        if len(others) > self.most:
            _close_longest_idle([channel for channel in others.values() if channel is not newcomer])

    def make_room_for_body(self) -> None:
        """Close the connection whose long body has been on its way for longest, if many are."""
        bodies = [c for c in self._listener.active_channels.values() if c.has_long_body]
        if len(bodies) > MOST_LONG_BODIES:
            _close_longest_idle(bodies)

    def _begin(self, connection: socket.socket, address: Any) -> None:  # noqa: ANN401
        listener = self._listener
        try:
            listener.set_socket_options(connection)
        except OSError:  # macOS: the other side is gone already
            connection.close()
            return
        listener.channel_class(listener, connection, address, listener.adj, map=self._map)

    def _pause(self, error: OSError) -> None:
        """Make the next ones wait: without a pause, the loop would try again at once, for ever."""
        everybody, now = self._everybody(), time.monotonic()
        if now - _Door.logged_at >= LOG_AGAIN_SECONDS:
            log.warning("%d connections are open, others wait: %s", len(everybody), error.strerror)
            _Door.logged_at = now
        self._paused_at, self._count = now, len(everybody)
        self._listener.add_task(_Waker(self._listener))
        _close_longest_idle(everybody)

    def _everybody(self) -> list[Channel]:
        """Return the connections of both ports: descriptors are the whole process's."""
        return [entry for entry in self._map.values() if isinstance(entry, Channel)]


class _Waker:
    """A worker's task that ends a pause: with nobody else there, the loop would sleep on."""

    def __init__(self, listener: Any) -> None:  # noqa: ANN401
        self._listener = listener

    def service(self) -> None:
        """Wait, then wake the loop."""
        time.sleep(PAUSE_SECONDS)
        self._listener.pull_trigger()

    def cancel(self) -> None:
        """Do nothing: the server stops."""


class _Answer:
    """What waitress sends for a refused request."""

    def __init__(self, refusal: Rejection, *, lingers: bool) -> None:
        self._refusal = refusal
        self.lingers = lingers

    def to_response(self, ident: str | None = None) -> tuple[str, list[tuple[str, str]], bytes]:
        """Return status, headers and body; waitress adds the length and closes behind it."""
        del ident
        status = self._refusal.status
        more = ("Content-Type", self._refusal.kind), ("Cache-Control", "no-store")
        head = f"{status.value} {status.phrase}"
        return head, [*SECURITY_HEADERS.items(), *more], self._refusal.text.encode()


class _Parser(HTTPRequestParser):  # type: ignore[misc]  # waitress is untyped
    """Takes a request apart; what it cannot take apart it refuses, and asks for no more of it."""

    error: Any
    body_rcv: Any
    content_length: int

    def __init__(self, adj: Any, client: str, judge: Judge | None) -> None:  # noqa: ANN401
        super().__init__(adj)
        self._client = client
        self._judge = judge
        self._limit: BodyLimit | None = None

    def received(self, data: bytes) -> int:
        """Take bytes; return how many."""
        taken = int(super().received(data))
        if self._limit and not self.error and self._is_longer_than(self._limit.size):
            self.error = _Answer(self._limit.refusal, lingers=True)
        if self.error:
            self.completed = True
            self.expect_continue = False  # it would be read on, as if nothing was wrong
        return taken

    def parse_header(self, header_plus: bytes) -> None:
        """Take a head apart, and judge it.

        Raises:
            ParsingError: it is no head of a request, be it that Python's own parsers say so
                (``GET http://[``, a length of 5,000 digits).
        """
        try:
            super().parse_header(header_plus)
        except ValueError as error:
            raise ParsingError(f"Bad request: {error}") from error
        # Two lengths, or one of another version: a proxy in front could see the request end
        # elsewhere than we do, and take a stranger's words for the head of the next one.
        if "TRANSFER_ENCODING" in self.headers:
            raise ParsingError("Transfer-Encoding is of HTTP/1.1")
        if self.chunked and "CONTENT_LENGTH" in self.headers:
            raise ParsingError("Content-Length beside Transfer-Encoding")
        if self._judge:
            self._obey(self._judge(self._head()))

    def _head(self) -> dict[str, Any]:
        head = {"REMOTE_ADDR": self._client, "REQUEST_METHOD": self.command, "PATH_INFO": self.path}
        return head | {f"HTTP_{name}": value for name, value in self.headers.items()}

    def _obey(self, judgement: Rejection | BodyLimit) -> None:
        if isinstance(judgement, Rejection):
            is_short = not self.chunked and self.content_length <= STRANGER
            if judgement.after_short_body and is_short:
                return  # the application's own guard refuses it
            self.error = _Answer(judgement, lingers=False)
        elif self.content_length > judgement.size or (self.chunked and not judgement.size):
            self.error = _Answer(judgement.refusal, lingers=True)
        else:
            self._limit = judgement
            return
        self.content_length, self.body_rcv = 0, None  # or waitress would judge the length as well

    def _is_longer_than(self, size: int) -> bool:
        """Is the body that came in chunks too long, or are the words between its chunks?"""
        if not self.chunked or self.body_rcv is None:
            return False
        return len(self.body_rcv) > size or self.body_bytes_received > 2 * size


class Channel(HTTPChannel):  # type: ignore[misc]  # waitress is untyped
    """One connection of one port."""

    last_activity: float
    close_when_flushed: bool

    def __init__(
        self,
        server: Any,  # noqa: ANN401
        sock: socket.socket,
        addr: Any,  # noqa: ANN401
        adj: Any,  # noqa: ANN401
        map: Any = None,  # noqa: A002, ANN401 - so waitress calls it
        *,
        door: _Door,
        judge: Judge | None,
    ) -> None:
        super().__init__(server, sock, addr, adj, map=map)
        self.parser_class = partial(_Parser, client=str(addr[0]), judge=judge)
        self._began = self.last_activity
        self._door, self._unread = door, 0
        self._lingers = self.has_long_body = False
        door.make_room(self)

    def received(self, data: bytes) -> bool:
        """Take bytes; the time of a request that is not whole counts from its first byte."""
        unfinished = self.request
        taken = bool(super().received(data))
        if self.request is not None:
            if self.request is not unfinished:
                self._began = self.last_activity
            self.last_activity = self._began
        self._weigh()
        if any(getattr(request.error, "lingers", False) for request in self.requests):
            self._unread = LINGER_BYTES
        return taken

    def _weigh(self) -> None:
        """Note whether a long body is on its way; one too many makes another one give way."""
        had, present = self.has_long_body, self.request
        is_long = present and (present.chunked or present.content_length > STRANGER)
        self.has_long_body = bool(is_long)
        if is_long and not had:
            self._door.make_room_for_body()

    def handle_write(self) -> None:
        """Send what waits; behind the answer to a body that is too long, read on for a while."""
        if not self._unread or not self.close_when_flushed:
            super().handle_write()
            return
        self._flush_exception(self._flush_some)
        if not self.total_outbufs_len and not self.will_close:
            self.close_when_flushed, self._lingers = False, True
            with contextlib.suppress(OSError):  # whoever is gone already is seen when it is read
                self.socket.shutdown(socket.SHUT_WR)

    def handle_read(self) -> None:
        """Take what came; throw it away if it belongs to a request that was refused."""
        if not self._lingers:
            super().handle_read()
            return
        try:
            self._unread -= len(self.recv(self.adj.recv_bytes)) or self._unread
        except OSError:
            self._unread = 0
        self.will_close = self._unread <= 0


def _close_longest_idle(channels: list[Channel]) -> None:
    """Close the connection that has waited longest for a request; none that is being answered."""
    idle = [c for c in channels if not c.requests and not c.total_outbufs_len and not c.will_close]
    if idle:
        # Not at once: its number could be the next one's while the loop still holds its events.
        min(idle, key=lambda channel: channel.last_activity).will_close = True
