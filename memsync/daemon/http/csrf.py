"""The proof in every form that one of our pages made it: the session's secret, masked.

The mask is another one in each answer, so the length of a compressed page tells nothing about the
secret (BREACH), however many pages are asked for.
"""

from __future__ import annotations

import base64
import binascii
import secrets

from flask import session

from memsync.daemon.http.guard import same_secret

BYTES = 32


def new_token() -> str:
    """Return what a form of this session carries; another one each time, all of them good."""
    if "csrf_token" not in session:
        session["csrf_token"] = secrets.token_urlsafe(BYTES)
    secret = str(session["csrf_token"]).encode()
    mask = secrets.token_bytes(len(secret))
    return base64.urlsafe_b64encode(mask + _both(mask, secret)).decode()


def is_valid(given: str) -> bool:
    """Tell whether `given` is a token of this session."""
    wanted = str(session.get("csrf_token", ""))
    try:
        raw = base64.b64decode(given.encode("ascii"), altchars=b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error):
        return False
    half, rest = divmod(len(raw), 2)
    shown = _both(raw[:half], raw[half : 2 * half]).decode("latin-1")
    return bool(wanted) and not rest and same_secret(shown, wanted)


def _both(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))
