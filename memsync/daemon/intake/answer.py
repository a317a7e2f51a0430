"""What the note port answers: JSON for programs, a page for a person, or a refusal with words."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

Headers = tuple[tuple[str, str], ...]

HTML = "text/html; charset=utf-8"


@dataclass(frozen=True)
class HttpAnswer:
    """An HTTP answer: status, body, content type, further headers."""

    status: HTTPStatus
    body: bytes
    kind: str = "application/json"
    headers: Headers = ()


@dataclass
class BadRequestError(Exception):
    """A request that is not answered with 200, and what the sender should know."""

    status: HTTPStatus
    message: str
    headers: Headers = ()


def as_json(said: dict[str, Any], headers: Headers = ()) -> HttpAnswer:
    """Return an answer of 200 with this JSON."""
    return HttpAnswer(HTTPStatus.OK, json.dumps(said).encode(), headers=headers)


def wait_answer(seconds: float, message: str) -> BadRequestError:
    """Return the refusal of a sender who has to wait for so many seconds."""
    later = (("Retry-After", str(int(seconds) + 1)),)
    return BadRequestError(HTTPStatus.TOO_MANY_REQUESTS, message, later)


def out_of_order(message: str) -> BadRequestError:
    """Return the refusal for trouble of this machine that may be over in a minute."""
    return BadRequestError(HTTPStatus.SERVICE_UNAVAILABLE, message, (("Retry-After", "60"),))
