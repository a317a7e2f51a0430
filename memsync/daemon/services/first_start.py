"""The first start: no port is open to the network before someone decided who gets in."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Any

from memsync.config import Config, writer
from memsync.config.credentials import capture_token
from memsync.daemon.http import passwords
from memsync.daemon.http.addresses import undecided_secrets


def is_due(config: Config) -> bool:
    """Tell whether `secure` has something to do."""
    return bool(undecided_secrets(config)) or _is_plain(config.daemon.web_ui_password)


def create_secrets(config: Config) -> tuple[Config, dict[str, str]]:
    """Make a token and a password for ports on the network about which nothing is decided.

    They are written to the config file, the password as its hash; so is one that stands there in
    plain. A key that is in the file, even as an empty text, is a decision and stays.

    Returns:
        The config to go on with, and what was made by key, to be shown once; not a token that
        is outdone by another, such as the environment's.

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
