"""How the secrets of the first start are shown, once, with a QR code of the page's address."""

from __future__ import annotations

from memsync.cli.terminal import echo
from memsync.daemon.services.qr import terminal_qr

_WORDS = {"capture_token": "Token for notes", "web_ui_password": "Password of the page"}


def print_secrets(made: dict[str, str], web_url: str | None) -> None:
    """Print the secrets that were just made, by key; nothing if there are none.

    They are in the config file, the password only as its hash, so it cannot be shown again.
    """
    if made and web_url:
        echo(terminal_qr(web_url), nl=False)
    for key, value in made.items():
        echo(f"{_WORDS[key]}: {value}")
    if made:
        echo("Shown once; memsync config get daemon.capture_token shows the token again.")
