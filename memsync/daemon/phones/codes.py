"""The one-time code that pairs a phone: good for ten minutes, for one use, and for five tries.

Its digest is kept in the local state, so that the page and the command can make it, the note port
can check it, and a restart changes nothing. Making a code ends the one before.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from memsync import clock
from memsync.config.state import state_folder
from memsync.config.state_file import StateFile
from memsync.daemon.http.guard import same_secret
from memsync.daemon.http.tokens import hash_token
from memsync.daemon.phones.phone_list import SPACE
from memsync.errors import refused
from memsync.files.locks import exclusive_lock

FILE = StateFile("pairing.json")
GOOD_FOR = timedelta(minutes=10)
TRIES = 5
LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""No 0 and O, no 1, I and L: a person may have to type the code."""

LENGTH = 8


@dataclass(frozen=True)
class _Code:
    """The code that is open: its digest, until when it is good, and how many tries are left."""

    digest: str
    until: datetime
    tries: int


def make_code() -> tuple[str, datetime]:
    """Make a code; return it as a person reads it, and until when it is good.

    Raises:
        MemsyncError: it cannot be written.
    """
    letters = "".join(secrets.choice(LETTERS) for _ in range(LENGTH))
    until = clock.now() + GOOD_FOR
    with _alone():
        _save(_Code(_digest(letters), until, TRIES))
    return f"{letters[:4]}-{letters[4:]}", until


def use_code(given: str) -> bool:
    """Is `given` the code that is open? It is used up then; a wrong one costs a try.

    The try is written down before anybody learns what it was worth.

    Raises:
        MemsyncError: that cannot be written; the code is then neither right nor wrong.
    """
    with _alone():
        code = FILE.load_if_readable(_parse_code, None)
        if code is None:
            return False
        is_right = same_secret(_digest(given), code.digest)
        left = 0 if is_right else code.tries - 1
        _save(_Code(code.digest, code.until, left) if left else None)
    return is_right


@contextmanager
def _alone() -> Iterator[None]:
    lock = exclusive_lock(state_folder() / "locks" / "pairing.lock", "the pairing of a phone")
    with lock, refused("the code that pairs a phone cannot be kept", SPACE):
        yield


def _save(code: _Code | None) -> None:
    FILE.save(asdict(code) | {"until": code.until.isoformat()} if code else {})


def _digest(text: str) -> str:
    """Return the digest of a code, however it was typed."""
    return hash_token(re.sub(r"[\s-]", "", text).upper())


def _parse_code(table: dict[str, Any]) -> _Code | None:
    """Return the code in the file; None if it is used up or too old, by a clock that may jump."""
    if not table:
        return None
    code = _Code(str(table["digest"]), datetime.fromisoformat(table["until"]), int(table["tries"]))
    left = code.until - clock.now()
    return code if timedelta() < left <= GOOD_FOR and code.tries > 0 else None
