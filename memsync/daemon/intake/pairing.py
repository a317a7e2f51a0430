"""The page that pairs a phone: a one-time code and a name in, a token of the phone's own out.

The code comes in the fragment of the page's address, which a browser never sends: a script puts
it into the form. Who has no script types it.
"""

from __future__ import annotations

import threading
from http import HTTPStatus
from typing import Any
from wsgiref.types import WSGIEnvironment

from memsync.daemon.http.guard import Backoff
from memsync.daemon.intake import page
from memsync.daemon.intake.answer import (
    HTML,
    BadRequestError,
    HttpAnswer,
    as_json,
    out_of_order,
    wait_answer,
)
from memsync.daemon.intake.body import Sent, sent_in
from memsync.daemon.intake.senders import cookie_header
from memsync.daemon.phones import codes, phone_list
from memsync.errors import MemsyncError

NEW_CODE = "make a new one on memsync's Phone page, or by memsync daemon phones --pair"


class Pairing:
    """Pairs phones at the note port, slowing down whoever tries codes."""

    def __init__(self) -> None:
        self._backoff = Backoff()
        self._guessing = threading.Lock()

    def show(self) -> HttpAnswer:
        """Return the page with the form."""
        return HttpAnswer(HTTPStatus.OK, page.render_form("pair.html"), HTML)

    def pair(self, environ: WSGIEnvironment) -> HttpAnswer:
        """Pair the phone that sends this request; the answer has its token, once, and its cookie.

        Raises:
            BadRequestError: the code is missing, wrong or too old; or it came by JSON, and the
                phone could not be paired.
        """
        sent = Sent(b"", "")
        try:
            sent = sent_in(environ)
            phone, token = self._pair(environ, sent)
        except BadRequestError as refused:
            if not page.is_for_a_person(environ):
                raise
            said = {"problem": refused.message, "name": sent.word("name")}
            return HttpAnswer(
                refused.status, page.render_form("pair.html", **said), HTML, refused.headers
            )
        cookie = (cookie_header(token),)
        answer: dict[str, Any] = {"name": phone.name, "token": token}
        if page.is_for_a_person(environ):
            note_url = f"{environ['wsgi.url_scheme']}://{environ.get('HTTP_HOST', '')}/note"
            html = page.render_form("paired.html", note_url=note_url, **answer)
            return HttpAnswer(HTTPStatus.OK, html, HTML, cookie)
        return as_json({"ok": True, **answer}, cookie)

    def _pair(self, environ: WSGIEnvironment, sent: Sent) -> tuple[phone_list.Phone, str]:
        code, address = sent.word("code"), environ.get("REMOTE_ADDR", "")
        if not code.strip():
            raise BadRequestError(HTTPStatus.BAD_REQUEST, f"the code is missing; {NEW_CODE}")
        try:
            with self._guessing:  # or many at once would all be let guess before one is counted
                wait = self._backoff.wait_for(address)
                if wait:
                    raise wait_answer(wait, "too many wrong codes; try again later")
                is_right = codes.use_code(code)
                if not is_right:
                    self._backoff.failed(address)
            if is_right:
                self._backoff.succeeded(address)
                return phone_list.pair_phone(sent.word("name"))
        except MemsyncError as error:
            raise out_of_order(f"the phone is not paired: {error.message}") from None
        raise BadRequestError(
            HTTPStatus.UNAUTHORIZED,
            f"the code is wrong, used, or older than ten minutes; {NEW_CODE}",
        )
