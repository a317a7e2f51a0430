"""What a request to the note port holds: a note's text, or the reason why it is refused."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus
from io import BytesIO
from wsgiref.types import WSGIEnvironment

from werkzeug.formparser import parse_form_data

MAX_BODY = 64 * 1024


@dataclass
class RefusedError(Exception):
    """An answer other than 200, with what the sender should know."""

    status: HTTPStatus
    message: str
    headers: tuple[tuple[str, str], ...] = ()


def body_of(environ: WSGIEnvironment) -> bytes:
    """Return the body of a request.

    Raises:
        RefusedError: it is too long, or shorter than its head says.
    """
    try:
        length = int(environ.get("CONTENT_LENGTH") or 0)
    except ValueError:
        raise RefusedError(HTTPStatus.BAD_REQUEST, "Content-Length is no number") from None
    if length > MAX_BODY:
        raise RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a note may have {MAX_BODY} bytes")
    data = bytes(environ["wsgi.input"].read(length)) if length > 0 else b""
    if len(data) < length:
        raise RefusedError(HTTPStatus.BAD_REQUEST, "the body is shorter than its Content-Length")
    return data


def text_in(body: bytes, environ: WSGIEnvironment, *, forms: bool) -> str:
    """Return the note in a request's body.

    JSON always; with a token also forms and plain text, which phones send. Without one, those
    are refused: they are what a foreign page can send without asking.

    Raises:
        RefusedError: there is no such text.
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
    raise RefusedError(HTTPStatus.BAD_REQUEST, 'the body must be JSON: {"text": "…"}')


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
        raise RefusedError(HTTPStatus.BAD_REQUEST, "the note is not UTF-8 text") from None


def _checked(text: object) -> str:
    if not isinstance(text, str):
        raise RefusedError(HTTPStatus.BAD_REQUEST, 'there is no "text" in the note')
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise RefusedError(HTTPStatus.BAD_REQUEST, "the note is not valid Unicode") from None
    return text
