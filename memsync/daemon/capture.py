"""The ear: ``POST /note`` keeps a note on disk before it says so.

Plain WSGI, because a note is acknowledged in well under a millisecond here and a framework would
cost more than the disk does. Protocol: `docs/capture.md`.
"""

from __future__ import annotations

import importlib
import json
import logging
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from memsync import clock
from memsync.config import Config
from memsync.credentials import capture_token
from memsync.daemon.guard import Backoff, Guard, same_secret
from memsync.daemon.known import Folder, KnownNotes
from memsync.daemon.note_body import RefusedError, body_of, text_in
from memsync.errors import WrongUsageError
from memsync.notes import Note, make
from memsync.spool import Entry, Spool

MAX_KEY = 256
JSON_TYPE = ("Content-Type", "application/json")

log = logging.getLogger(__name__)


class CaptureApp:
    """The WSGI application of the note port; guarded like the page's."""

    def __init__(
        self,
        config: Config,
        spool: Spool | None = None,
        on_note: Callable[[Note], None] | None = None,
    ) -> None:
        self._token = capture_token(config)
        self._spool = spool or Spool()
        self._on_note = on_note or (lambda _note: None)
        self._backoff = Backoff()
        self._folder = Folder(config)
        self._known = KnownNotes(self._spool.entries())
        self._guarded = Guard(config).protect(self._answer)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request (PEP 3333)."""
        return self._guarded(environ, start_response)

    def test_client(self) -> Any:  # noqa: ANN401 - a werkzeug.test.Client
        """Return a client that calls the application without a network, as Flask's does."""
        # Late on purpose: it is for tests, and costs the daemon ten milliseconds at its start.
        return importlib.import_module("werkzeug.test").Client(self)

    def _answer(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        headers: tuple[tuple[str, str], ...] = ()
        try:
            status, body = HTTPStatus.OK, self._route(environ)
        except RefusedError as refused:
            status, body, headers = refused.status, {"error": refused.message}, refused.headers
        data = json.dumps(body).encode()
        start_response(
            f"{status.value} {status.phrase}",
            [JSON_TYPE, ("Content-Length", str(len(data))), *headers],
        )
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [data]

    def _route(self, environ: WSGIEnvironment) -> dict[str, Any]:
        path, method = environ.get("PATH_INFO", ""), environ["REQUEST_METHOD"]
        if path == "/note":
            if method != "POST":
                raise RefusedError(
                    HTTPStatus.METHOD_NOT_ALLOWED, "notes are sent by POST", (("Allow", "POST"),)
                )
            return self._take(environ)
        if path == "/health":
            if method not in {"GET", "HEAD"}:
                raise RefusedError(
                    HTTPStatus.METHOD_NOT_ALLOWED, "health is read by GET", (("Allow", "GET"),)
                )
            return {"ok": True}
        raise RefusedError(HTTPStatus.NOT_FOUND, "there is only POST /note and GET /health here")

    def _take(self, environ: WSGIEnvironment) -> dict[str, Any]:
        self._check_token(environ)
        text = text_in(body_of(environ), environ, forms=bool(self._token))
        try:
            note = make(text, clock.now(), came_by="network")
        except WrongUsageError as error:
            raise RefusedError(HTTPStatus.BAD_REQUEST, error.message) from None
        timestamp = self._keep(note, environ.get("HTTP_IDEMPOTENCY_KEY", ""))
        answer: dict[str, Any] = {"ok": True, "timestamp": timestamp}
        return answer if self._folder.is_there() else {**answer, "spooled": True}

    def _check_token(self, environ: WSGIEnvironment) -> None:
        if not self._token:
            return
        address = environ.get("REMOTE_ADDR", "")
        wait = self._backoff.wait_for(address)
        if wait:
            raise RefusedError(
                HTTPStatus.TOO_MANY_REQUESTS,
                "too many wrong tokens; try again later",
                (("Retry-After", str(int(wait) + 1)),),
            )
        given = _as_utf8(environ.get("HTTP_X_MEMSYNC_TOKEN") or _bearer(environ))
        if not same_secret(given, self._token):
            self._backoff.failed(address)
            raise RefusedError(
                HTTPStatus.UNAUTHORIZED,
                "the token is missing or wrong",
                (("WWW-Authenticate", "Bearer"),),
            )
        self._backoff.succeeded(address)

    def _keep(self, note: Note, key: str) -> str:
        """Keep a note once and return when it was taken; a repeated one is already kept."""
        try:
            if not key:
                self._spool.add(Entry(note))
            else:
                entry = Entry(note, key[:MAX_KEY])
                with self._known.alone_with(entry):
                    known = self._known.time_of(entry)
                    if known is not None:
                        return known
                    self._spool.add(entry)
                    self._known.remember(entry)
        except OSError as error:
            log.error("a note could not be kept: %s", error)  # noqa: TRY400
            raise RefusedError(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "the note could not be kept: the disk of this machine refused it",
                (("Retry-After", "60"),),
            ) from None
        self._on_note(note)
        return note.time


def create_capture_app(config: Config) -> CaptureApp:
    """Return the WSGI application of the note port, as `config` wants it.

    A note taken by it lies in the spool; a running daemon also moves it to the day's log.
    """
    return CaptureApp(config)


def _bearer(environ: WSGIEnvironment) -> str:
    scheme, _, token = str(environ.get("HTTP_AUTHORIZATION", "")).partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _as_utf8(header: str) -> str:
    """Return a header as its sender meant it: WSGI reads the bytes as Latin-1 (PEP 3333)."""
    try:
        return header.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return header
