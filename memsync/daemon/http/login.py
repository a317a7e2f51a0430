"""Who may see the pages: the password, the session cookie, and the CSRF check of every form.

The signed cookie holds a random id and the CSRF token; which ids are logged in is kept on this
machine (`sessions`).
"""

from __future__ import annotations

import logging
import math
import secrets
import threading
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from flask import Flask, make_response, redirect, render_template, request, session, url_for
from flask.sessions import SecureCookieSessionInterface
from itsdangerous import BadData
from werkzeug.exceptions import HTTPException
from werkzeug.http import parse_cookie
from werkzeug.wrappers import Response

from memsync.config import Config
from memsync.config.state import state_folder
from memsync.daemon.http import csrf, limits, passwords
from memsync.daemon.http.guard import SAFE_METHODS, Backoff
from memsync.daemon.http.limits import API
from memsync.daemon.http.sessions import DAYS, Sessions
from memsync.files.atomic import atomic_write, create_new

COOKIE = "memsync"
KEY_NAME = "web.key"
KEY_BYTES = 32
STAYS_LOGGED_IN = timedelta(days=DAYS)

OPEN_ENDPOINTS = frozenset({"login", "static", "manifest"})
CSRF_HEADER = "X-CSRF-Token"

log = logging.getLogger(__name__)


class ExpiredError(HTTPException):
    """A form came without a valid CSRF token: it is old, or another site made it."""

    code = 400


class LoggedOutError(HTTPException):
    """A form came after its session had ended."""

    code = 401


class NotKeptError(HTTPException):
    """Sessions have ended, but the disk refused to keep that: a restart would open them again."""

    code = 503


class Login:
    """The login of one application; `install` puts it in front of every page.

    Args:
        config: its ``web_ui_password`` is the password; if that is empty, no login is needed.
        backoff: makes clients wait after wrong passwords.
    """

    def __init__(self, config: Config, backoff: Backoff | None = None) -> None:
        self._password = config.daemon.web_ui_password
        self._sessions = Sessions(self._password)
        self._backoff = backoff or Backoff()
        self._guessing = threading.Lock()
        self._serializer: Any = None

    def install(self, app: Flask) -> None:
        """Set the session up and ask at every request."""
        app.secret_key = session_key()
        app.config.update(
            SESSION_COOKIE_NAME=COOKIE,
            SESSION_COOKIE_HTTPONLY=True,
            SESSION_COOKIE_SAMESITE="Strict",
            SESSION_COOKIE_SECURE=False,  # the page is plain http on the home network
            PERMANENT_SESSION_LIFETIME=STAYS_LOGGED_IN,
        )
        self._serializer = SecureCookieSessionInterface().get_signing_serializer(app)
        app.before_request(self._ask)
        app.add_url_rule("/login", "login", self._login, methods=["GET", "POST"])
        app.add_url_rule("/logout", "logout", self._logout, methods=["POST"])
        app.add_url_rule(
            "/logout/everywhere", "logout_everywhere", self._logout_everywhere, methods=["POST"]
        )
        app.context_processor(self._for_templates)

    def is_in(self) -> bool:
        """May this request's session see the pages?"""
        return not self._password or self._sessions.is_open(_session_id(session))

    def lets_in(self, cookies: str) -> bool:
        """May whoever sends these cookies see the pages? `cookies` is the value of the header."""
        if not self._password:
            return True
        signed = parse_cookie(cookies).get(COOKIE, "")
        try:
            return self._sessions.is_open(_session_id(self._serializer.loads(signed)))
        except BadData:
            return False

    def _ask(self) -> Response | None:
        is_in = self.is_in()
        limit = limits.page_limit(request.method, request.path, is_in=is_in)
        request.max_content_length = limit.size
        if request.endpoint not in OPEN_ENDPOINTS and not is_in:
            if request.path.startswith(API):
                raise LoggedOutError
            if request.method not in SAFE_METHODS and request.form.get("text", "").strip():
                raise LoggedOutError  # its page hands the text back
            return _see("login")
        if request.method not in SAFE_METHODS and request.routing_exception is None:
            _check_csrf_token()
        return None

    def _login(self) -> Response:
        if self.is_in():
            return _see("memory.index")
        if request.method != "POST":
            return _login_page(200)
        address = request.remote_addr or ""
        wait = self._backoff.wait_for(address)
        if not wait:
            with self._guessing:  # or many at once would all be let guess before one is counted
                wait = self._backoff.wait_for(address)
                if not wait and not self._is_let_in(address):
                    return _login_page(401)
        if wait:
            return _login_page(429, wait=math.ceil(wait))
        session.clear()
        session["id"] = self._sessions.begin()
        session.permanent = True
        return _see("memory.index")

    def _is_let_in(self, address: str) -> bool:
        if passwords.is_right_password(request.form.get("password", ""), self._password):
            self._backoff.succeeded(address)
            return True
        self._backoff.failed(address)
        return False

    def _logout(self) -> Response:
        return self._leave(lambda: self._sessions.end(_session_id(session)))

    def _logout_everywhere(self) -> Response:
        return self._leave(self._sessions.end_all)

    def _leave(self, end: Callable[[], None]) -> Response:
        try:
            end()
        except OSError as error:
            log.error("the end of a session cannot be saved: %s", error)  # noqa: TRY400
            raise NotKeptError from error
        finally:
            session.clear()
        return _see("login" if self._password else "memory.index")

    def _for_templates(self) -> dict[str, object]:
        return {
            "csrf_token": csrf.session_token,
            "is_in": self.is_in(),
            "has_password": bool(self._password),
        }


def session_key() -> bytes:
    """Return the key that signs this machine's sessions; make one if it is missing or damaged."""
    path = state_folder() / KEY_NAME
    fresh = secrets.token_bytes(KEY_BYTES)
    if create_new(path, fresh):
        return fresh
    key = path.read_bytes()
    if len(key) == KEY_BYTES:
        return key
    atomic_write(path, fresh, 0o600)
    return fresh


def _session_id(kept: Mapping[str, object]) -> str:
    return str(kept.get("id", ""))


def _check_csrf_token() -> None:
    if request.path.startswith(API):
        # The guard has refused every Origin but our own; a browser that sends none is not ours.
        given = request.headers.get(CSRF_HEADER, "")
        is_proven = "Origin" in request.headers
    else:
        given, is_proven = request.form.get("csrf_token", ""), False
    if not is_proven and not csrf.is_valid(given):
        raise ExpiredError


def _login_page(status: int, wait: int = 0) -> Response:
    response = make_response(render_template("login.html", status=status, wait=wait), status)
    if wait:
        response.headers["Retry-After"] = str(wait)
    return response


def _see(endpoint: str) -> Response:
    return redirect(url_for(endpoint), code=303)
