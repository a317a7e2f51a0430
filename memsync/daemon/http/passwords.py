"""The page's password: kept as a scrypt hash, so that the config file does not give it away.

One a person wrote in plain is good as it is, until the next start of the daemon hashes it.
"""

from __future__ import annotations

import re
import threading

from werkzeug.security import check_password_hash, generate_password_hash

from memsync.daemon.http.guard import same_secret

# N, r and p as large as werkzeug makes them, no larger: a check must not eat the machine.
_HASH = re.compile(r"scrypt:32768:8:1\$[A-Za-z0-9]{8,64}\$[0-9a-f]{128}", re.ASCII)
_one_at_a_time = threading.Lock()
"""A check takes 32 MB and a tenth of a second; many guessers at once must not add up."""


def is_password_hash(stored: str) -> bool:
    """Is the value in the config a hash, not a password?"""
    return _HASH.fullmatch(stored) is not None


def hash_password(password: str) -> str:
    """Return the hash of a password, salted: another one each time."""
    with _one_at_a_time:
        return generate_password_hash(password, "scrypt:32768:8:1")


def is_right_password(given: str, stored: str) -> bool:
    """Is `given` the password that is `stored`, hashed or in plain?"""
    if not is_password_hash(stored):
        return same_secret(given, stored)
    with _one_at_a_time:
        try:
            return check_password_hash(stored, given)
        except UnicodeEncodeError:  # half a character; no password has one
            return False
