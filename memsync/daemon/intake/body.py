"""The body of a request to the note port: what a sender says, or why it cannot be read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs
from wsgiref.types import WSGIEnvironment

from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import parse_form_data

from memsync.daemon.intake.answer import BadRequestError

MAX_BODY = 64 * 1024
MAX_FIELDS = 100
FORMS = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})


@dataclass(frozen=True)
class Sent:
    """What a request carries: the fields of its JSON object or of its form, else plain bytes."""

    body: bytes
    kind: str
    table: Mapping[str, Any] | None = None
    form: Mapping[str, str] = field(default_factory=dict)
    is_shared: bool = False
    """Does the sender say that somebody else wrote the text?"""

    def word(self, name: str) -> str:
        """Return a field of the form or the JSON; an empty text if there is no such text."""
        found = (self.table or self.form).get(name, "")
        return found if isinstance(found, str) else ""

    def text(self, *, forms: bool) -> str:
        """Return the note.

        JSON is always taken; forms and plain text, which phones send, only if `forms` is true: any
        page of the web can make a browser send those.

        Raises:
            BadRequestError: there is no such text.
        """
        if self.table is not None:
            return _require_text(self.table.get("text"))
        if forms and self.kind == "text/plain":
            return _require_text(_decode(self.body))
        if forms and self.kind in FORMS:
            return _require_text(self.form.get("text"))
        raise BadRequestError(HTTPStatus.BAD_REQUEST, 'the body must be JSON: {"text": "…"}')


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


def sent_in(environ: WSGIEnvironment) -> Sent:
    """Return what a request carries in its body, and whether body or address say ``shared``.

    Raises:
        BadRequestError: the body is too long or too short; the form or the address has too many
            fields; the form's text is a file that is not UTF-8.
    """
    body, kind = body_of(environ), kind_of(environ)
    in_address = _is_shared(_address_fields(environ))
    table = _as_table(body)
    if table is not None:
        return Sent(body, kind, table, is_shared=in_address or _is_shared(table))
    if kind not in FORMS:
        return Sent(body, kind, is_shared=in_address)
    fields = _form_fields(body, environ)
    form = {name: values[0] for name, values in fields.items()}
    return Sent(body, kind, None, form, in_address or _is_shared(fields))


def _address_fields(environ: WSGIEnvironment) -> Mapping[str, list[str]]:
    query = environ.get("QUERY_STRING", "")
    if not query:
        return {}
    try:
        return parse_qs(query, keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:
        raise BadRequestError(
            HTTPStatus.BAD_REQUEST, f"an address may have at most {MAX_FIELDS} fields"
        ) from None


def _form_fields(body: bytes, environ: WSGIEnvironment) -> Mapping[str, list[str]]:
    again = {**environ, "wsgi.input": BytesIO(body)}
    try:
        _, form, files = parse_form_data(
            again, _in_memory, max_form_memory_size=MAX_BODY, max_form_parts=MAX_FIELDS
        )
    except RequestEntityTooLarge:
        raise BadRequestError(
            HTTPStatus.BAD_REQUEST, f"a form may have at most {MAX_FIELDS} parts"
        ) from None
    fields = {name: form.getlist(name) for name in form}
    if "text" not in fields and "text" in files:
        fields["text"] = [_decode(files["text"].read())]
    return fields


def _in_memory(*_: object, **__: object) -> BytesIO:
    """Return a place for a file of a form: no body is long enough for a temp file."""
    return BytesIO()


def _is_shared(fields: Mapping[str, Any]) -> bool:
    """Does a field ``shared`` say yes: anything but absent, false, 0 or empty?

    A phone's keyboard may begin the name with a capital; that must not make it another field.
    """
    given = [value for name, value in fields.items() if name.strip().lower() == "shared"]
    return any(_is_yes(value) for value in given)


def _is_yes(value: object) -> bool:
    if isinstance(value, list):
        return any(map(_is_yes, value))
    if isinstance(value, str):
        return value.strip().lower() not in {"", "0", "false"}
    return bool(value)


def _as_table(body: bytes) -> Mapping[str, Any] | None:
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
