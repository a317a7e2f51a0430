"""The first start: no port opens to the network before it is decided who may use it."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Any

from memsync.config import Config, writer
from memsync.config.credentials import capture_token
from memsync.daemon.http import passwords
from memsync.daemon.http.addresses import undecided_secrets


def is_due(config: Config) -> bool:
    """Does `create_secrets` have something to do?"""
    return bool(undecided_secrets(config)) or _is_plain(config.daemon.web_ui_password)


def create_secrets(config: Config) -> tuple[Config, dict[str, str]]:
    """Create the capture token and web password that the config does not set.

    They are written to the config file, the password as its hash; a password that is there in
    plain text is replaced by its hash as well. A key in the file is a decision and stays, even if
    it is empty.

    Returns:
        The new config, and the secrets that were made, by key, to be shown once. A token that
        another one overrides, such as the environment's, is left out.

    Raises:
        MemsyncError: the config file cannot be written.
    """
    made = {
        key: secrets.token_urlsafe(24 if key == "capture_token" else 12)
        for key in undecided_secrets(config)
    }
    kept = dict(made)
    password = made.get("web_ui_password", config.daemon.web_ui_password)
    if _is_plain(password):
        kept["web_ui_password"] = passwords.hash_password(password)
    if kept and config.source is not None:
        writer.change(config.source, {f"daemon.{key}": kept[key] for key in kept})
    given = config.given | {f"daemon.{key}" for key in kept}
    changes: dict[str, Any] = dict(kept)
    secured = replace(config, daemon=replace(config.daemon, **changes), given=given)
    if made.get("capture_token") not in {None, capture_token(secured)}:
        del made["capture_token"]
    return secured, made


def _is_plain(password: str) -> bool:
    return bool(password) and not passwords.is_password_hash(password)
