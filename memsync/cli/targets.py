"""``targets``: which agents get the memory, and whether they have it."""

from __future__ import annotations

import re
from pathlib import Path

import click

from memsync import config as settings
from memsync import config_writer, store
from memsync import targets as keepers
from memsync.cli.output import json_option, open_workspace, print_json
from memsync.cli.report import print_states, state_table
from memsync.config import TARGET_MODES, Config
from memsync.errors import MemsyncError, WrongUsageError
from memsync.publish import bring_in_step
from memsync.targets import Target
from memsync.workspace import Workspace


@click.group(invoke_without_command=True)
@click.pass_context
def targets(ctx: click.Context) -> None:
    """The agents' instruction files. Without a command: list them."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_targets)


@targets.command("list")
@json_option
def list_targets(*, as_json: bool = False) -> None:
    """Show each target's path, mode and state."""
    workspace = open_workspace()
    data = store.read(workspace).text.encode("utf-8")
    wanted = keepers.resolve(workspace.config)
    states = keepers.inspect_all(wanted, data, workspace.memory)
    if as_json:
        print_json({"targets": state_table(states)})
        return
    print_states(states)
    if not states:
        known = ", ".join(agent.name for agent in keepers.AGENTS)
        click.echo(f"No agent has the memory yet. memsync targets add NAME, NAME one of {known}")


@targets.command()
@json_option
def sync(*, as_json: bool) -> None:
    """Give the memory to every target now."""
    published = bring_in_step(open_workspace())
    if as_json:
        print_json({"targets": state_table(published.targets)})
    else:
        print_states(published.targets)


@targets.command()
@click.argument("name")
@click.argument("path", required=False)
@click.option("--mode", type=click.Choice(TARGET_MODES), default="block", show_default=True)
def add(name: str, path: str | None, mode: str) -> None:
    """Give the memory to one more agent: a known NAME, or any NAME with a PATH."""
    _check_name(name)
    config = settings.load()
    agent = keepers.find_agent(name)
    if path is None and agent is None:
        known = ", ".join(entry.name for entry in keepers.AGENTS)
        raise WrongUsageError(
            f"no agent {name!r} is known", hint=f"targets add {name} PATH, or one of {known}"
        )
    file = str(agent.file()) if path is None and agent else _absolute(path or "")
    for present in keepers.resolve(config):
        if present.name != name and str(present.path) == str(Path(file).expanduser()):
            raise WrongUsageError(
                f"{file} is already the target {present.name!r}", hint="one writer a file"
            )
    _change(config, name, file if mode == "block" else {"path": file, "mode": mode})
    print_states(bring_in_step(open_workspace()).targets)


@targets.command()
@click.argument("name")
def remove(name: str) -> None:
    """Take the memory out of a target's file and forget the target."""
    _check_name(name)
    config = settings.load()
    target = next((entry for entry in keepers.resolve(config) if entry.name == name), None)
    if target is None:
        raise WrongUsageError(f"there is no target {name!r}", hint="memsync targets list")
    done = _forget(target)
    _change(config, name, None)
    bring_in_step(Workspace.open(settings.load()))
    click.echo(f"{name}: {done}  {target.path}")


def _forget(target: Target) -> str:
    try:
        return keepers.forget(target)
    except OSError as error:
        raise MemsyncError(
            f"{target.path} cannot be changed: {error.strerror}", hint="check its permissions"
        ) from error


def _absolute(path: str) -> str:
    return path if path.startswith("~") else str(Path(path).absolute())


def _check_name(name: str) -> None:
    """Refuse a name that would mean something else as a key of the config or in a file name."""
    if not re.fullmatch(r"[\w-]+", name):
        raise WrongUsageError(
            f"{name!r} cannot be a target's name", hint="letters, digits, hyphens, underscores"
        )


def _change(config: Config, name: str, setting: object) -> None:
    """Write one target's line; None takes it away. What else a person wrote there stays.

    Naming one target ends the guessing, so those guessed so far are named with it.
    """
    path = config.source or settings.get_config_path()
    if not config.targets:
        guessed = {target.name: str(target.path) for target in keepers.resolve(config)}
        config_writer.change(path, {"targets": guessed})
    config_writer.change(path, {f"targets.{name}": setting})
