"""``memsync daemon alert``: sends one alert by apprise, in a process that ends afterwards."""

from __future__ import annotations

import json
import sys

import click

from memsync import config as settings
from memsync.config import Config
from memsync.errors import MemsyncError

try:
    import apprise
except ModuleNotFoundError as error:
    raise MemsyncError("apprise is not installed", "pip install 'memsync[apprise]'") from error


@click.command(hidden=True)
def alert() -> None:
    """Send the alert that standard input holds as JSON."""
    given = json.loads(sys.stdin.read())
    send(settings.load(), given["subject"], given["body"])


def send(config: Config, subject: str, body: str) -> None:
    """Send an alert to every address in ``daemon.apprise_urls``.

    Raises:
        MemsyncError: there is no address, or one of them did not take it.
    """
    if not config.daemon.apprise_urls:
        raise MemsyncError("daemon.apprise_urls is empty", hint="memsync config set apprise_urls")
    sender = apprise.Apprise()
    taken = [sender.add(url) for url in config.daemon.apprise_urls]
    if not all(taken):
        raise MemsyncError(
            "apprise does not know an address in daemon.apprise_urls",
            hint="memsync config show apprise_urls",
        )
    if not sender.notify(title=subject, body=body):
        raise MemsyncError(
            "apprise could not deliver the alert to every address",
            hint="check daemon.apprise_urls: memsync config show",
        )
