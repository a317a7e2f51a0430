"""``hooks``: Claude Code brings this machine's agents in step whenever a session starts."""

from __future__ import annotations

import click

from memsync.agents import claude_code as keeper
from memsync.cli.output import json_option, print_json


@click.group()
def hooks() -> None:
    """The hook that brings the agents in step whenever a Claude Code session starts."""


@hooks.command()
def install() -> None:
    """Add the hook to Claude Code's settings; all that stands there stays."""
    changed = keeper.install_hook()
    found = keeper.hook_state()
    click.echo(f"{'Installed' if changed else 'Installed already'}: {found.settings}")
    _warn(found)


@hooks.command()
def uninstall() -> None:
    """Take the hook out of Claude Code's settings again."""
    changed = keeper.uninstall_hook()
    click.echo("Removed." if changed else "It was not installed.")


@hooks.command()
@json_option
def status(*, as_json: bool) -> None:
    """Show whether the hook is installed, and what it calls."""
    found = keeper.hook_state()
    if as_json:
        print_json(
            {
                "installed": found.installed,
                "current": found.command == keeper.hook_command(),
                "hooks_off": found.turned_off,
                "command": found.command,
                "settings": found.settings,
            }
        )
        return
    click.echo(f"{'Installed' if found.installed else 'Not installed'}: {found.settings}")
    if found.command is not None:
        click.echo(f"It calls: {found.command}")
        if found.command != keeper.hook_command():
            click.echo("That is another memsync than this one: memsync hooks install")
    _warn(found)


@hooks.command(hidden=True)
def run() -> None:
    """Bring the agents in step in the background; what the hook calls."""
    keeper.update_in_background()


def _warn(found: keeper.HookState) -> None:
    if found.turned_off:
        click.echo("Claude Code's hooks are turned off there (disableAllHooks).")
