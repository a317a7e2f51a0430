"""``memsync show``: alone in its module, because it is the one that must be quick."""

from __future__ import annotations

import sys

import click

from memsync import store
from memsync.cli.output import for_terminal, json_option, open_workspace, print_json


@click.command()
@json_option
def show(*, as_json: bool) -> None:
    """Print the memory, byte for byte where the output is no terminal."""
    workspace = open_workspace()
    memory = store.read(workspace)
    if as_json:
        print_json({"path": workspace.memory, "digest": memory.digest, "text": memory.text})
    elif sys.stdout.isatty():
        click.echo(for_terminal(memory.text), nl=not memory.text.endswith("\n"))
    else:
        click.echo(memory.text.encode("utf-8"), nl=False)
