"""How a start shows the secrets of the first one, with a QR code of the page's address."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from memsync.cli.secrets import print_secrets
from memsync.cli.terminal import echo, is_terminal
from memsync.daemon.services.qr import terminal_qr


def show_secrets(made: Mapping[str, str], web_url: str | None) -> bool:
    """Print the secrets that were made, by key; return whether a person has seen them."""
    if made and web_url:
        echo(terminal_qr(web_url), nl=False)
    print_secrets(made)
    return bool(made) and is_terminal(sys.stdout)
