"""The first start: no port is open to the network before someone decided who gets in."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Any

from memsync import config_writer
from memsync.config import Config, DaemonConfig
from memsync.credentials import capture_token
from memsync.daemon.addresses import undecided


def secure(config: Config) -> tuple[Config, dict[str, str]]:
    """Make a token and a password for ports on the network about which nothing is decided.

    They are written to the config file. A key that is in the file, even as an empty text, is a
    decision and stays.

    Returns:
        The config to go on with, and what was made by key, to be shown once; not a token that
        is outdone by another, such as the environment's.

    Raises:
        MemsyncError: the config file cannot be written.
    """
    made = {
        key: secrets.token_urlsafe(24 if key == "capture_token" else 12)
        for key in undecided(config)
    }
    changes: dict[str, Any] = dict(made)
    if made and config.source is not None:
        config_writer.change(config.source, {f"daemon.{key}": value for key, value in made.items()})
    daemon: DaemonConfig = replace(config.daemon, **changes)
    given = config.given | {f"daemon.{key}" for key in made}
    secured = replace(config, daemon=daemon, given=given)
    if made.get("capture_token") not in {None, capture_token(secured)}:
        del made["capture_token"]
    return secured, made
