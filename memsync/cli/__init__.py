"""The command line: the group of commands. Every failure becomes ``Error: …`` and ``Try: …``.

A command's module is loaded only when the command is called, so that `memsync show` stays quick.
"""

from __future__ import annotations

import importlib
import sys
from io import TextIOWrapper

import click

from memsync import __version__
from memsync.cli.terminal import echo
from memsync.errors import MemsyncError, refused_by_disk

# Command: its module, and its line in the help.
COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("setup", "Set up this machine: find the sync folder, start or join a memory."),
    "note": ("note", "Write down a note; the next refresh merges it."),
    "refresh": ("refresh", "Merge all pending notes into the memory and update every agent."),
    "review": ("review", "Review changes waiting for your approval."),
    "show": ("show", "Print the memory."),
    "edit": ("memory", "Edit the memory in your editor."),
    "diff": ("memory", "Show what changed in the memory since a backup."),
    "blame": ("blame", "Show which note each line of the memory came from, and when."),
    "log": ("memory", "List the backups and what changed after each."),
    "restore": ("restore", "Restore the memory from a backup or from the mirror."),
    "conflicts": ("conflicts", "Merge conflict copies; decide where two machines disagree."),
    "status": ("care", "Show where everything is, and its state."),
    "doctor": ("care", "Check that everything works, and say how to fix what does not."),
    "lint": ("lint", "Find duplicate, outdated or unsafe lines in the memory."),
    "usage": ("care", "Show tokens and money spent."),
    "machines": ("machines", "Show whether every machine is up to date."),
    "prune": ("care", "Delete old backups."),
    "check": ("targets", "Exit with 1 if any agent's file is out of date."),
    "targets": ("targets", "List, add, remove and sync the agents' files."),
    "hooks": ("hooks", "The Claude Code hook that updates the agents when a session starts."),
    "providers": ("setup", "List the sync clients memsync knows, and where they are."),
    "config": ("config", "Show and change settings."),
}


class LazyGroup(click.Group):
    """The built-in commands of the table above, and the commands of plugins."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return all names: the built-in commands first, then the plugins'."""
        del ctx
        plugins = importlib.import_module("memsync.cli.plugins")
        return [*COMMANDS, *(name for name in plugins.command_names() if name not in COMMANDS)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command; load only its own module."""
        del ctx
        if cmd_name in COMMANDS:
            module = importlib.import_module(f"memsync.cli.{COMMANDS[cmd_name][0]}")
            command = getattr(module, cmd_name)
            return command if isinstance(command, click.Command) else None
        plugins = importlib.import_module("memsync.cli.plugins")
        found = plugins.load_command(cmd_name)
        return found if isinstance(found, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without loading the built-in ones."""
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
    """Run the command line and exit with its code; a user never sees a traceback."""
    if isinstance(sys.stdout, TextIOWrapper):  # a console may lack a character
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
        refusal = refused_by_disk(error)
        _fail(refusal.message, refusal.hint, refusal.exit_code)
    except Exception as error:  # noqa: BLE001 - the last line of defence
        crash = importlib.import_module("memsync.cli.crash")
        message, hint = crash.explain(error)
        _fail(message, hint, 1)
    sys.exit(code if isinstance(code, int) else 0)


def _explain_usage(error: click.UsageError) -> None:
    if error.message.startswith("Usage: "):  # a group without a command: its help
        echo(error.message, err=True)
        sys.exit(2)
    command = error.ctx.command_path if error.ctx else "memsync"
    _fail(error.format_message(), f"{command} --help", 2)


def _fail(message: str, hint: str, code: int) -> None:
    echo(f"Error: {message}", err=True)
    if hint:
        echo(f"Try: {hint}", err=True)
    sys.exit(code)
