"""``memsync daemon …``: each command is loaded when it is called.

So `memsync daemon stop` and `status` are quick, and work without the extra ``memsync[daemon]``.
"""

from __future__ import annotations

import importlib

import click

from memsync.daemon.extra import needs_extra

# Command: the module it lives in, and its line in the help; one without such a line is hidden.
COMMANDS: dict[str, tuple[str, str]] = {
    "alert": ("alert", ""),
    "check-access": ("service", ""),
    "install": (
        "service",
        "Start the daemon with this machine: systemd, or launchd on macOS.",
    ),
    "logs": ("status", "Show the end of the daemon's log."),
    "phones": ("phones", "Show the phones that may send notes; pair one, or revoke one."),
    "prepare": ("service", ""),
    "run": ("run", "Run one JOB now; memsync daemon schedule lists them."),
    "schedule": ("status", "Show when each job runs, in words, its last run and its next."),
    "start": ("start", "Start the daemon; in the foreground unless --detach."),
    "status": ("status", "Show whether the daemon runs, where, and how its jobs went."),
    "stop": ("status", "Stop the daemon, letting it finish what it is doing."),
    "uninstall": ("service", "Stop the service and remove it; config, state and memory stay."),
    "web": ("status", "Print the address of the web page, and open it if there is a desktop."),
}


class DaemonGroup(click.Group):
    """The commands of the table above."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands that are not hidden."""
        del ctx
        return [name for name, (_, words) in COMMANDS.items() if words]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load and return a command; None if there is no such command.

        Raises:
            MemsyncError: it needs the extra, which is not installed.
        """
        del ctx
        if cmd_name not in COMMANDS:
            return None
        with needs_extra():
            module = importlib.import_module(f"{__name__}.{COMMANDS[cmd_name][0]}")
        command = getattr(module, cmd_name.replace("-", "_"))
        return command if isinstance(command, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without loading them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])


@click.group(cls=DaemonGroup)
def daemon() -> None:
    """The part that always runs: jobs on a schedule, the web page, the note port."""
