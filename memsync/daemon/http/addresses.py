"""The addresses of both ports: as people type them, and as this machine itself reaches them."""

from __future__ import annotations

import socket

from memsync.config import Config

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_ALL = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what people configure


def web_url(config: Config) -> str | None:
    """Return the page's address; None if it is not served."""
    daemon = config.daemon
    return _url(daemon.web_ui_host, daemon.web_ui_port) if daemon.web_ui_enabled else None


def capture_url(config: Config) -> str | None:
    """Return the note port's address; None if it is not served."""
    daemon = config.daemon
    return _url(daemon.capture_host, daemon.capture_port) if daemon.capture_enabled else None


def undecided_secrets(config: Config) -> list[str]:
    """Return the keys of secrets about which nothing is decided yet, for ports that are open.

    A key that is in the config file, even as an empty text, is a decision. A port for this machine
    alone needs a secret as well: every user of the machine reaches it.
    """
    daemon = config.daemon
    ports = (
        ("capture_token", daemon.capture_enabled),
        ("web_ui_password", daemon.web_ui_enabled),
    )
    return [key for key, enabled in ports if enabled and f"daemon.{key}" not in config.given]


def local_url(host: str, port: int) -> tuple[str, int]:
    """Return the address by which this machine itself reaches a port that listens on `host`."""
    return _ALL.get(host, host), port


def _url(host: str, port: int) -> str:
    """Return this machine's name if the network can reach it, else the address it listens on."""
    if host in LOOPBACK:
        name = "localhost"
    elif host in _ALL:
        name = f"{socket.gethostname().split('.')[0]}.local"
    else:
        name = host
    return f"http://{f'[{name}]' if ':' in name else name}:{port}"
