"""Telling the person something went wrong, or is well again, by the channel they chose."""

from __future__ import annotations

import importlib
import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable

from memsync import clock
from memsync.config import Config, get_config_path
from memsync.daemon import mail
from memsync.daemon.services.commands import failure_of
from memsync.errors import MemsyncError
from memsync.files.atomic import create_new

APPRISE_SECONDS = 60

log = logging.getLogger(__name__)


def notify(config: Config, subject: str, body: str) -> bool:
    """Send an alert by ``daemon.drift_notify``; say in the log what could not be delivered.

    Never raises. The log has every alert, whatever the channel.

    Returns:
        True where the channel took it.
    """
    log.warning("%s: %s", _one_line(subject), _one_line(body))
    channel = CHANNELS.get(config.daemon.drift_notify)
    if channel is None:
        return config.daemon.drift_notify == "log"
    try:
        channel(config, subject, body)
    except MemsyncError as error:
        log.error("the alert was not delivered: %s", error.message)  # noqa: TRY400
        return False
    except Exception:
        log.exception("the alert was not delivered")
        return False
    return True


def _by_mail(config: Config, subject: str, body: str) -> None:
    mail.send_mail(config, f"memsync: {subject}", body)


def _by_file(config: Config, subject: str, body: str) -> None:
    folder = (config.source or get_config_path()).parent / "alerts"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    stamp = clock.now().strftime("%Y%m%d_%H%M%S")
    text = f"{clock.now().isoformat(timespec='seconds')}\n{_one_line(subject)}\n\n{body}\n"
    number = 1
    while not create_new(
        folder / f"{stamp}{'' if number == 1 else f'_{number}'}.txt",
        text.encode("utf-8", "replace"),
    ):
        number += 1


def _by_apprise(config: Config, subject: str, body: str) -> None:
    """Send by a process of its own: apprise brings a hundred modules the daemon need not keep."""
    if config.source is None:
        send_by_apprise(config, subject, body)
        return
    done = subprocess.run(
        [sys.executable, "-P", "-m", "memsync", "daemon", "alert"],
        env={**os.environ, "MEMSYNC_CONFIG": str(config.source)},
        input=json.dumps({"subject": subject, "body": body}),
        capture_output=True,
        text=True,
        timeout=APPRISE_SECONDS,
        check=False,
    )
    if done.returncode:
        raise failure_of(done.stderr, "apprise did not deliver it", done.returncode)


def send_by_apprise(config: Config, subject: str, body: str) -> None:
    """Send an alert to every address in ``daemon.apprise_urls``.

    Raises:
        MemsyncError: apprise is not installed, has no address, or one of them did not take it.
    """
    if not config.daemon.apprise_urls:
        raise MemsyncError(
            "daemon.apprise_urls is empty", hint="memsync config set apprise_urls URL"
        )
    try:
        apprise = importlib.import_module("apprise")
    except ModuleNotFoundError as error:
        raise MemsyncError(
            "apprise is not installed", hint="pip install 'memsync[apprise]'"
        ) from error
    sender = apprise.Apprise()
    taken = [sender.add(url) for url in config.daemon.apprise_urls]
    if not all(taken):
        raise MemsyncError("an address in daemon.apprise_urls is none that apprise knows")
    if not sender.notify(title=_one_line(subject), body=body):
        raise MemsyncError("apprise could not deliver the alert to every address")


CHANNELS: dict[str, Callable[[Config, str, str], None]] = {
    "email": _by_mail,
    "file": _by_file,
    "apprise": _by_apprise,
}


def _one_line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
