"""Tells the service manager the daemon's state: a datagram to a socket (sd_notify(3))."""

from __future__ import annotations

import contextlib
import os
import socket


def send_state(state: str) -> None:
    """Send a state such as ``READY=1``; do nothing if no service manager listens."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = f"\0{address[1:]}"
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.sendto(state.encode(), address)


def watchdog_seconds() -> float | None:
    """Return how often to send ``WATCHDOG=1``, in seconds; None if nobody waits for it."""
    wanted = os.environ.get("WATCHDOG_USEC", "")
    meant = os.environ.get("WATCHDOG_PID", str(os.getpid()))
    if not wanted.isdigit() or meant != str(os.getpid()):
        return None
    return int(wanted) / 1e6
