"""``memsync daemon install`` and ``uninstall``, and the steps an installation runs on its own."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

import click

from memsync import config as settings
from memsync.cli.output import print_json
from memsync.cli.terminal import echo, is_terminal
from memsync.config.first_secrets import mark_seen_in
from memsync.daemon import service
from memsync.daemon.cli.output import print_addresses
from memsync.daemon.cli.secrets import show_secrets
from memsync.daemon.services import prepare as preparation


@click.command()
@click.option("--user", is_flag=True, help="A service of your own, without root.")
@click.option("--print", "only_print", is_flag=True, help="Print the unit and change nothing.")
@click.option("--launchd", is_flag=True, help="With --print: the property list for macOS.")
def install(*, user: bool, only_print: bool, launchd: bool) -> None:
    """Start the daemon with this machine: systemd, or launchd on macOS."""
    if only_print:
        echo(service.render_unit(user=user, launchd=launchd), nl=False)
        return
    installed = service.install_service(user=user, ask=is_terminal(sys.stdin))
    echo(f"Installed and started: {installed.path}")
    prepared = installed.prepared
    for remark in prepared.remarks:
        echo(f"Note: {remark}")
    print_addresses(prepared.web_url, prepared.capture_url)
    if show_secrets(prepared.made, prepared.web_url):
        mark_seen_in(Path(prepared.state))


@click.command()
@click.option("--user", is_flag=True, help="The service that install --user put there.")
def uninstall(*, user: bool) -> None:
    """Stop the service and remove it; config, state and memory stay."""
    echo(f"Removed: {service.uninstall_service(user=user)}")


@click.command(hidden=True)
def prepare() -> None:
    """Do the user's part of an installation and print the result as JSON."""
    print_json(asdict(preparation.prepare()))


@click.command(hidden=True)
def check_access() -> None:
    """Try to read and write every folder a service needs."""
    preparation.check_access(settings.load())
