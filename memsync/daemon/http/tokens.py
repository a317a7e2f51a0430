"""The token of the note port: plain in the config, or as a hash if it need not be shown.

A token is long and random, so one SHA-256 hides it; a slow hash would cost each note a tenth of a
second and help only short ones.
"""

from __future__ import annotations

import hashlib
import re

from memsync.daemon.http.guard import same_secret

PREFIX = "sha256:"
_HASH = re.compile(rf"{PREFIX}[0-9a-fA-F]{{64}}", re.ASCII)


def is_token_hash(stored: str) -> bool:
    """Is the value in the config a hash, not a token?"""
    return _HASH.fullmatch(stored) is not None


def hash_token(token: str) -> str:
    """Return the hash of a token, as the config may have it."""
    return PREFIX + hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


class Token:
    """The token a note must bring; only its hash is kept in memory.

    Args:
        stored: the token or its hash; empty where none is asked for.
    """

    def __init__(self, stored: str) -> None:
        self._hash = stored.lower() if is_token_hash(stored) else stored and hash_token(stored)

    def __bool__(self) -> bool:
        """Is a token required?"""
        return bool(self._hash)

    def is_right(self, given: str) -> bool:
        """Is `given` the token? The time this takes does not depend on how much of it agrees."""
        return same_secret(hash_token(given), self._hash)
