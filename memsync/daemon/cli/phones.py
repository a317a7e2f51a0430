"""``memsync daemon phones``: the phones that may send notes; pair one, revoke one."""

from __future__ import annotations

import click

from memsync import config as settings
from memsync.cli.output import json_option, print_json
from memsync.cli.terminal import echo
from memsync.config.credentials import capture_token
from memsync.daemon.http import addresses
from memsync.daemon.phones import codes, phone_list
from memsync.daemon.phones.phone_list import Phone, Phones
from memsync.daemon.presenters.facts import moment_in_words
from memsync.daemon.services.qr import terminal_qr
from memsync.errors import MemsyncError, WrongUsageError

SHARED = {
    "none": "There is no shared token.",
    "in use": "The shared token goes on; memsync daemon phones --retire-shared ends it.",
    "retired": "The shared token is retired; memsync daemon phones --allow-shared brings it back.",
}


@click.command()
@click.option("--pair", is_flag=True, help="Make a code that pairs a phone.")
@click.option("--revoke", metavar="NAME", help="Refuse a phone's token from now on.")
@click.option(
    "--retire-shared/--allow-shared",
    "retired",
    default=None,
    help="Refuse the token that programs share, or let it in again.",
)
@json_option
def phones(*, pair: bool, revoke: str | None, retired: bool | None, as_json: bool) -> None:
    """Show the phones that may send notes; pair one, or revoke one.

    A running daemon obeys at once. Once a phone is paired, each note needs a token.
    """
    if pair and as_json:
        raise WrongUsageError(
            "--pair shows a QR code, which is no JSON", hint="memsync daemon phones --pair"
        )
    config = settings.load()
    if revoke is not None:
        phone_list.revoke_phone(revoke)
    if retired is not None:
        phone_list.retire_shared(retired=retired)
    present = phone_list.read_phones()
    if pair:
        _print_code(addresses.capture_url(config))
        return
    shared = "retired" if present.shared_retired else "in use"
    _print(present, shared if capture_token(config) else "none", as_json=as_json)


def _print_code(capture_url: str | None) -> None:
    if capture_url is None:
        raise MemsyncError(
            "no port takes notes", hint="memsync config set daemon.capture_enabled true"
        )
    text, until = codes.make_code()
    address = f"{capture_url}/pair"
    echo(terminal_qr(f"{address}#{text}"), nl=False)
    echo(f"Scan it with the phone, or open {address} there and type {text}.")
    echo(f"Good once, until {until:%H:%M}.")


def _print(present: Phones, shared: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"phones": [_table(one) for one in present.paired], "shared_token": shared})
        return
    for one in present.paired:
        used = f"last used {moment_in_words(one.last_use)}" if one.last_use else "not used yet"
        echo(f"{one.name}: paired {moment_in_words(one.paired)}, {used}")
    if not present.paired:
        echo("No phone is paired. memsync daemon phones --pair makes a code.")
    echo(SHARED[shared])


def _table(one: Phone) -> dict[str, object]:
    last = one.last_use.isoformat(timespec="seconds") if one.last_use else None
    return {"name": one.name, "paired": one.paired.isoformat(timespec="seconds"), "last_use": last}
