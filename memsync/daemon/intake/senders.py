"""Who sends a note, and with it whose word the note is.

A right token is the person: a paired phone's, or the one that programs share. A paired phone's
browser may bring its token in a cookie; then the note must come from this port's own page.
"""

from __future__ import annotations

import ipaddress
import logging
from dataclasses import dataclass
from http import HTTPStatus
from wsgiref.types import WSGIEnvironment

from werkzeug.sansio.http import parse_cookie

from memsync.config import Config
from memsync.config.credentials import capture_token
from memsync.daemon.http.guard import Backoff
from memsync.daemon.http.hosts import address_of
from memsync.daemon.http.tokens import Token, hash_token
from memsync.daemon.intake.answer import BadRequestError, out_of_order, wait_answer
from memsync.daemon.intake.body import Sent
from memsync.daemon.intake.page import Box
from memsync.daemon.phones.phone_list import Phone, PhoneList, Phones
from memsync.errors import MemsyncError
from memsync.text.mark import Mark

COOKIE = "memsync-phone"
COOKIE_DAYS = 400
"""The longest that browsers keep one; each note by it makes it new."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class NoteSender:
    """Who sends a note.

    Attributes:
        account: under which name the day's notes of this sender are counted.
        has_token: whether a right token came with the note.
        name: the name of the paired phone; empty for the shared token, and without one.
        cookie: the token that came as a cookie; empty if it came in another way.
    """

    account: str
    has_token: bool = False
    name: str = ""
    cookie: str = ""


class Senders:
    """Tells who sends a request to the note port of one machine."""

    def __init__(self, config: Config) -> None:
        self._shared = Token(capture_token(config))
        self._page_asks = bool(config.daemon.web_ui_password)
        self._phones = PhoneList()
        self._backoff = Backoff()

    def box_for(self, environ: WSGIEnvironment) -> Box:
        """Return the page's box for this browser: whether it needs a token, and which phone it is.

        If the paired phones cannot be read, the box is there all the same: a note says why.
        """
        try:
            phones, cookie = self._present(), _cookie(environ)
        except BadRequestError:
            return Box(asks_token=True)
        phone = phones.find(cookie) if cookie else None
        needs = self._needs_token(phones)
        return Box(
            asks_token=needs and phone is None,
            phone=phone.name if phone else "",
            holds=not needs and self._page_asks,
        )

    def mark(self, sender: NoteSender, *, is_shared: bool) -> Mark:
        """Return the mark of a note of `sender`; if `is_shared`, somebody else wrote it.

        A note without a token waits for the person if the page has a password. If that has none
        either, whoever is on the network may edit the memory itself.
        """
        held = is_shared or (not sender.has_token and self._page_asks)
        return Mark("captured", sender.name, held=held)

    def recognise(self, environ: WSGIEnvironment, sent: Sent) -> NoteSender:
        """Return who sends this request.

        Raises:
            BadRequestError: the token is missing or wrong, or its address has to wait after wrong
                ones; or a cookie comes from nobody knows which page.
        """
        phones = self._present()
        if not self._needs_token(phones):
            return NoteSender(account=network_of(environ))
        given = _header(environ) or sent.form.get("token", "")
        cookie = "" if given else _cookie(environ)
        if cookie and "HTTP_ORIGIN" not in environ:  # the guard has refused every Origin but ours
            raise BadRequestError(
                HTTPStatus.FORBIDDEN, "a cookie counts only on this port's own page"
            )
        # First, and whatever others at the same address tried: nobody guesses a phone's token.
        phone = phones.find(given or cookie)
        if phone is not None:
            self._note_use(phone)
            return NoteSender(f"phone {phone.name}", has_token=True, name=phone.name, cookie=cookie)
        return self._with_shared_token(environ, given, phones)

    def _with_shared_token(
        self, environ: WSGIEnvironment, given: str, phones: Phones
    ) -> NoteSender:
        address, secret = environ.get("REMOTE_ADDR", ""), hash_token(given)
        wait = self._backoff.wait_for(address, secret)
        if wait:
            raise wait_answer(wait, "too many wrong tokens; try again later")
        if phones.shared_retired or not self._shared.is_right(given):
            self._backoff.failed(address)
            raise BadRequestError(
                HTTPStatus.UNAUTHORIZED,
                "the token is missing or wrong",
                (("WWW-Authenticate", "Bearer"),),
            )
        self._backoff.succeeded(address, secret)
        return NoteSender("token", has_token=True)

    def _needs_token(self, phones: Phones) -> bool:
        return bool(self._shared) or phones.is_decided

    def _present(self) -> Phones:
        try:
            return self._phones.current()
        except MemsyncError as error:
            log.error("%s", error.message)  # noqa: TRY400 - an expected trouble, not a fault
            raise out_of_order(error.message) from None

    def _note_use(self, phone: Phone) -> None:
        try:
            self._phones.note_use(phone)
        except MemsyncError as error:  # the note matters more
            log.warning("the last use of %s is not written down: %s", phone.name, error.message)


def cookie_header(token: str) -> tuple[str, str]:
    """Return the header that lets a phone's browser send notes by this port's page."""
    age = COOKIE_DAYS * 24 * 60 * 60
    return "Set-Cookie", f"{COOKIE}={token}; Path=/; Max-Age={age}; HttpOnly; SameSite=Strict"


def network_of(environ: WSGIEnvironment) -> str:
    """Return the address of a request; of IPv6 its network, as a device has many of those."""
    text = str(environ.get("REMOTE_ADDR", ""))
    address = address_of(text)
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address) if address else text


def _header(environ: WSGIEnvironment) -> str:
    header = environ.get("HTTP_X_MEMSYNC_TOKEN") or _bearer(environ)
    return _as_utf8(header) if header else ""


def _cookie(environ: WSGIEnvironment) -> str:
    # Not by http.cookies: one odd cookie, of any program on any port of this host, hides all.
    return parse_cookie(environ.get("HTTP_COOKIE", "")).get(COOKIE, "")


def _bearer(environ: WSGIEnvironment) -> str:
    scheme, _, token = str(environ.get("HTTP_AUTHORIZATION", "")).partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _as_utf8(header: str) -> str:
    """Return a header as its sender meant it: WSGI reads the bytes as Latin-1 (PEP 3333)."""
    try:
        return header.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return header
