"""The proof in every form that one of our pages made it: the session's CSRF token."""

from __future__ import annotations

import secrets

from flask import session

from memsync.daemon.http.guard import same_secret

BYTES = 32


def session_token() -> str:
    """Return the token of this session; a session without one gets it now."""
    if "csrf_token" not in session:
        session["csrf_token"] = secrets.token_urlsafe(BYTES)
    return str(session["csrf_token"])


def is_valid(given: str) -> bool:
    """Is `given` the token of this session? Compared in constant time."""
    wanted = str(session.get("csrf_token", ""))
    return bool(wanted) and same_secret(given, wanted)
