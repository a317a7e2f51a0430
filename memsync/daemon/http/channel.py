"""A connection, as waitress keeps it, with what waitress leaves open to slow and idle ones.

Waitress takes every byte for a sign of life, and when it is full it stops to accept. Here a
request must be whole in time, and when it is full, whoever has dawdled longest makes room.
"""

from __future__ import annotations

import socket
from typing import Any

from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError

MOST = 150
"""How many connections a port keeps; a house full of browsers needs some dozens."""


def keep_channels(listener: Any) -> None:  # noqa: ANN401
    """Make a waitress server, not yet running, keep its connections as this module does."""
    accept = listener.handle_accept

    def accept_all() -> None:
        """Take all who wait, lest a crowd makes the next one wait for a turn of the loop each."""
        for _ in range(MOST):
            before = len(listener.active_channels)
            accept()
            if len(listener.active_channels) == before:
                return

    listener.channel_class = Channel
    listener.handle_accept = accept_all


class _Parser(HTTPRequestParser):  # type: ignore[misc]  # waitress is untyped
    """Takes a request apart; what it cannot take apart it refuses, and asks for no more of it."""

    def received(self, data: bytes) -> int:
        """Take bytes; return how many."""
        taken = int(super().received(data))
        if self.error:
            self.expect_continue = False  # it would be read on, as if nothing was wrong
        return taken

    def parse_header(self, header_plus: bytes) -> None:
        """Take a head apart.

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


class Channel(HTTPChannel):  # type: ignore[misc]  # waitress is untyped
    """One connection of one port."""

    parser_class = _Parser
    last_activity: float

    def __init__(
        self,
        server: Any,  # noqa: ANN401
        sock: socket.socket,
        addr: Any,  # noqa: ANN401
        adj: Any,  # noqa: ANN401
        map: Any = None,  # noqa: A002, ANN401 - so waitress calls it
    ) -> None:
        super().__init__(server, sock, addr, adj, map=map)
        self._began = self.last_activity
        others = server.active_channels
        if len(others) > MOST:
            _make_room([channel for channel in others.values() if channel is not self])

    def received(self, data: bytes) -> bool:
        """Take bytes; the time of a request that is not whole counts from its first byte."""
        unfinished = self.request
        taken = bool(super().received(data))
        if self.request is not None:
            if self.request is not unfinished:
                self._began = self.last_activity
            self.last_activity = self._began
        return taken


def _make_room(channels: list[Channel]) -> None:
    """Close the connection that has waited longest for a request; none that is being answered."""
    idle = [c for c in channels if not c.requests and not c.total_outbufs_len and not c.will_close]
    if idle:
        # Not at once: its number could be the next one's while the loop still holds its events.
        min(idle, key=lambda channel: channel.last_activity).will_close = True
