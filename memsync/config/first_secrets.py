"""Secrets that were made here and that nobody has seen yet: a private file in the local state.

A service makes a token and a password when nobody looks. They wait here, for their owner alone to
read, until a person has seen them at a terminal. A secret that was changed meanwhile is not shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from memsync.config import Config
from memsync.config.state import state_path
from memsync.config.state_file import StateFile
from memsync.errors import refused

WORDS = {"capture_token": "Token for notes", "web_ui_password": "Password of the page"}
"""The keys of these secrets, and what people call them."""

NAME = "first-secrets.json"


@dataclass(frozen=True)
class FirstSecret:
    """A secret as a person types it, and as the config has it: a password is a hash there."""

    plain: str
    stored: str


def unseen_secrets(config: Config) -> dict[str, FirstSecret]:
    """Return the secrets that are in force and that nobody has seen, by key."""
    return {key: one for key, one in _load().items() if _is_in_force(key, one, config)}


def keep_unseen(made: Mapping[str, FirstSecret]) -> None:
    """Keep secrets, by key, until `mark_seen`; those of other keys stay.

    Raises:
        MemsyncError: they cannot be kept.
    """
    _save({**_load(), **made})


def mark_seen(config: Config) -> None:
    """Forget the secrets: somebody has seen them. One that the config does not have stays."""
    _save({k: one for k, one in _load().items() if f"daemon.{k}" not in config.given})


def mark_seen_in(state: Path) -> None:
    """Forget all secrets of another user, whose state folder is `state`."""
    (state / NAME).unlink(missing_ok=True)


def _is_in_force(key: str, one: FirstSecret, config: Config) -> bool:
    return f"daemon.{key}" not in config.given or getattr(config.daemon, key) == one.stored


def _load() -> dict[str, FirstSecret]:
    return StateFile(NAME, state_path()).load(_parse, {})


def _parse(table: Mapping[str, Any]) -> dict[str, FirstSecret]:
    return {key: FirstSecret(**table[key]) for key in WORDS if key in table}


def _save(secrets: Mapping[str, FirstSecret]) -> None:
    file = StateFile(NAME)
    hint = "free some space, or check the permissions of the state folder"
    with refused(f"{file.path} cannot be written", hint):
        if secrets:
            file.save({key: asdict(one) for key, one in secrets.items()})
        else:
            file.path.unlink(missing_ok=True)
