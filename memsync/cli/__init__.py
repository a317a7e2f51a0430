"""The front door: the group of commands, and every failure as ``Error: …`` and ``Try: …``.

Commands are loaded when they are called, so that `memsync show` pays for no other.
"""

from __future__ import annotations

import importlib
import sys
from io import TextIOWrapper

import click

from memsync import __version__
from memsync.cli.terminal import without_controls
from memsync.errors import MemsyncError, refused_by_disk

# Command: the module it lives in, and its line in the help.
COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("setup", "Set up this machine: find the sync folder, start or adopt a memory."),
    "note": ("notes", "Write down a note; a later refresh merges it."),
    "refresh": ("notes", "Merge all pending notes into the memory and tell every agent."),
    "review": ("review", "Show what waits for your word; apply or drop it."),
    "show": ("show", "Print the memory."),
    "edit": ("memory", "Change the memory in your editor."),
    "diff": ("memory", "Show what changed since a backup."),
    "blame": ("blame", "Show for each line from which note it came, when and where."),
    "log": ("memory", "List the backups and what changed after each."),
    "restore": ("restore", "Go back to a backup, or to the mirror's copy."),
    "conflicts": ("conflicts", "Bring in conflict copies; decide what two machines disagree on."),
    "status": ("care", "Show paths and states."),
    "doctor": ("care", "Check that everything works, with advice."),
    "lint": ("lint", "Look for what is doubled, outdated or unsafe in the memory."),
    "usage": ("care", "Show tokens and money spent."),
    "machines": ("machines", "Show every machine's report."),
    "prune": ("care", "Thin out old backups."),
    "check": ("targets", "Exit 1 where an agent does not have the memory as it is."),
    "targets": ("targets", "The agents' files: list, add, remove, sync."),
    "hooks": ("hooks", "The hook that brings the agents in step as a session starts."),
    "providers": ("setup", "List the sync clients memsync knows and finds."),
    "config": ("config", "Show and change settings."),
}


class LazyGroup(click.Group):
    """Built-in commands by the table above, others by the plugins that bring them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return all names, the plugins' behind our own."""
        del ctx
        plugins = importlib.import_module("memsync.cli.plugins")
        return [*COMMANDS, *(name for name in plugins.command_names() if name not in COMMANDS)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command, loading just the module that has it."""
        del ctx
        if cmd_name in COMMANDS:
            module = importlib.import_module(f"memsync.cli.{COMMANDS[cmd_name][0]}")
            command = getattr(module, cmd_name)
            return command if isinstance(command, click.Command) else None
        plugins = importlib.import_module("memsync.cli.plugins")
        found = plugins.load_command(cmd_name)
        return found if isinstance(found, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without loading our own."""
        rows = [(name, text) for name, (_, text) in COMMANDS.items()]
        for name in self.list_commands(ctx):
            command = None if name in COMMANDS else self.get_command(ctx, name)
            if command is not None:
                rows.append((name, command.get_short_help_str(80)))
        with formatter.section("Commands"):
            formatter.write_dl(rows)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="memsync")
def cli() -> None:
    """One memory for every AI coding agent, on every machine you use."""


def main() -> None:
    """Run the command line and leave with its exit code; no traceback ever reaches a user."""
    if isinstance(sys.stdout, TextIOWrapper):  # a character the console lacks must end nothing
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code = cli.main(prog_name="memsync", standalone_mode=False)
    except MemsyncError as error:
        _fail(error.message, error.hint, error.exit_code)
    except click.UsageError as error:
        _explain_usage(error)
    except click.ClickException as error:
        _fail(error.format_message(), "", 1)
    except (click.Abort, KeyboardInterrupt):
        _fail("stopped", "", 130)
    except OSError as error:
        told = refused_by_disk(error)
        _fail(told.message, told.hint, told.exit_code)
    except Exception as error:  # noqa: BLE001 - the last line of defence
        crash = importlib.import_module("memsync.cli.crash")
        message, hint = crash.explain(error)
        _fail(message, hint, 1)
    sys.exit(code if isinstance(code, int) else 0)


def _explain_usage(error: click.UsageError) -> None:
    if error.message.startswith("Usage: "):  # a group without a command: its help
        click.echo(error.message, err=True)
        sys.exit(2)
    command = error.ctx.command_path if error.ctx else "memsync"
    _fail(error.format_message(), f"{command} --help", 2)


def _fail(message: str, hint: str, code: int) -> None:
    click.echo(without_controls(f"Error: {message}"), err=True)
    if hint:
        click.echo(without_controls(f"Try: {hint}"), err=True)
    sys.exit(code)
