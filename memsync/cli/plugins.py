"""Commands of other packages, found by the entry point group ``memsync.commands``.

A plugin that cannot be loaded becomes a command that says why; the other commands still work.
"""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points

import click

from memsync.errors import MemsyncError

GROUP = "memsync.commands"


def command_names() -> list[str]:
    """Return the names of all plugin commands."""
    return sorted({point.name for point in entry_points(group=GROUP)})


def load_command(name: str) -> click.Command | None:
    """Return a plugin's command, or one that says why it is broken; None if there is none."""
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
        return _broken(point, "it is not a click command")
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
