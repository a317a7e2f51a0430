"""The body of a request to the note port: the text of a note, or why it is refused."""

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
    """A request that is not answered with 200, and what the sender should know."""

    status: HTTPStatus
    message: str
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Form:
    """What the page's form sends: the note, the token a person typed, the key of a retry."""

    text: str | None = None
    token: str = ""
    key: str = ""


def kind_of(environ: WSGIEnvironment) -> str:
    """Return the content type of a request, such as ``text/plain``."""
    return str(environ.get("CONTENT_TYPE", "")).partition(";")[0].strip().lower()


def body_of(environ: WSGIEnvironment) -> bytes:
    """Return the body of a request.

    Raises:
        BadRequestError: it is too long, or shorter than its header says.
    """
    try:
        length = int(environ.get("CONTENT_LENGTH") or 0)
    except ValueError:
        raise BadRequestError(HTTPStatus.BAD_REQUEST, "Content-Length is not a number") from None
    if length > MAX_BODY:
        raise BadRequestError(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a note may have at most {MAX_BODY} bytes"
        )
    data = bytes(environ["wsgi.input"].read(length)) if length > 0 else b""
    if len(data) < length:
        raise BadRequestError(HTTPStatus.BAD_REQUEST, "the body is shorter than its Content-Length")
    return data


def form_of(body: bytes, environ: WSGIEnvironment) -> Form:
    """Return the form in a request's body; an empty one if there is none.

    Raises:
        BadRequestError: it has too many parts, or its text is a file that is not UTF-8.
    """
    if kind_of(environ) not in FORMS or _as_table(body) is not None:
        return Form()
    again = {**environ, "wsgi.input": BytesIO(body)}
    try:
        _, form, files = parse_form_data(
            again, _in_memory, max_form_memory_size=MAX_BODY, max_form_parts=100
        )
    except RequestEntityTooLarge:
        raise BadRequestError(HTTPStatus.BAD_REQUEST, "a form may have at most 100 parts") from None
    text = form.get("text")
    if text is None and "text" in files:
        text = _decode(files["text"].read())
    return Form(text, form.get("token", ""), form.get("key", ""))


def _in_memory(*_: object, **__: object) -> BytesIO:
    """Return a place for a file of a form: no body is long enough for a temp file."""
    return BytesIO()


def text_in(body: bytes, environ: WSGIEnvironment, form: Form, *, forms: bool) -> str:
    """Return the note in a request's body.

    JSON is always taken; forms and plain text, which phones send, only if `forms` is true: any
    page of the web can make a browser send those.

    Raises:
        BadRequestError: there is no such text.
    """
    table = _as_table(body)
    if table is not None:
        return _require_text(table.get("text"))
    if forms and kind_of(environ) == "text/plain":
        return _require_text(_decode(body))
    if forms and kind_of(environ) in FORMS:
        return _require_text(form.text)
    raise BadRequestError(HTTPStatus.BAD_REQUEST, 'the body must be JSON: {"text": "…"}')


def _as_table(body: bytes) -> Mapping[str, object] | None:
    try:
        table = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return table if isinstance(table, dict) else None


def _decode(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise BadRequestError(HTTPStatus.BAD_REQUEST, "the note is not UTF-8 text") from None


def _require_text(text: object) -> str:
    if not isinstance(text, str):
        raise BadRequestError(HTTPStatus.BAD_REQUEST, 'there is no "text" in the note')
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise BadRequestError(HTTPStatus.BAD_REQUEST, "the note is not valid Unicode") from None
    return text
