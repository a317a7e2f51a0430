"""How secrets are shown that were made for a person: once, at a terminal."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from memsync.cli.terminal import echo, is_terminal
from memsync.config import Config
from memsync.config.first_secrets import WORDS, mark_seen, unseen_secrets


def print_secrets(made: Mapping[str, str]) -> None:
    """Print secrets by key; nothing if there are none.

    They are in the config file, the password only as its hash, so it cannot be shown again.
    """
    for key, value in made.items():
        echo(f"{WORDS[key]}: {value}")
    if made:
        echo("Shown once; memsync config get daemon.capture_token shows the token again.")


def show_unseen(config: Config) -> None:
    """Print the secrets that a service made when nobody looked; nothing into a pipe or file."""
    if is_terminal(sys.stdout):
        unseen = unseen_secrets(config)
        print_secrets({key: one.plain for key, one in unseen.items()})
        if unseen:
            mark_seen(config)
