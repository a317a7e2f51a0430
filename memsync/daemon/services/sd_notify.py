"""Telling a service manager how things are (sd_notify(3)): a datagram to a socket it names."""

from __future__ import annotations

import contextlib
import os
import socket


def send_state(state: str) -> None:
    """Send a state such as ``READY=1``; does nothing where no service manager listens."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = f"\0{address[1:]}"
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.sendto(state.encode(), address)


def watchdog_seconds() -> float | None:
    """Return how often the service manager wants to hear ``WATCHDOG=1``; None where it does not."""
    wanted = os.environ.get("WATCHDOG_USEC", "")
    meant = os.environ.get("WATCHDOG_PID", str(os.getpid()))
    if not wanted.isdigit() or meant != str(os.getpid()):
        return None
    return int(wanted) / 1e6
