"""The first start: no port opens before it is decided who may use it, not even on loopback."""

from __future__ import annotations

import logging
import secrets
from contextlib import suppress
from dataclasses import replace
from typing import Any

from memsync.config import Config, writer
from memsync.config.credentials import capture_token
from memsync.config.first_secrets import FirstSecret, keep_unseen, unseen_secrets
from memsync.daemon.http import passwords
from memsync.daemon.http.addresses import undecided_secrets
from memsync.errors import MemsyncError

log = logging.getLogger(__name__)


def is_due(config: Config) -> bool:
    """Does `create_secrets` have something to do?"""
    return bool(undecided_secrets(config)) or _is_plain(config.daemon.web_ui_password)


def secure(config: Config) -> Config:
    """Return the config with every secret it lacks, for a start at which nobody looks.

    It never refuses. If the config file cannot be written, the secrets stay in the local state,
    and the next start takes the same ones.
    """
    if not is_due(config):
        return config
    try:
        return create_secrets(config)[0]
    except MemsyncError as error:
        log.warning("the config cannot have its secrets: %s", error.message)
    made = _new_secrets(config) | _waiting(config)
    with suppress(MemsyncError):  # nobody can log in then, but the jobs run and notes are moved
        keep_unseen(made)
    return _with(config, {key: one.stored for key, one in made.items()})


def create_secrets(config: Config) -> tuple[Config, dict[str, str]]:
    """Create the capture token and web password that the config does not set.

    They are written to the config file, the password as its hash; a password that is there in
    plain text is replaced by its hash as well. A key in the file is a decision and stays, even if
    it is empty. What is made is kept as unseen, until `first_secrets.mark_seen`.

    Returns:
        The new config, and the secrets that were made, by key, to be shown once. A token that
        another one overrides, such as the environment's, is left out.

    Raises:
        MemsyncError: the config file or the state folder cannot be written; nothing was made.
    """
    made = _new_secrets(config)
    stored = {key: one.stored for key, one in made.items()}
    if _is_plain(config.daemon.web_ui_password):
        stored["web_ui_password"] = passwords.hash_password(config.daemon.web_ui_password)
    secured = _with(config, stored)
    secured = replace(secured, given=config.given | {f"daemon.{key}" for key in stored})
    shown = {k: one for k, one in made.items() if k != "capture_token" or _counts(one, secured)}
    before = unseen_secrets(config)
    if shown:  # first: a password that is in the config alone is a hash that nobody can read
        keep_unseen(shown)
    if stored and config.source is not None:
        try:
            writer.change(config.source, {f"daemon.{key}": stored[key] for key in stored})
        except MemsyncError:
            keep_unseen(before)
            raise
    return secured, {key: one.plain for key, one in shown.items()}


def _new_secrets(config: Config) -> dict[str, FirstSecret]:
    made = {}
    for key in undecided_secrets(config):
        is_token = key == "capture_token"
        plain = secrets.token_urlsafe(24 if is_token else 12)
        made[key] = FirstSecret(plain, plain if is_token else passwords.hash_password(plain))
    return made


def _waiting(config: Config) -> dict[str, FirstSecret]:
    """Return what an earlier start has made that could not write the config either."""
    undecided = undecided_secrets(config)
    return {key: one for key, one in unseen_secrets(config).items() if key in undecided}


def _with(config: Config, values: dict[str, Any]) -> Config:
    return replace(config, daemon=replace(config.daemon, **values))


def _counts(token: FirstSecret, config: Config) -> bool:
    """Is this token the one that the note port asks for?"""
    return token.plain == capture_token(config)


def _is_plain(password: str) -> bool:
    return bool(password) and not passwords.is_password_hash(password)
