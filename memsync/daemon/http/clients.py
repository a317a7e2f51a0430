"""Who a request is from: the peer of the connection, or the client that a trusted proxy names.

X-Forwarded-For can speak for a client only if a trusted proxy sent it; it can always speak against
one. So no header lets anybody in, and a proxy that nobody named lets in no further network.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from wsgiref.types import WSGIEnvironment

from memsync.daemon.http.hosts import REMEMBERED, Address, address_of

_FOR = re.compile(r'(?:^|;)\s*for=("?)([^;"]*)\1', re.IGNORECASE)
_NODE = re.compile(r"\[(?P<v6>.+)\](?::\d+)?|(?P<v4>[\d.]+)(?::\d+)?|(?P<plain>.+)")


class Clients:
    """Which clients may connect.

    Args:
        allowed: the networks whose devices may; this machine itself always may.
        proxies: the networks of the proxies that may name the client.
    """

    def __init__(self, allowed: Iterable[str], proxies: Iterable[str]) -> None:
        self._allowed = [ipaddress.ip_network(text, strict=False) for text in allowed]
        self._proxies = [ipaddress.ip_network(text, strict=False) for text in proxies]
        self._judged = lru_cache(maxsize=REMEMBERED)(self._judge)

    def find_client(self, environ: WSGIEnvironment) -> Address | None:
        """Return the address of a request's client; None if it may not connect.

        Behind trusted proxies it is the rightmost hop of X-Forwarded-For that is none of them.
        Whoever that one asks for in turn, by X-Forwarded-For or by Forwarded (RFC 7239), must be
        allowed as well.
        """
        passed_on = environ.get("HTTP_X_FORWARDED_FOR", ""), environ.get("HTTP_FORWARDED", "")
        return self._judged(str(environ["REMOTE_ADDR"]), *passed_on)

    def _judge(self, peer: str, x_forwarded_for: str, forwarded: str) -> Address | None:
        client = address_of(peer)
        hops, others = list(_hops(x_forwarded_for)), list(_forwarded(forwarded))
        while hops and self._is_proxy(client):
            client = hops.pop()
        return client if all(map(self._may, [client, *hops[-1:], *others[-1:]])) else None

    def _is_proxy(self, address: Address | None) -> bool:
        return address is not None and any(address in network for network in self._proxies)

    def _may(self, address: Address | None) -> bool:
        if address is None:
            return False
        return address.is_loopback or any(address in network for network in self._allowed)


def _hops(header: str) -> Iterator[Address | None]:
    """Yield the addresses in X-Forwarded-For; None for one that cannot be read."""
    for hop in filter(None, map(str.strip, header.split(","))):
        found = _FOR.search(hop)
        yield _address(found[2] if found else hop)


def _forwarded(header: str) -> Iterator[Address | None]:
    """Yield the clients in Forwarded; None for one that cannot be read."""
    for hop in header.split(","):
        found = _FOR.search(hop)
        if found:
            yield _address(found[2])


def _address(node: str) -> Address | None:
    match = _NODE.fullmatch(node.strip())
    return address_of(match["v6"] or match["v4"] or match["plain"]) if match else None
