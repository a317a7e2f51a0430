"""Secrets: looked up in the environment, systemd's credentials, the keyring, then the config."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
from pathlib import Path

from memsync.config import Config

KEYRING_SERVICE = "memsync"


def api_key(config: Config) -> str:
    """Return the Anthropic API key, or an empty text."""
    return look_up("ANTHROPIC_API_KEY", "api_key", config.api_key)


def smtp_password(config: Config) -> str:
    """Return the password for the mail server, or an empty text."""
    return look_up("MEMSYNC_SMTP_PASSWORD", "smtp_password", config.daemon.digest_smtp_password)


def capture_token(config: Config) -> str:
    """Return the token a captured note must bring, or an empty text where none is asked for."""
    return look_up("MEMSYNC_CAPTURE_TOKEN", "capture_token", config.daemon.capture_token)


def look_up(variable: str, name: str, configured: str) -> str:
    """Return the first secret found: environment, systemd credential, keyring, config.

    Args:
        variable: the environment variable.
        name: the name of the systemd credential and of the keyring's entry.
        configured: the config's own value.
    """
    return (
        os.environ.get(variable, "").strip()
        or _systemd_credential(name)
        or _from_keyring(name)
        or configured
    )


def has_model(config: Config) -> bool:
    """Is Claude to be asked: by `engine`, and is there a way to reach it?"""
    if config.engine == "offline":
        return False
    return config.engine == "claude" or bool(config.api_base_url or api_key(config))


def _systemd_credential(name: str) -> str:
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if not folder:
        return ""
    try:
        return (Path(folder) / name).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _from_keyring(name: str) -> str:
    """Ask the system keyring, where the `keyring` extra is installed; a locked one has nothing."""
    if importlib.util.find_spec("keyring") is None:
        return ""
    with contextlib.suppress(Exception):  # back ends raise whatever their desktop raises
        found = importlib.import_module("keyring").get_password(KEYRING_SERVICE, name)
        return str(found) if found else ""
    return ""
