"""What a request to the note port holds: a note's text, or the reason why it is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from io import BytesIO
from wsgiref.types import WSGIEnvironment

from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import parse_form_data

MAX_BODY = 64 * 1024
FORMS = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})


@dataclass
class BadRequestError(Exception):
    """An answer other than 200, with what the sender should know."""

    status: HTTPStatus
    message: str
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Form:
    """What the page's form sends: the note, the token somebody typed in, the key of a retry."""

    text: str | None = None
    token: str = ""
    key: str = ""


def kind_of(environ: WSGIEnvironment) -> str:
    """Return what a request says its body is, such as ``text/plain``."""
    return str(environ.get("CONTENT_TYPE", "")).partition(";")[0].strip().lower()


def body_of(environ: WSGIEnvironment) -> bytes:
    """Return the body of a request.

    Raises:
        RefusedError: it is too long, or shorter than its head says.
    """
    try:
        length = int(environ.get("CONTENT_LENGTH") or 0)
    except ValueError:
        raise BadRequestError(HTTPStatus.BAD_REQUEST, "Content-Length is no number") from None
    if length > MAX_BODY:
        raise BadRequestError(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a note may have {MAX_BODY} bytes"
        )
    data = bytes(environ["wsgi.input"].read(length)) if length > 0 else b""
    if len(data) < length:
        raise BadRequestError(HTTPStatus.BAD_REQUEST, "the body is shorter than its Content-Length")
    return data


def form_of(body: bytes, environ: WSGIEnvironment) -> Form:
    """Return the form in a request's body, empty where there is none.

    Raises:
        RefusedError: it has too many parts, or its text is a file that is no UTF-8.
    """
    if kind_of(environ) not in FORMS or _as_table(body) is not None:
        return Form()
    again = {**environ, "wsgi.input": BytesIO(body)}
    try:
        _, form, files = parse_form_data(
            again, _in_memory, max_form_memory_size=MAX_BODY, max_form_parts=100
        )
    except RequestEntityTooLarge:
        raise BadRequestError(HTTPStatus.BAD_REQUEST, "a form may have 100 parts") from None
    text = form.get("text")
    if text is None and "text" in files:
        text = _decoded(files["text"].read())
    return Form(text, form.get("token", ""), form.get("key", ""))


def _in_memory(*_: object, **__: object) -> BytesIO:
    """Return where a file of a form goes: no body is long enough for a temp file."""
    return BytesIO()


def text_in(body: bytes, environ: WSGIEnvironment, form: Form, *, forms: bool) -> str:
    """Return the note in a request's body.

    JSON always; forms and plain text, which phones send, where `forms` says so. Elsewhere they
    are refused: they are what a foreign page can send without asking.

    Raises:
        RefusedError: there is no such text.
    """
    table = _as_table(body)
    if table is not None:
        return _checked(table.get("text"))
    if forms and kind_of(environ) == "text/plain":
        return _checked(_decoded(body))
    if forms and kind_of(environ) in FORMS:
        return _checked(form.text)
    raise BadRequestError(HTTPStatus.BAD_REQUEST, 'the body must be JSON: {"text": "…"}')


def _as_table(body: bytes) -> Mapping[str, object] | None:
    try:
        table = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return table if isinstance(table, dict) else None


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise BadRequestError(HTTPStatus.BAD_REQUEST, "the note is not UTF-8 text") from None


def _checked(text: object) -> str:
    if not isinstance(text, str):
        raise BadRequestError(HTTPStatus.BAD_REQUEST, 'there is no "text" in the note')
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise BadRequestError(HTTPStatus.BAD_REQUEST, "the note is not valid Unicode") from None
    return text
