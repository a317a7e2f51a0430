"""``hooks``: Claude Code updates this machine's agents whenever a session starts."""

from __future__ import annotations

import click

from memsync.agents import claude_code as keeper
from memsync.cli.output import json_option, print_json
from memsync.cli.terminal import echo


@click.group()
def hooks() -> None:
    """The Claude Code hook that updates the agents when a session starts."""


@hooks.command()
def install() -> None:
    """Add the hook to Claude Code's settings. Your other settings stay as they are."""
    changed = keeper.install_hook()
    found = keeper.hook_state()
    echo(f"{'Installed' if changed else 'Already installed'}: {found.settings}")
    _warn(found)


@hooks.command()
def uninstall() -> None:
    """Remove the hook from Claude Code's settings."""
    changed = keeper.uninstall_hook()
    echo("Removed the hook." if changed else "The hook was not installed.")


@hooks.command()
@json_option
def status(*, as_json: bool) -> None:
    """Show whether the hook is installed, and which command it runs."""
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
    echo(f"{'Installed' if found.installed else 'Not installed'}: {found.settings}")
    if found.command is not None:
        echo(f"It runs: {found.command}")
        if found.command != keeper.hook_command():
            echo("That is a different memsync. To use this one: memsync hooks install")
    _warn(found)


@hooks.command(hidden=True)
def run() -> None:
    """Update the agents in the background; the hook runs this."""
    keeper.update_in_background()


def _warn(found: keeper.HookState) -> None:
    if found.turned_off:
        echo("Hooks are turned off in Claude Code's settings (disableAllHooks).")
