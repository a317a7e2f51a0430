"""Commands that other packages bring by the entry point group ``memsync.commands``.

A plugin that cannot be loaded becomes a command that says why, so it never takes the rest down.
"""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points

import click

from memsync.errors import MemsyncError

GROUP = "memsync.commands"


def command_names() -> list[str]:
    """Return the names of all commands that plugins bring."""
    return sorted({point.name for point in entry_points(group=GROUP)})


def load_command(name: str) -> click.Command | None:
    """Return a plugin's command; one that says why where it is broken; None where there is none."""
    for point in entry_points(group=GROUP):
        if point.name == name:
            return _load(point)
    return None


def _load(point: EntryPoint) -> click.Command:
    try:
        command = point.load()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a stranger's module may raise anything
        return _broken(point, f"{type(error).__name__}: {error}")
    if not isinstance(command, click.Command):
        return _broken(point, "it is no click command")
    return command


def _broken(point: EntryPoint, reason: str) -> click.Command:
    def explain() -> None:
        package = point.dist.name if point.dist else point.value
        raise MemsyncError(
            f"the command {point.name!r} of {package} cannot be loaded: {reason}",
            hint=f"reinstall or remove {package}",
        )

    return click.Command(
        point.name,
        callback=explain,
        short_help="(broken)",
        context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    )
