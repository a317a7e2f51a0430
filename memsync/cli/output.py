"""What commands share: how they print, and how they come to a workspace."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

import click

from memsync import config as settings
from memsync.terminal import for_terminal
from memsync.workspace import Workspace

_Command = TypeVar("_Command", bound=Callable[..., Any])


def json_option(command: _Command) -> _Command:
    """Give a command ``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def print_json(value: object) -> None:
    """Print a value as JSON, dates and paths as text."""
    click.echo(for_terminal(json.dumps(value, indent=2, ensure_ascii=False, default=str)))


def open_workspace() -> Workspace:
    """Return this machine's workspace; raises as `config.load` and `Workspace.open` do."""
    return Workspace.open(settings.load())
