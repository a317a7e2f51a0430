"""How much of a request is taken, judged by its head before anything of its body is read."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from io import BytesIO
from typing import IO, Any
from wsgiref.types import WSGIEnvironment

from flask import Request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import FormDataParser

from memsync.daemon.http.guard import SAFE_METHODS, Guard, Rejection

MEMORY = 1024 * 1024
"""The bytes of a form that holds the memory; only somebody who is logged in may send so many.

Every form of theirs may: what is too long for a note comes back to its writer."""

NOTE = 64 * 1024
STRANGER = 8 * 1024
"""The bytes of anything that comes before a login: a password, a pairing, a few words."""

FIELDS = 100
"""The fields of a form."""

API = "/api/"


@dataclass(frozen=True)
class BodyLimit:
    """How many bytes a body may have, and what is said of a longer one."""

    size: int
    refusal: Rejection


Judge = Callable[[WSGIEnvironment], Rejection | BodyLimit]
"""Judges the head of a request, which is an environment without a body."""


def _page(size: int, text: str) -> BodyLimit:
    return BodyLimit(size, Rejection(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"{text}\n"))


def _json(size: int, text: str) -> BodyLimit:
    said = json.dumps({"error": text})
    return BodyLimit(
        size, Rejection(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, said, kind="application/json")
    )


_READING = _page(0, "An address that is read takes no body.")
_MEMORY = _page(
    MEMORY,
    "Too long: a form may carry 1 MiB. Nothing was changed.\n"
    "Go back in your browser and shorten it, or use memsync edit on the machine itself.",
)
_LOGIN = _page(
    STRANGER,
    "You are not logged in, so at most 8 KiB are read. Nothing was changed.\n"
    "Go back in your browser, log in in another tab, then send it again.",
)
_API = _json(MEMORY, f"a request may have at most {MEMORY} bytes")
_API_LOGIN = _json(STRANGER, f"without a login, a request may have at most {STRANGER} bytes")
_NOTE = _json(NOTE, f"a note may have at most {NOTE} bytes")
_OTHER = _json(STRANGER, f"a request may have at most {STRANGER} bytes")


def note_limit(method: str, path: str) -> BodyLimit:
    """Return the limit of a body on the note port."""
    if path == "/note":
        return _NOTE  # by any method: a wrong one is told which is right
    return _READING if method in SAFE_METHODS else _OTHER


def page_limit(method: str, path: str, *, is_in: bool) -> BodyLimit:
    """Return the limit of a body on the web port; `is_in` says if its sender is logged in."""
    if method in SAFE_METHODS:
        return _READING
    if path.startswith(API):
        return _API if is_in else _API_LOGIN
    return _MEMORY if is_in else _LOGIN


def judge_notes(guard: Guard) -> Judge:
    """Return who judges the heads on the note port."""

    def judge(head: WSGIEnvironment) -> Rejection | BodyLimit:
        return guard.judge(head) or note_limit(head["REQUEST_METHOD"], head["PATH_INFO"])

    return judge


def judge_pages(guard: Guard, lets_in: Callable[[str], bool]) -> Judge:
    """Return who judges the heads on the web port.

    Args:
        guard: judges client, host and origin.
        lets_in: may whoever sends these cookies, the value of the header, see the pages?
    """

    def judge(head: WSGIEnvironment) -> Rejection | BodyLimit:
        method, path = head["REQUEST_METHOD"], head["PATH_INFO"]
        refusal = guard.judge(head)
        if refusal is not None:
            return refusal
        is_in = method not in SAFE_METHODS and lets_in(head.get("HTTP_COOKIE", ""))
        return page_limit(method, path, is_in=is_in)

    return judge


class _FewFields(FormDataParser):
    """Takes a form apart if it has few fields: a field costs far more memory than its bytes."""

    def parse(
        self,
        stream: IO[bytes],
        mimetype: str,
        content_length: int | None,
        options: dict[str, str] | None = None,
    ) -> Any:  # noqa: ANN401 - as werkzeug's own
        """Take a form apart.

        Raises:
            RequestEntityTooLarge: it has more than `FIELDS` fields.
        """
        if mimetype == "application/x-www-form-urlencoded":
            data = stream.read()
            if data.count(b"&") >= FIELDS:
                raise RequestEntityTooLarge
            stream = BytesIO(data)
        return super().parse(stream, mimetype, content_length, options)


class PageRequest(Request):
    """A request to the web port."""

    form_data_parser_class = _FewFields
