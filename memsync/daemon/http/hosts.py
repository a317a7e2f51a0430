"""What this machine is called: which Host headers name it and nothing else.

A page whose name an attacker points at this machine (DNS rebinding) is same-origin to a browser;
its Host header is all that gives it away.
"""

from __future__ import annotations

import contextlib
import ipaddress
import re
import socket
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

import psutil

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

ADDRESSES_GOOD_FOR = 60.0
"""Seconds after which this machine's addresses are looked up again: a router may change them."""

REMEMBERED = 64
"""So many addresses and Host headers are taken apart once: few devices send all the requests."""

_HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([a-z0-9_.-]+))(?::[0-9]{1,5})?", re.IGNORECASE)


@dataclass(frozen=True)
class Host:
    """A Host header without its port: a name in lower case, or an address."""

    name: str
    address: Address | None


class Hosts:
    """The names and addresses of this machine: its own, and those it was given.

    Args:
        given: further names or addresses, with or without a port.
        now: a clock that only goes forward.
    """

    def __init__(self, given: Iterable[str], now: Callable[[], float] = time.monotonic) -> None:
        hosts = [host for host in map(_given, given) if host is not None]
        self._names = _own_names() | {host.name for host in hosts if host.address is None}
        self._given_addresses = {host.address for host in hosts}
        self._now = now
        self._own_addresses: frozenset[Address] = frozenset()
        self._looked_up: float | None = None

    def include(self, host: Host) -> bool:
        """Is `host` this machine?"""
        address = host.address
        if address is None:
            return host.name in self._names
        # A browser reaches this machine by 0.0.0.0, too, from any page that asks it to.
        if address.is_unspecified:
            return False
        return address.is_loopback or address in self._given_addresses or address in self._own()

    def _own(self) -> frozenset[Address]:
        now = self._now()
        if self._looked_up is None or now - self._looked_up >= ADDRESSES_GOOD_FOR:
            self._own_addresses = _interface_addresses()
            self._looked_up = now
        return self._own_addresses


@lru_cache(maxsize=REMEMBERED)
def parse_host(header: str) -> Host | None:
    """Return what a Host header names; None if it is missing or malformed."""
    match = _HOST.fullmatch(header) if header.isascii() else None
    if match is None:
        return None
    if match[1] is not None:
        address = address_of(match[1])
        return Host(match[1].lower(), address) if address and ":" in match[1] else None
    return Host(match[2].lower().removesuffix("."), address_of(match[2]))


@lru_cache(maxsize=REMEMBERED)
def address_of(text: str) -> Address | None:
    """Return `text` as an address, an IPv4 one where it is mapped into IPv6; None if it is none."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _given(text: str) -> Host | None:
    """Return a host as a person may write it down: an address line, a port, letters of any kind."""
    name = text.strip().rpartition("://")[2].partition("/")[0]
    address = address_of(name)
    if address is not None:
        return Host(name, address)
    with contextlib.suppress(UnicodeError):
        name = name.encode("idna").decode("ascii")  # as browsers send it
    return parse_host(name)


def _own_names() -> set[str]:
    """Return localhost and what this machine calls itself, also short and under ``.local``."""
    full = socket.gethostname().lower().removesuffix(".")
    short = full.partition(".")[0]
    return {"localhost", full, short, f"{short}.local"} - {"", ".local"}


def _interface_addresses() -> frozenset[Address]:
    families = {socket.AF_INET, socket.AF_INET6}
    entries = [entry for card in psutil.net_if_addrs().values() for entry in card]
    found = (address_of(entry.address) for entry in entries if entry.family in families)
    return frozenset(address for address in found if address is not None)
