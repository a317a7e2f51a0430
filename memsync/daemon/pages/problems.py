"""Pages that say what went wrong and what to do; none loses what the person wrote.

Whatever fails, the answer looks like the other pages, shows no internals, and hands back the text
of the form. A request to the API gets the problem as JSON.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from flask import Flask, Response, jsonify, make_response, render_template, request
from werkzeug.exceptions import HTTPException

from memsync.daemon.http.limits import API
from memsync.daemon.http.login import ExpiredError, LoggedOutError, NotKeptError
from memsync.errors import MemsyncError, WrongUsageError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Problem:
    """What a page says: what happened, what to do, and which forms to offer."""

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
    "Nothing was changed. Go back to the memory and try again.",
)
LOGGED_OUT = Problem(
    "You are logged out",
    "The session ended before this was sent; nothing was changed.",
    "Log in again, then paste your text where it belongs.",
    offers_login=True,
)
NOT_KEPT = Problem(
    "Logged out, but not for good",
    "The session has ended, but the disk refused to keep that: a restart would open it again.",
    "Free some space on the machine that runs memsync, then log in and out again.",
    offers_login=True,
)
FAILED = Problem(
    "Something went wrong",
    "memsync could not answer this. It is not your fault.",
    "The log says more: memsync daemon logs",
)
UNREACHABLE = Problem(
    "The folder cannot be reached",
    "A file of the memory could not be read or written.",
    "Check that the sync client is running and the folder is mounted, then try again.",
    offers_note=True,
)
BY_KIND = {ExpiredError: EXPIRED, LoggedOutError: LOGGED_OUT, NotKeptError: NOT_KEPT}
BY_STATUS = {
    404: Problem("There is no such page", "Nothing has this address."),
    400: Problem("This request is not valid", "It could not be read; nothing was changed."),
    405: Problem("Not this way", "This address belongs to a form and cannot be opened."),
    413: Problem(
        "Too long",
        "That was more than 1 MiB, or than 8 KiB without a login; nothing was changed.",
        "Go back in your browser and shorten it, or use memsync edit on the machine itself.",
    ),
}


def answer_failures(app: Flask) -> None:
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
    for kind, problem in BY_KIND.items():
        if isinstance(error, kind):
            return problem_page(status, problem)
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
    return problem_page(503, Problem("The memory is not available", text, advice, offers_note=True))


def _unreachable(error: OSError) -> Response:
    log.error("a page failed: %s", error)
    return problem_page(503, UNREACHABLE)


def _unforeseen(error: Exception) -> Response:
    log.error("a page failed", exc_info=error)
    return problem_page(500, FAILED)


def _written() -> str:
    """Return the text that was sent, if it can be read."""
    try:
        return request.form.get("text", "")
    except HTTPException:
        return ""


def _sentence(message: str) -> str:
    return f"{message[:1].upper()}{message[1:].rstrip('.')}."
