"""Who gets in: client networks, host names, origins, and the headers of every answer.

One guard stands before both ports, so neither can be opened by a page in the browser of somebody
on the network (DNS rebinding, foreign forms) or by a device that was not let in. Plain WSGI.
"""

from __future__ import annotations

import hmac
import ipaddress
import logging
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from memsync.config import Config
from memsync.daemon.http.clients import Clients
from memsync.daemon.http.hosts import Hosts, address_of, parse_host

ExcInfo = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:;"
        " form-action 'self'; frame-ancestors 'none'; base-uri 'none'; manifest-src 'self';"
        " connect-src 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    # Not no-referrer: with that, browsers send `Origin: null` along with our own forms.
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
}
OPENER_POLICY = {"Cross-Origin-Opener-Policy": "same-origin"}
"""Sent only if the browser honours it: on plain-http names such as pi.local it only complains."""

_FIXED = frozenset(name.lower() for name in (*SECURITY_HEADERS, *OPENER_POLICY))

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Rejection:
    """Why a request is refused, in words for whoever sent it.

    `after_short_body` if a body that is short is read first: a browser that is answered while it
    still sends may never be done with the answer.
    """

    status: HTTPStatus
    text: str
    kind: str = "text/plain; charset=utf-8"
    after_short_body: bool = False


_NOT_YOUR_NETWORK = Rejection(
    HTTPStatus.FORBIDDEN,
    "memsync does not answer devices of this network.\n"
    "If they are yours: memsync config set daemon.allowed_networks NETWORK,NETWORK\n",
)
_NOT_OUR_NAME = Rejection(
    HTTPStatus.MISDIRECTED_REQUEST,
    "memsync does not answer to this name.\n"
    "If you gave it to this machine: memsync config set daemon.allowed_hosts NAME,NAME\n",
)
_FOREIGN_PAGE = Rejection(
    HTTPStatus.FORBIDDEN,
    "This request came from another page than memsync's own.\n",
    after_short_body=True,
)
_FAILED = Rejection(HTTPStatus.INTERNAL_SERVER_ERROR, "memsync failed; its log says why.\n")


class Guard:
    """The gatekeeper of one machine, as its config wants it."""

    def __init__(self, config: Config, now: Callable[[], float] = time.monotonic) -> None:
        daemon = config.daemon
        self._clients = Clients(daemon.allowed_networks, daemon.trusted_proxies)
        bound = (daemon.web_ui_host, daemon.capture_host)
        self._hosts = Hosts((*daemon.allowed_hosts, *bound), now)

    def protect(self, app: WSGIApplication) -> WSGIApplication:
        """Return `app` behind this guard: it sees only requests that may pass.

        ``REMOTE_ADDR`` is the client then, not a proxy in between. Every answer gets the security
        headers, and an application that fails becomes a plain 500 with its traceback in the log.
        """

        def guarded(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            start = _with_headers(environ, start_response)
            refusal = self.judge(environ)
            if refusal is not None:
                return _refuse(environ, start, refusal)
            _name_client(environ, self._clients)
            try:
                return app(environ, start)
            except Exception:
                log.exception("a request failed")
                return _refuse(environ, start, _FAILED, sys.exc_info())

        return guarded

    def judge(self, environ: WSGIEnvironment) -> Rejection | None:
        """Return why a request must not pass, by its head alone; None if it may."""
        # Called within the process it has no client; a server always names one.
        if "REMOTE_ADDR" in environ and self._clients.find_client(environ) is None:
            return _NOT_YOUR_NETWORK
        header = str(environ.get("HTTP_HOST", ""))
        host = parse_host(header)
        if host is None or not self._hosts.include(host):
            return _NOT_OUR_NAME
        if environ["REQUEST_METHOD"] not in SAFE_METHODS and _is_foreign(environ, header):
            return _FOREIGN_PAGE
        return None


def same_secret(given: str, wanted: str) -> bool:
    """Are two secrets equal? The time this takes does not depend on how much of them agrees."""
    ours, theirs = (text.encode("utf-8", "surrogatepass") for text in (wanted, given))
    return hmac.compare_digest(ours, theirs)


@dataclass
class _Failures:
    count: int
    last: float
    blocked_until: float


class Backoff:
    """Slows down wrong tokens and passwords, per address; any thread may call it.

    After `FREE` failures the address has to wait `FIRST_WAIT` seconds, then twice as long with
    each further one, up to `LONGEST_WAIT`. A success, or no failure for `WINDOW`, forgets all.
    A device has as many IPv6 addresses as it likes, so those of one network also count together.
    A secret that was right from an address before does not wait there: whoever guesses from
    behind the same proxy must not lock it out.
    """

    FREE = 5
    FREE_OF_NETWORK = 50
    FIRST_WAIT = 30.0
    LONGEST_WAIT = 15 * 60.0
    WINDOW = 60 * 60.0
    MOST_ADDRESSES = 1000

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._failures: OrderedDict[str, _Failures] = OrderedDict()
        self._good: OrderedDict[tuple[str, str], None] = OrderedDict()

    def wait_for(self, address: str, secret: str = "") -> float:
        """Return how many seconds `address` has to wait before it may try; 0 for none.

        Args:
            address: where the attempt is from.
            secret: a digest of what is tried, if it is long and random; empty for a password,
                because a short one could be guessed without ever waiting.
        """
        with self._lock:
            if (_plain(address), secret) in self._good:
                return 0.0
            known = filter(None, map(self._failures.get, self._names(address)))
            return max(0.0, *(one.blocked_until - self._now() for one in known), 0.0)

    def failed(self, address: str) -> None:
        """Count a wrong token or password of `address`."""
        now = self._now()
        with self._lock:
            for name, free in self._names(address).items():
                self._count(name, free, now)
            while len(self._failures) > self.MOST_ADDRESSES:
                self._failures.popitem(last=False)

    def succeeded(self, address: str, secret: str = "") -> None:
        """Forget the failures of `address`; the digest `secret` need not wait there again.

        A secret that need not wait forgets nothing: the failures are somebody else's.
        """
        pair = (_plain(address), secret)
        with self._lock:
            if pair in self._good:
                self._good.move_to_end(pair)
                return
            self._failures.pop(pair[0], None)
            if secret:
                self._good[pair] = None
            while len(self._good) > self.MOST_ADDRESSES:
                self._good.popitem(last=False)

    def _names(self, address: str) -> dict[str, int]:
        """Return under which names `address` counts, and how many failures each has free."""
        names = {_plain(address): self.FREE}
        parsed = address_of(address)
        if isinstance(parsed, ipaddress.IPv6Address):
            network = ipaddress.ip_network((parsed, 64), strict=False)
            names[str(network)] = self.FREE_OF_NETWORK
        return names

    def _count(self, name: str, free: int, now: float) -> None:
        known = self._failures.pop(name, None)
        if known is None or now - known.last > self.WINDOW:
            known = _Failures(0, now, 0.0)
        known.count += 1
        known.last = now
        if known.count >= free:
            doublings = min(known.count - free, 10)
            known.blocked_until = now + min(self.FIRST_WAIT * 2**doublings, self.LONGEST_WAIT)
        self._failures[name] = known


def _name_client(environ: WSGIEnvironment, clients: Clients) -> None:
    if "REMOTE_ADDR" in environ:
        environ["REMOTE_ADDR"] = str(clients.find_client(environ))


def _is_foreign(environ: WSGIEnvironment, host: str) -> bool:
    """Does the browser say that a page of another origin than `host` made the request?

    Browsers send no Sec-Fetch-Site to plain-http names such as pi.local; there Origin decides.
    """
    site = environ.get("HTTP_SEC_FETCH_SITE", "none")
    if site not in {"none", "same-origin"}:
        return True
    origin = environ.get("HTTP_ORIGIN")
    own = {f"http://{host}".lower(), f"https://{host}".lower()}
    return origin is not None and origin.lower() not in own


def _plain(address: str) -> str:
    parsed = address_of(address)
    return str(parsed) if parsed else address


def _with_headers(environ: WSGIEnvironment, start_response: StartResponse) -> StartResponse:
    """Return a `start_response` that adds the security headers; no application overrides them."""
    # Browsers send this to origins they trust, be it localhost or https before a proxy.
    is_trusted = "HTTP_SEC_FETCH_SITE" in environ

    def start(
        status: str, headers: list[tuple[str, str]], exc_info: ExcInfo | None = None, /
    ) -> Callable[[bytes], object]:
        kept = [(name, value) for name, value in headers if name.lower() not in _FIXED]
        kept += SECURITY_HEADERS.items()
        kept += OPENER_POLICY.items() if is_trusted else ()
        if not any(name.lower() == "cache-control" for name, _ in kept):
            kept.append(("Cache-Control", "no-store"))
        return start_response(status, kept, exc_info)

    return start


def _refuse(
    environ: WSGIEnvironment,
    start: StartResponse,
    refusal: Rejection,
    exc_info: ExcInfo | None = None,
) -> Iterable[bytes]:
    data = refusal.text.encode()
    headers = [
        ("Content-Type", refusal.kind),
        ("Content-Length", str(len(data))),
    ]
    start(f"{refusal.status.value} {refusal.status.phrase}", headers, exc_info)
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [data]
