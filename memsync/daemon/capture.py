"""The note port: ``POST /note`` keeps a note on disk before it says so.

Plain WSGI, because a note is acknowledged in well under a millisecond here and a framework would
cost more than the disk does. Protocol: `docs/capture.md`.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from werkzeug.test import Client

from memsync import clock
from memsync.config import Config
from memsync.config.credentials import capture_token
from memsync.daemon.http.guard import Backoff, Guard
from memsync.daemon.http.tokens import Token
from memsync.daemon.intake import page
from memsync.daemon.intake.body import (
    FORMS,
    BadRequestError,
    Form,
    body_of,
    form_of,
    kind_of,
    text_in,
)
from memsync.daemon.intake.known import Folder, KnownNotes
from memsync.errors import WrongUsageError
from memsync.notes.spool import Spool, SpooledNote
from memsync.text.mark import CAPTURED
from memsync.text.note import Note, make_note

MAX_KEY = 256
READ_METHODS = frozenset({"GET", "HEAD"})

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class HttpAnswer:
    """An HTTP answer: status, body, content type, further headers."""

    status: HTTPStatus
    body: bytes
    kind: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


class CaptureApp:
    """The WSGI application of the note port, guarded like the web page."""

    def __init__(
        self,
        config: Config,
        spool: Spool | None = None,
        on_note: Callable[[Note], None] | None = None,
    ) -> None:
        self._token = Token(capture_token(config))
        self._spool = spool or Spool()
        self._on_note = on_note or (lambda _note: None)
        self._backoff = Backoff()
        self._folder = Folder(config)
        self._known = KnownNotes(self._spool.entries())
        self._guarded = Guard(config).protect(self._answer)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request (PEP 3333)."""
        return self._guarded(environ, start_response)

    def test_client(self) -> Client:
        """Return a client that calls the application without a network, as Flask's does."""
        return Client(self)

    def _answer(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        try:
            answer = self._route(environ)
        except BadRequestError as refused:
            said = {"error": refused.message}
            answer = replace(_as_json(said), status=refused.status, headers=refused.headers)
        status, length = answer.status, str(len(answer.body))
        start_response(
            f"{status.value} {status.phrase}",
            [("Content-Type", answer.kind), ("Content-Length", length), *answer.headers],
        )
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [answer.body]

    def _route(self, environ: WSGIEnvironment) -> HttpAnswer:
        path, method = environ.get("PATH_INFO", ""), environ["REQUEST_METHOD"]
        if path == "/note":
            _allow("POST", method == "POST", "notes are sent by POST")
            return self._take(environ)
        if path == "/health":
            _allow("GET", method in READ_METHODS, "health is read by GET")
            return _as_json({"ok": True})
        if path == "/":
            _allow("GET", method in READ_METHODS, "the page is read by GET; notes go to /note")
            return self._page(HTTPStatus.OK)
        file = page.static_file(path) if method in READ_METHODS else None
        if file is None:
            raise BadRequestError(
                HTTPStatus.NOT_FOUND, "there is only POST /note and GET /health here"
            )
        return HttpAnswer(HTTPStatus.OK, file.data, file.kind, (("Cache-Control", "max-age=3600"),))

    def _page(
        self,
        status: HTTPStatus,
        headers: tuple[tuple[str, str], ...] = (),
        **told: str,
    ) -> HttpAnswer:
        html = page.render_page(status, asks_token=bool(self._token), **told)
        return HttpAnswer(status, html, "text/html; charset=utf-8", headers)

    def _take(self, environ: WSGIEnvironment) -> HttpAnswer:
        """Take a note; the page's form gets a page back, which has the text if that failed."""
        form = Form()
        try:
            body = body_of(environ)
            form = form_of(body, environ)
            said = self._keep_sent(environ, body, form)
        except BadRequestError as refused:
            if not _is_for_a_person(environ):
                raise
            text = form.text or ""
            return self._page(refused.status, refused.headers, problem=refused.message, text=text)
        if _is_for_a_person(environ):
            waits = "yes" if "spooled" in said else ""
            return self._page(HTTPStatus.OK, noted=said["timestamp"], waits=waits)
        return _as_json(said)

    def _keep_sent(self, environ: WSGIEnvironment, body: bytes, form: Form) -> dict[str, Any]:
        self._check_token(environ, form)
        # Without a token, only the browser's Origin says which page a form is from; the guard has
        # refused every Origin but ours.
        forms = bool(self._token) or "HTTP_ORIGIN" in environ
        try:
            note = make_note(text_in(body, environ, form, forms=forms), clock.now(), CAPTURED)
        except WrongUsageError as error:
            raise BadRequestError(HTTPStatus.BAD_REQUEST, error.message) from None
        timestamp = self._keep(note, _key(environ, form))
        said: dict[str, Any] = {"ok": True, "timestamp": timestamp}
        return said if self._folder.is_there() else {**said, "spooled": True}

    def _check_token(self, environ: WSGIEnvironment, form: Form) -> None:
        if not self._token:
            return
        address = environ.get("REMOTE_ADDR", "")
        wait = self._backoff.wait_for(address)
        if wait:
            raise BadRequestError(
                HTTPStatus.TOO_MANY_REQUESTS,
                "too many wrong tokens; try again later",
                (("Retry-After", str(int(wait) + 1)),),
            )
        header = environ.get("HTTP_X_MEMSYNC_TOKEN") or _bearer(environ)
        if not self._token.is_right(_as_utf8(header) if header else form.token):
            self._backoff.failed(address)
            raise BadRequestError(
                HTTPStatus.UNAUTHORIZED,
                "the token is missing or wrong",
                (("WWW-Authenticate", "Bearer"),),
            )
        self._backoff.succeeded(address)

    def _keep(self, note: Note, key: str) -> str:
        """Keep a note and return when it was taken; a repeated note was kept the first time."""
        try:
            if not key:
                self._spool.add(SpooledNote(note))
            else:
                entry = SpooledNote(note, key)
                with self._known.alone_with(entry):
                    known = self._known.time_of(entry)
                    if known is not None:
                        return known
                    self._spool.add(entry)
                    self._known.remember(entry)
        except OSError as error:
            log.error("a note could not be kept: %s", error)  # noqa: TRY400
            raise BadRequestError(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "the note could not be kept: the disk of this machine refused it",
                (("Retry-After", "60"),),
            ) from None
        self._on_note(note)
        return note.time


def create_capture_app(config: Config) -> CaptureApp:
    """Return the WSGI application of the note port, as `config` wants it.

    It puts each note into the spool; a running daemon also moves it to the day's log.
    """
    return CaptureApp(config)


def _as_json(said: dict[str, Any]) -> HttpAnswer:
    return HttpAnswer(HTTPStatus.OK, json.dumps(said).encode())


def _allow(method: str, is_so: bool, message: str) -> None:
    if not is_so:
        raise BadRequestError(HTTPStatus.METHOD_NOT_ALLOWED, message, (("Allow", method),))


def _is_for_a_person(environ: WSGIEnvironment) -> bool:
    """Did a browser send the page's form, so that a person sees the answer?"""
    return kind_of(environ) in FORMS and "text/html" in environ.get("HTTP_ACCEPT", "").lower()


def _key(environ: WSGIEnvironment, form: Form) -> str:
    """Return the key with which the sender would repeat this note.

    Raises:
        BadRequestError: it is too long; cut short, it could be the key of another note.
    """
    header = environ.get("HTTP_IDEMPOTENCY_KEY", "")
    if max(len(header), len(form.key)) > MAX_KEY:
        raise BadRequestError(
            HTTPStatus.BAD_REQUEST, f"an Idempotency-Key may have {MAX_KEY} characters"
        )
    return header or form.key


def _bearer(environ: WSGIEnvironment) -> str:
    scheme, _, token = str(environ.get("HTTP_AUTHORIZATION", "")).partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _as_utf8(header: str) -> str:
    """Return a header as its sender meant it: WSGI reads the bytes as Latin-1 (PEP 3333)."""
    try:
        return header.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return header
