"""``show``: a module of its own, because this command must be quick."""

from __future__ import annotations

import sys

import click

from memsync import config as settings
from memsync.cli.terminal import echo, is_terminal, pass_through
from memsync.config.sync_folder import folder_at
from memsync.config.workspace import Workspace
from memsync.memory.reading import read_bytes


@click.command()
def show() -> None:
    """Print the memory; byte for byte if the output is not a terminal."""
    data = read_bytes(folder_at(Workspace.open(settings.load()).root))
    if is_terminal(sys.stdout):
        text = data.decode("utf-8")
        echo(text, nl=not text.endswith("\n"))
    else:
        pass_through(data)
