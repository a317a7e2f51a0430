"""Alerts: tell the person that something went wrong, or works again, by the channel they chose."""

from __future__ import annotations

import importlib
import logging
import pkgutil
from collections.abc import Callable

from memsync.config import Config
from memsync.daemon import channels
from memsync.errors import MemsyncError

CHANNELS = frozenset(module.name for module in pkgutil.iter_modules(channels.__path__))

log = logging.getLogger(__name__)


def notify(config: Config, subject: str, body: str) -> bool:
    """Send an alert by ``daemon.drift_notify``, and log what could not be delivered.

    Never raises. The log has every alert, whatever the channel.

    Returns:
        Whether the channel took it.
    """
    log.warning("%s: %s", _one_line(subject), _one_line(body))
    try:
        _send_by(config.daemon.drift_notify)(config, _one_line(subject), body)
    except MemsyncError as error:
        log.error("the alert was not delivered: %s", error.message)  # noqa: TRY400
        return False
    except Exception:
        log.exception("the alert was not delivered")
        return False
    return True


def _send_by(name: str) -> Callable[[Config, str, str], None]:
    """Return the `send` of the channel called `name`; only the chosen channel is loaded."""
    if name not in CHANNELS:
        raise MemsyncError(
            f"there is no channel {name!r}", "memsync config set daemon.drift_notify log"
        )
    module = importlib.import_module(f"{channels.__name__}.{name}")
    send: Callable[[Config, str, str], None] = module.send
    return send


def _one_line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
