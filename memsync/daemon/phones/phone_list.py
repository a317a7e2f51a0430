"""The phones that may send notes: each has a name and a token of its own, which can be revoked.

Only the digest of a token is kept. Once the file of the phones is there, the note port wants a
right token from everybody: a port that a phone was paired with never becomes an open one again
because its last phone was revoked. A file that cannot be read lets nobody in.
"""

from __future__ import annotations

import os
import re
import secrets
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from memsync import clock
from memsync.config.state import state_folder
from memsync.config.state_file import StateFile
from memsync.daemon.http.guard import same_secret
from memsync.daemon.http.tokens import hash_token, is_token_hash
from memsync.errors import MemsyncError, WrongUsageError, refused
from memsync.files.locks import exclusive_lock
from memsync.text.mark import NAME

FILE = StateFile("phones.json", indent=1)
SPACE = "free some space on this machine's disk, or check the permissions of its state folder"
UNREADABLE = "the list of paired phones cannot be read"
TOKEN_BYTES = 24
LONGEST_NAME = 30
"""Characters that a name may have in the mark of a note."""
USE_NOTED_EVERY = timedelta(hours=1)


@dataclass(frozen=True)
class Phone:
    """A paired phone: its name, the digest of its token, and when it was paired and last used.

    `last_use` is written once an hour, so that a note costs no write; None before the first use.
    """

    name: str
    token_hash: str
    paired: datetime
    last_use: datetime | None = None


@dataclass(frozen=True)
class Phones:
    """What the file says: the paired phones, and whether the token they share is retired."""

    paired: tuple[Phone, ...] = ()
    shared_retired: bool = False
    is_decided: bool = False
    """Was ever a phone paired or the shared token retired, so that no note comes without one?"""

    def find(self, token: str) -> Phone | None:
        """Return the phone whose token this is. The time does not depend on how much agrees."""
        given = hash_token(token)
        found = [one for one in self.paired if same_secret(given, one.token_hash)]
        return found[0] if found else None

    def named(self, name: str) -> Phone:
        """Return the phone called `name`.

        Raises:
            WrongUsageError: there is none.
        """
        found = next((one for one in self.paired if one.name == name), None)
        if found is None:
            names = ", ".join(one.name for one in self.paired)
            raise WrongUsageError(
                f"no phone is called {name!r}",
                hint=f"one of {names}" if names else "pair one first",
            )
        return found


NOBODY_PAIRED = Phones()


class PhoneList:
    """The phones as the file has them now: it is read again when it changed. Any thread may ask."""

    def __init__(self) -> None:
        self._path = FILE.path
        self._read: tuple[tuple[int, ...], Phones] | None = None
        self._noted: dict[str, datetime] = {}

    def current(self) -> Phones:
        """Return the phones.

        A file that vanishes under a running daemon changes nothing: nobody revokes in that way.

        Raises:
            MemsyncError: the file cannot be read, or is damaged.
        """
        known = self._read
        try:
            seen = _identity(self._path.stat())
        except FileNotFoundError:
            return known[1] if known else NOBODY_PAIRED
        except OSError as error:
            raise MemsyncError(UNREADABLE, SPACE) from error
        if known is None or known[0] != seen:
            known = self._read = seen, read_phones()
        return known[1]

    def note_use(self, phone: Phone) -> None:
        """Write down that a phone was used, if that was not done within the last hour.

        Raises:
            MemsyncError: it cannot be written; it is not tried again within the hour.
        """
        now = clock.now()
        noted = self._noted.get(phone.name) or phone.last_use
        if noted is not None and abs(now - noted) < USE_NOTED_EVERY:
            return
        self._noted[phone.name] = now
        _change(lambda phones: _with_use(phones, phone, now), timeout=0)


def read_phones() -> Phones:
    """Return what the file says.

    Raises:
        MemsyncError: it cannot be read, or is damaged.
    """
    with refused(UNREADABLE, SPACE):
        is_there = FILE.path.exists()
        found = FILE.load_if_readable(_parse, None)
    if found is None and is_there:
        raise MemsyncError(
            "the list of paired phones is damaged, so nobody may send notes",
            hint=f"remove {FILE.path}, restart the daemon, then pair the phones again",
        )
    return found or NOBODY_PAIRED


def pair_phone(wanted: str) -> tuple[Phone, str]:
    """Pair a phone under a name like `wanted`; return it and its token, which is not kept.

    Raises:
        MemsyncError: the file cannot be read or written; no phone was paired.
    """
    token = secrets.token_urlsafe(TOKEN_BYTES)
    now = clock.now()

    def add(phones: Phones) -> Phones:
        name = name_for_phone(wanted, {one.name for one in phones.paired})
        return replace(phones, paired=(*phones.paired, Phone(name, hash_token(token), now)))

    return _change(add).paired[-1], token


def revoke_phone(name: str) -> None:
    """Take a phone's token back: the running daemon refuses it from now on.

    Raises:
        WrongUsageError: there is no such phone.
        MemsyncError: the file cannot be read or written; the phone stays paired.
    """

    def drop(phones: Phones) -> Phones:
        gone = phones.named(name)
        return replace(phones, paired=tuple(one for one in phones.paired if one != gone))

    _change(drop)


def retire_shared(*, retired: bool) -> None:
    """Refuse the token that all share, whatever it is, or let it in again.

    Raises:
        MemsyncError: the file cannot be read or written; nothing changed.
    """
    _change(lambda phones: replace(phones, shared_retired=retired))


def name_for_phone(wanted: str, taken: set[str]) -> str:
    """Return a name as a mark may have it, with a number where others have it already."""
    plain = unicodedata.normalize("NFKD", wanted).encode("ascii", "ignore").decode().lower()
    plain = re.sub(r"[^a-z0-9]+", "-", plain.replace("'", "")).strip("-") or "phone"
    name = plain[:LONGEST_NAME].rstrip("-")
    number = 1
    while name in taken:
        number += 1
        tail = f"-{number}"
        name = plain[: LONGEST_NAME - len(tail)].rstrip("-") + tail
    return name


def _change(change: Callable[[Phones], Phones], timeout: float = 30) -> Phones:
    lock = state_folder() / "locks" / "phones.lock"
    with exclusive_lock(lock, "the paired phones", timeout):
        changed = replace(change(read_phones()), is_decided=True)
        with refused("the list of paired phones cannot be written", SPACE):
            FILE.save(_render(changed))
    return changed


def _with_use(phones: Phones, used: Phone, moment: datetime) -> Phones:
    paired = (
        replace(one, last_use=moment) if one.name == used.name else one for one in phones.paired
    )
    return replace(phones, paired=tuple(paired))


def _render(phones: Phones) -> dict[str, Any]:
    paired = [
        {
            "name": one.name,
            "token": one.token_hash,
            "paired": one.paired.isoformat(),
            "last_use": one.last_use.isoformat() if one.last_use else None,
        }
        for one in phones.paired
    ]
    return {"phones": paired, "shared_retired": phones.shared_retired}


def _parse(table: dict[str, Any]) -> Phones:
    """Return what the file holds.

    Raises:
        ValueError: a token is no digest, or a name is none for a mark.
    """
    phones = tuple(map(_parse_phone, table["phones"]))
    return Phones(phones, bool(table["shared_retired"]), is_decided=True)


def _parse_phone(table: dict[str, Any]) -> Phone:
    if not NAME.fullmatch(table["name"]) or not is_token_hash(table["token"]):
        raise ValueError
    used = table["last_use"]
    return Phone(
        table["name"],
        table["token"],
        datetime.fromisoformat(table["paired"]),
        datetime.fromisoformat(used) if used else None,
    )


def _identity(info: os.stat_result) -> tuple[int, ...]:
    return info.st_ino, info.st_size, info.st_mtime_ns, info.st_ctime_ns
