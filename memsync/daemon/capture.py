"""The ear: ``POST /note`` keeps a note on disk before it says so.

Plain WSGI, because a note is acknowledged in well under a millisecond here and a framework would
cost more than the disk does. Protocol: `docs/capture.md`.
"""

from __future__ import annotations

import importlib
import json
import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from io import BytesIO
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from werkzeug.formparser import parse_form_data

from memsync import clock
from memsync.config import Config
from memsync.credentials import capture_token
from memsync.daemon.guard import Backoff, Guard, same_secret
from memsync.daemon.spool import Entry, Spool
from memsync.errors import FolderAwayError, WrongUsageError
from memsync.notes import Note, make
from memsync.workspace import Workspace

MAX_BODY = 64 * 1024
MAX_KEY = 256
JSON_TYPE = ("Content-Type", "application/json")

log = logging.getLogger(__name__)


@dataclass
class _RefusedError(Exception):
    """An answer other than 200, with what the sender should know."""

    status: HTTPStatus
    message: str
    headers: tuple[tuple[str, str], ...] = ()


class CaptureApp:
    """The WSGI application of the note port; guarded like the page's."""

    def __init__(
        self,
        config: Config,
        spool: Spool | None = None,
        on_note: Callable[[Note], None] | None = None,
    ) -> None:
        self._config = config
        self._token = capture_token(config)
        self._spool = spool or Spool()
        self._on_note = on_note or (lambda _note: None)
        self._backoff = Backoff()
        self._keyed = threading.Lock()
        self._seen = {
            (entry.key, entry.note.text): entry.note.time
            for entry in self._spool.entries()
            if entry.key
        }
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
        except _RefusedError as refused:
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
                raise _RefusedError(
                    HTTPStatus.METHOD_NOT_ALLOWED, "notes are sent by POST", (("Allow", "POST"),)
                )
            return self._take(environ)
        if path == "/health":
            if method not in {"GET", "HEAD"}:
                raise _RefusedError(
                    HTTPStatus.METHOD_NOT_ALLOWED, "health is read by GET", (("Allow", "GET"),)
                )
            return {"ok": True}
        raise _RefusedError(HTTPStatus.NOT_FOUND, "there is only POST /note and GET /health here")

    def _take(self, environ: WSGIEnvironment) -> dict[str, Any]:
        self._check_token(environ)
        text = _text_in(_body(environ), environ, forms=bool(self._token))
        try:
            note = make(text, clock.now(), captured=True)
        except WrongUsageError as error:
            raise _RefusedError(HTTPStatus.BAD_REQUEST, error.message) from None
        timestamp = self._keep(note, environ.get("HTTP_IDEMPOTENCY_KEY", ""))
        answer: dict[str, Any] = {"ok": True, "timestamp": timestamp}
        try:
            Workspace.open(self._config)
        except FolderAwayError:
            answer["spooled"] = True
        return answer

    def _check_token(self, environ: WSGIEnvironment) -> None:
        if not self._token:
            return
        address = environ.get("REMOTE_ADDR", "")
        wait = self._backoff.wait_for(address)
        if wait:
            raise _RefusedError(
                HTTPStatus.TOO_MANY_REQUESTS,
                "too many wrong tokens; try again later",
                (("Retry-After", str(int(wait) + 1)),),
            )
        given = _as_utf8(environ.get("HTTP_X_MEMSYNC_TOKEN") or _bearer(environ))
        if not same_secret(given, self._token):
            self._backoff.failed(address)
            raise _RefusedError(
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
                # Repeats are rare; taking them one by one leaves no gap between look and write.
                with self._keyed:
                    known = self._seen.get((key[:MAX_KEY], note.text))
                    if known is not None:
                        return known
                    self._spool.add(Entry(note, key[:MAX_KEY]))
                    self._seen[key[:MAX_KEY], note.text] = note.time
        except OSError as error:
            log.error("a note could not be kept: %s", error)  # noqa: TRY400
            raise _RefusedError(
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


def _body(environ: WSGIEnvironment) -> bytes:
    try:
        length = int(environ.get("CONTENT_LENGTH") or 0)
    except ValueError:
        raise _RefusedError(HTTPStatus.BAD_REQUEST, "Content-Length is no number") from None
    if length > MAX_BODY:
        raise _RefusedError(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a note may have {MAX_BODY} bytes"
        )
    data = bytes(environ["wsgi.input"].read(length)) if length > 0 else b""
    if len(data) < length:
        raise _RefusedError(HTTPStatus.BAD_REQUEST, "the body is shorter than its Content-Length")
    return data


def _text_in(body: bytes, environ: WSGIEnvironment, *, forms: bool) -> str:
    """Return the note in a request's body.

    JSON always; with a token also forms and plain text, which phones send. Without one, those
    are refused: they are what a foreign page can send without asking.
    """
    kind = str(environ.get("CONTENT_TYPE", "")).partition(";")[0].strip().lower()
    try:
        table = json.loads(body)
    except (ValueError, RecursionError):
        table = None
    if isinstance(table, dict):
        return _checked(table.get("text"))
    if forms and kind == "text/plain":
        return _checked(_decoded(body))
    if forms and kind in {"application/x-www-form-urlencoded", "multipart/form-data"}:
        return _checked(_form_field(body, environ))
    raise _RefusedError(HTTPStatus.BAD_REQUEST, 'the body must be JSON: {"text": "…"}')


def _form_field(body: bytes, environ: WSGIEnvironment) -> str | None:
    again = {**environ, "wsgi.input": BytesIO(body)}
    _, form, files = parse_form_data(again, max_form_memory_size=MAX_BODY, max_form_parts=100)
    try:
        if "text" in form:
            return str(form["text"])
        return _decoded(files["text"].read()) if "text" in files else None
    finally:
        for listed in files.listvalues():
            for file in listed:
                file.close()


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise _RefusedError(HTTPStatus.BAD_REQUEST, "the note is not UTF-8 text") from None


def _checked(text: object) -> str:
    if not isinstance(text, str):
        raise _RefusedError(HTTPStatus.BAD_REQUEST, 'there is no "text" in the note')
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise _RefusedError(HTTPStatus.BAD_REQUEST, "the note is not valid Unicode") from None
    return text
