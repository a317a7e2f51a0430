"""Checks of single settings: a test, and the words for what it allows."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cronsim import CronSim, CronSimError


@dataclass(frozen=True)
class Check:
    """A test of one value, and the words for what it allows."""

    allowed: str
    test: Callable[[Any], bool]


def one_of(*choices: str) -> Check:
    """Return a check that allows just `choices`."""
    return Check("one of " + ", ".join(choices), lambda value: value in choices)


def between(low: float, high: float) -> Check:
    """Return a check that allows numbers from `low` to `high`, both included."""
    return Check(f"from {low} to {high}", lambda value: low <= value <= high)


def _is_cron_line(value: str) -> bool:
    try:
        next(CronSim(value, datetime(2026, 1, 1, tzinfo=UTC)))
    except (CronSimError, StopIteration, ValueError):
        return False  # no line, or one that never comes
    return len(value.split()) == 5


def _are_networks(values: tuple[str, ...]) -> bool:
    try:
        for value in values:
            ipaddress.ip_network(value, strict=False)
    except ValueError:
        return False
    return True


def _is_address(value: str) -> bool:
    try:
        parts = urlsplit(value)
        parts.port  # noqa: B018 - raises where it is no number
    except ValueError:
        return False
    return not value or (parts.scheme in {"http", "https"} and bool(parts.hostname))


def _is_full_path(value: str) -> bool:
    try:
        return not value or Path(value).expanduser().is_absolute()
    except RuntimeError:  # `~name` of a user this machine does not have
        return False


# A relative one would lead elsewhere for the daemon than for whoever set it.
FULL_PATH = Check("a path that starts with / or ~", _is_full_path)
CRON = Check("a cron line of five fields, such as '55 23 * * *'", _is_cron_line)
PORT = between(1, 65535)
NOT_EMPTY = Check("a text that is not empty", lambda value: bool(value.strip()))
NETWORKS = Check("a list of networks such as '192.168.0.0/16'", _are_networks)
# A connection string (`:webdav,pass=…:`) would put a password into the arguments of a process.
REMOTE = Check(
    "NAME:PATH, with a NAME that rclone config knows",
    lambda value: re.fullmatch(r"(?:[A-Za-z0-9_][\w.+@ -]*:[^\r\n\0]*)?", value) is not None,
)
ADDRESS = Check("an address that begins with http:// or https://, or empty", _is_address)
ONE_LINE = Check("a text of one line", lambda value: not any(c in value for c in "\r\n\0"))
