"""What commands share: how they print, and how they come to a workspace."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from typing import Any, TypeVar

import click

from memsync import config as settings
from memsync.config import Config
from memsync.config.workspace import Workspace
from memsync.errors import MemsyncError
from memsync.memory.publish import take_stock
from memsync.notes import delivery
from memsync.terminal import for_terminal

_Command = TypeVar("_Command", bound=Callable[..., Any])


def json_option(command: _Command) -> _Command:
    """Give a command ``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def print_json(value: object) -> None:
    """Print a value as JSON, dates and paths as text."""
    click.echo(for_terminal(json.dumps(value, indent=2, ensure_ascii=False, default=str)))


def open_workspace(config: Config | None = None) -> Workspace:
    """Return this machine's workspace; raises as `config.load` and `Workspace.open` do.

    Notes that waited for it go into their log on the way. When the command is over, this machine's
    report is brought up to date where it says something else by now, or is old.
    """
    workspace = Workspace.open(config or settings.load())
    context = click.get_current_context(silent=True)
    if context is not None:
        context.call_on_close(lambda: _keep_fresh(workspace))
    with contextlib.suppress(MemsyncError, OSError):  # they wait on; the command goes ahead
        delivery.deliver(workspace, timeout=0)  # rclone may carry for minutes
    return workspace


def _keep_fresh(workspace: Workspace) -> None:
    """Report, so that a machine without a daemon is not silent; no command fails for that."""
    with contextlib.suppress(MemsyncError, OSError):
        take_stock(workspace, timeout=0)
