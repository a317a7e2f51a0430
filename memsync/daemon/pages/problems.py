"""Every page that says that something went wrong, and what to do; none loses what was written.

Whatever fails, the answer looks like the other pages, names no inner detail, and hands back the
text of the form it answers. What asked the API gets it as JSON.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from flask import Flask, Response, jsonify, make_response, render_template, request
from werkzeug.exceptions import HTTPException

from memsync.daemon.http.login import API, ExpiredError, LoggedOutError
from memsync.errors import MemsyncError, WrongUsageError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Problem:
    """What a page says: what happened, what to do, and what it offers besides."""

    title: str
    text: str
    advice: str = ""
    offers_note: bool = False
    offers_login: bool = False


TOO_LONG_TO_EDIT = Problem(
    "Too long for this page",
    "The memory is longer than the 1 MiB a form may carry.",
    "Edit it on the machine itself: memsync edit",
)
EXPIRED = Problem(
    "This form is too old",
    "The page you sent it from belongs to a session that has ended, or cookies are off.",
    "Go back to the memory and do it again; nothing was changed.",
)
LOGGED_OUT = Problem(
    "You are logged out",
    "The session ended before this was sent; nothing was changed.",
    "Log in again, then put your text back where it belongs.",
    offers_login=True,
)
FAILED = Problem(
    "Something went wrong",
    "memsync could not answer this. It is not your doing.",
    "The log says more: memsync daemon logs",
)
UNREACHABLE = Problem(
    "The folder cannot be reached",
    "A file of the memory could not be read or written just now.",
    "Check that the sync client runs and the folder is mounted, then try again.",
    offers_note=True,
)
BY_STATUS = {
    404: Problem("There is no such page", "The address leads nowhere."),
    400: Problem("That cannot be read", "The request is malformed; nothing was changed."),
    405: Problem("Not this way", "This address is not opened like that; it belongs to a form."),
    413: Problem(
        "Too long",
        "That was more than 1 MiB, so it was not read; nothing was changed.",
        "Go back in your browser and shorten it, or use memsync edit on the machine itself.",
    ),
}


def install(app: Flask) -> None:
    """Answer every failure of `app` with a page."""
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(MemsyncError, _ours)
    app.register_error_handler(OSError, _unreachable)
    app.register_error_handler(Exception, _unforeseen)


def problem_page(status: int, problem: Problem) -> Response:
    """Return the page for a problem, with the text of the form it answers."""
    if request.path.startswith(API):
        return _as_json(status, problem)
    is_note = problem.offers_note and request.path == "/notes"
    body = render_template(
        "problem.html",
        problem=problem,
        kept="" if is_note else _written(),
        note=_written() if is_note else "",
    )
    return make_response(body, status)


def _as_json(status: int, problem: Problem) -> Response:
    table = {"error": problem.text} | ({"hint": problem.advice} if problem.advice else {})
    return make_response(jsonify(table), status)


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    if isinstance(error, ExpiredError):
        return problem_page(status, EXPIRED)
    if isinstance(error, LoggedOutError):
        return problem_page(status, LOGGED_OUT)
    answer = problem_page(status, BY_STATUS.get(status, FAILED))
    for name, value in error.get_headers():
        if name == "Allow":
            answer.headers[name] = value
    return answer


def _ours(error: MemsyncError) -> Response:
    if isinstance(error, WrongUsageError):
        return problem_page(
            400, Problem("That cannot be done", _sentence(error.message), error.hint)
        )
    text, advice = _sentence(error.message), error.hint
    return problem_page(503, Problem("The memory is not at hand", text, advice, offers_note=True))


def _unreachable(error: OSError) -> Response:
    log.error("a page failed: %s", error)
    return problem_page(503, UNREACHABLE)


def _unforeseen(error: Exception) -> Response:
    log.error("a page failed", exc_info=error)
    return problem_page(500, FAILED)


def _written() -> str:
    """Return the text a person sent, where it could be read."""
    try:
        return request.form.get("text", "")
    except HTTPException:
        return ""


def _sentence(message: str) -> str:
    return f"{message[:1].upper()}{message[1:].rstrip('.')}."
