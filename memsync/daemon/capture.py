"""The note port: ``POST /note`` keeps a note on disk before it says so.

Plain WSGI, because a note is acknowledged in well under a millisecond here and a framework would
cost more than the disk does. Protocol: `docs/capture.md`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from http import HTTPStatus
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from werkzeug.test import Client

from memsync import clock
from memsync.config import Config
from memsync.daemon.http.guard import Guard
from memsync.daemon.intake import page
from memsync.daemon.intake.answer import (
    HTML,
    BadRequestError,
    Headers,
    HttpAnswer,
    as_json,
    out_of_order,
)
from memsync.daemon.intake.body import Sent, sent_in
from memsync.daemon.intake.known import Folder, Kept, KnownNotes
from memsync.daemon.intake.pairing import Pairing
from memsync.daemon.intake.quota import Quotas
from memsync.daemon.intake.senders import NoteSender, Senders, cookie_header
from memsync.errors import WrongUsageError
from memsync.notes.spool import Spool, SpooledNote
from memsync.text.note import Note, make_note

MAX_KEY = 256
READ_METHODS = frozenset({"GET", "HEAD"})

log = logging.getLogger(__name__)


class CaptureApp:
    """The WSGI application of the note port, guarded like the web page."""

    def __init__(
        self,
        config: Config,
        spool: Spool | None = None,
        on_note: Callable[[Note], None] | None = None,
    ) -> None:
        self._senders = Senders(config)
        self._pairing = Pairing()
        self._spool = spool or Spool()
        self._on_note = on_note or (lambda _note: None)
        self._folder = Folder(config)
        entries = self._spool.entries()
        self._known = KnownNotes(entries)
        self._quotas = Quotas(config.daemon.capture_daily_mb, entries)
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
            said = as_json({"error": refused.message}, refused.headers)
            answer = replace(said, status=refused.status)
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
            return as_json({"ok": True})
        if path == "/pair":
            _allow("GET, POST", method in READ_METHODS | {"POST"}, "a phone pairs by POST")
            return self._pairing.pair(environ) if method == "POST" else self._pairing.show()
        if path == "/":
            _allow("GET", method in READ_METHODS, "the page is read by GET; notes go to /note")
            return self._page(environ)
        file = page.static_file(path) if method in READ_METHODS else None
        if file is None:
            raise BadRequestError(
                HTTPStatus.NOT_FOUND, "there is only POST /note and GET /health here"
            )
        return HttpAnswer(HTTPStatus.OK, file.data, file.kind, (("Cache-Control", "max-age=3600"),))

    def _page(
        self,
        environ: WSGIEnvironment,
        status: HTTPStatus = HTTPStatus.OK,
        headers: Headers = (),
        **told: Any,  # noqa: ANN401 - fields of the box
    ) -> HttpAnswer:
        html = page.render_box(status, replace(self._senders.box_for(environ), **told))
        return HttpAnswer(status, html, HTML, headers)

    def _take(self, environ: WSGIEnvironment) -> HttpAnswer:
        """Take a note; the page's form gets a page back, which has the text if that failed."""
        sent = Sent(b"", "")
        try:
            sent = sent_in(environ)
            sender = self._senders.recognise(environ, sent)
            kept = self._keep_sent(environ, sent, sender)
        except BadRequestError as refused:
            if not page.is_for_a_person(environ):
                raise
            told: dict[str, Any] = {"problem": refused.message, "text": sent.form.get("text", "")}
            return self._page(environ, refused.status, refused.headers, **told)
        is_there = self._folder.is_there()
        headers = (cookie_header(sender.cookie),) if sender.cookie else ()
        if page.is_for_a_person(environ):
            told = {"noted": kept.time, "is_held": kept.is_held, "is_spooled": not is_there}
            return self._page(environ, HTTPStatus.OK, headers, **told)
        said: dict[str, Any] = {"ok": True, "timestamp": kept.time}
        said |= {"held": True} if kept.is_held else {}
        return as_json(said | ({} if is_there else {"spooled": True}), headers)

    def _keep_sent(self, environ: WSGIEnvironment, sent: Sent, sender: NoteSender) -> Kept:
        # Without a token, only the browser's Origin says which page a form is from; the guard has
        # refused every Origin but ours.
        forms = sender.has_token or "HTTP_ORIGIN" in environ
        mark = self._senders.mark(sender, is_shared=sent.is_shared)
        try:
            note = make_note(sent.text(forms=forms), clock.now(), mark=mark)
        except WrongUsageError as error:
            raise BadRequestError(HTTPStatus.BAD_REQUEST, error.message) from None
        key = _key(environ, sent)
        entry = SpooledNote(note, key, sender.account)
        if not key:
            return self._keep(entry, sender)
        with self._known.alone_with(entry):
            known = self._known.find(entry)
            if known is None:
                known = self._keep(entry, sender)
                self._known.remember(entry)
        return known

    def _keep(self, entry: SpooledNote, sender: NoteSender) -> Kept:
        """Keep a note that is new, if its sender may send more today."""
        self._quotas.take(sender, entry.note)
        try:
            self._spool.add(entry)
        except OSError as error:
            self._quotas.give_back(sender, entry.note)
            log.error("a note could not be kept: %s", error)  # noqa: TRY400
            raise out_of_order(
                "the note could not be kept: the disk of this machine refused it"
            ) from None
        self._on_note(entry.note)
        return Kept.of(entry.note)


def create_capture_app(config: Config) -> CaptureApp:
    """Return the WSGI application of the note port, as `config` wants it.

    It puts each note into the spool; a running daemon also moves it to the day's log.
    """
    return CaptureApp(config)


def _allow(method: str, is_so: bool, message: str) -> None:
    if not is_so:
        raise BadRequestError(HTTPStatus.METHOD_NOT_ALLOWED, message, (("Allow", method),))


def _key(environ: WSGIEnvironment, sent: Sent) -> str:
    """Return the key with which the sender would repeat this note.

    Raises:
        BadRequestError: it is too long; cut short, it could be the key of another note.
    """
    header, field = environ.get("HTTP_IDEMPOTENCY_KEY", ""), sent.form.get("key", "")
    if max(len(header), len(field)) > MAX_KEY:
        raise BadRequestError(
            HTTPStatus.BAD_REQUEST, f"an Idempotency-Key may have {MAX_KEY} characters"
        )
    return header or field
