"""``memsync daemon start``: in the foreground, or in the background with --detach."""

from __future__ import annotations

import sys

import click

from memsync import config as settings
from memsync.cli.terminal import echo, is_terminal
from memsync.config import Config, first_secrets
from memsync.daemon import process, runtime
from memsync.daemon.cli.output import print_addresses
from memsync.daemon.cli.secrets import show_secrets
from memsync.daemon.process import Status
from memsync.daemon.services import first_start


@click.command()
@click.option("--detach", is_flag=True, help="Start in the background.")
def start(*, detach: bool) -> None:
    """Start the daemon; in the foreground unless --detach."""
    config = settings.load()
    made: dict[str, str] = {}
    if first_start.is_due(config):
        config, made = first_start.create_secrets(config)

    def tell(status: Status) -> None:
        print_addresses(status.web_url, status.capture_url)
        if show_secrets(_with_earlier(made, config), status.web_url):
            first_secrets.mark_seen(config)

    if detach:
        status = process.detach()
        tell(status)
        echo(f"Started, pid {status.pid}.")
        return
    process.set_up_logging(to_terminal=True)
    runtime.leave(runtime.run_daemon(config, on_ready=tell))


def _with_earlier(made: dict[str, str], config: Config) -> dict[str, str]:
    """Return also the secrets of an earlier start that nobody has seen, if somebody looks now."""
    if not is_terminal(sys.stdout):
        return made
    return {key: one.plain for key, one in first_secrets.unseen_secrets(config).items()}
