"""``targets``: which agents get the memory, and whether they have it."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import Any

import click

from memsync import config as settings
from memsync import targets as keepers
from memsync.cli.output import (
    NO_AGENT,
    json_option,
    limit_table,
    open_workspace,
    print_json,
    print_states,
    print_targets,
    state_table,
)
from memsync.config import TARGET_MODES, Config
from memsync.config.workspace import Workspace
from memsync.errors import (
    DamagedMemoryError,
    FolderAwayError,
    MemsyncError,
    NotSetUpError,
    WrongUsageError,
)
from memsync.memory import store
from memsync.memory.publish import require_in_step, require_written, update_targets
from memsync.targets import Agent, Limit, Target, TargetState
from memsync.targets.selection import name_target


@click.group(invoke_without_command=True)
@click.pass_context
def targets(ctx: click.Context) -> None:
    """The agents' instruction files. Without a command: list them."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_targets)


@targets.command("list")
@click.option("--available", is_flag=True, help="Every agent memsync knows, found here or not.")
@json_option
def list_targets(*, available: bool = False, as_json: bool = False) -> None:
    """Show each target's path, mode and state, and how full it is."""
    if available:
        _list_agents(as_json=as_json)
        return
    states = _look(open_workspace())
    if as_json:
        print_json({"targets": state_table(states)})
        return
    print_targets(states)
    if not states:
        known = ", ".join(agent.name for agent in keepers.AGENTS)
        click.echo(f"{NO_AGENT} NAME is one of {known}")


def _look(workspace: Workspace) -> list[TargetState]:
    data = store.read(workspace).text.encode("utf-8")
    return keepers.inspect_all(keepers.configured_targets(workspace.config), data, workspace.memory)


def _list_agents(*, as_json: bool) -> None:
    taken = {
        keepers.real_place(target.path) for target in keepers.configured_targets(_config_if_any())
    }
    rows = [_agent_row(agent, taken) for agent in keepers.AGENTS]
    if as_json:
        print_json({"agents": rows})
        return
    for agent, row in zip(keepers.AGENTS, rows, strict=True):
        mark = "has it" if row["target"] else "found" if row["found"] else "-"
        click.echo(f"{row['name']:<13}{mark:<8}{row['path']}")
        told = [row["label"], row["note"], _limit_in_words(agent.limit)]
        click.echo(f"{'':<21}{'; '.join(filter(None, told))}")
    for name, (why, _) in keepers.WITHOUT_FILE.items():
        click.echo(f"{name:<13}{'-':<8}{why}")


def _limit_in_words(limit: Limit | None) -> str:
    """Return how much an agent reads, or its maker advises; empty where nobody says."""
    if limit is None:
        return ""
    amount = f"{limit.most:,} {limit.unit}"
    return f"{amount} at most, the rest is cut off" if limit.cuts else f"{amount} advised"


def _config_if_any() -> Config:
    """Return this machine's config; before `memsync init`, that of a machine without one."""
    try:
        return settings.load()
    except NotSetUpError:
        return Config(given=frozenset({"targets"}))


def _agent_row(agent: Agent, taken: set[str]) -> dict[str, Any]:
    return {
        "name": agent.name,
        "label": agent.label,
        "path": str(agent.file()),
        "found": agent.is_here(),
        "target": keepers.real_place(agent.file()) in taken,
        "limit": limit_table(agent.limit) if agent.limit else None,
        "note": agent.note,
    }


@targets.command()
@json_option
def sync(*, as_json: bool) -> None:
    """Give the memory to every target now; exits 1 where one did not get it."""
    published = update_targets(open_workspace())
    if as_json:
        print_json({"targets": state_table(published.targets)})
    else:
        print_states(published.targets)
    require_in_step(published.targets)


@targets.command()
@click.argument("name")
@click.argument("path", required=False)
@click.option(
    "--mode",
    type=click.Choice(TARGET_MODES),
    help="block (the default) or copy (the default for a file that is memsync's alone).",
)
def add(name: str, path: str | None, mode: str | None) -> None:
    """Give the memory to one more agent: a known NAME, or any NAME with a PATH."""
    _check_name(name)
    config = settings.load()
    target = _wanted(name, path, mode)
    present = keepers.configured_targets(config)
    _refuse_second_writer(target, present)
    store.read(open_workspace())  # where it cannot be read, nothing is changed
    for former in present:
        if former.name == name and former != target:
            _forget(former)
    line = str(target.path) if path is None else _absolute(path)
    name_target(
        config, name, line if target.mode == "block" else {"path": line, "mode": target.mode}
    )
    published = update_targets(open_workspace())
    print_states(published.targets)
    others = keepers.configured_targets(settings.load())
    told = [(name, remark) for remark in keepers.remarks_on(target, others)]
    told += [(o.name, remark) for o in others for remark in keepers.read_twice(o, [target])]
    for whose, remark in told:
        click.echo(f"  {whose}: {remark.words}")
    require_written(published.targets)
    require_in_step(state for state in published.targets if state.name == name)


def _wanted(name: str, path: str | None, mode: str | None) -> Target:
    """Return the target that was asked for, or raise with what to do instead."""
    agent = keepers.find_agent(name)
    if path is not None:
        return Target(name, Path(_absolute(path)).expanduser(), mode or "block")
    if agent is not None:
        return Target(name, agent.file(), mode or agent.mode)
    if name in keepers.WITHOUT_FILE:
        why, instead = keepers.WITHOUT_FILE[name]
        raise WrongUsageError(why, hint=instead)
    known = ", ".join(entry.name for entry in keepers.AGENTS)
    raise WrongUsageError(
        f"no agent {name!r} is known", hint=f"targets add {name} PATH, or one of {known}"
    )


def _refuse_second_writer(target: Target, present: list[Target]) -> None:
    place = keepers.real_place(target.path)
    for other in present:
        if other.name == target.name or keepers.real_place(other.path) != place:
            continue
        hint = f"memsync targets remove {other.name}, to give it another name"
        agent = keepers.find_agent(target.name)
        if agent is not None and agent.file() == target.path:
            hint = f"leave it: {agent.label} reads that file and has the memory"
        raise WrongUsageError(
            f"{target.path} is already the target {other.name!r}; one writer a file", hint=hint
        )


@targets.command()
@click.argument("name")
def remove(name: str) -> None:
    """Take the memory out of a target's file, restore what was there, forget the target."""
    _check_name(name)
    config = settings.load()
    present = keepers.configured_targets(config)
    target = next((entry for entry in present if entry.name == name), None)
    if target is None:
        raise WrongUsageError(f"there is no target {name!r}", hint="memsync targets list")
    place = keepers.real_place(target.path)
    heirs = [
        other.name
        for other in present
        if other is not target and not other.is_retired and keepers.real_place(other.path) == place
    ]
    done = f"file left to the target {heirs[0]!r}" if heirs else _forget(target)
    name_target(config, name, None)
    click.echo(f"{name}: {done}  {target.path}")
    with contextlib.suppress(FolderAwayError, DamagedMemoryError):
        # Only the report is left to write; an agent can be taken away without the sync folder.
        require_written(update_targets(Workspace.open(settings.load())).targets)


@click.command()
@click.option("--quiet", "-q", is_flag=True, help="Print nothing; the exit code tells.")
@json_option
@click.pass_context
def check(ctx: click.Context, *, quiet: bool, as_json: bool) -> None:
    """Tell by the exit code whether every agent here has the memory: 0, or 1 if not.

    Where no agent is to have it at all, that is 1, too. Changes nothing. For scripts and CI;
    memsync targets sync brings in step what is not.
    """
    states = _look(open_workspace())
    adrift = [state for state in states if state.state != "in-sync"]
    in_step = bool(states) and not adrift
    if as_json:
        print_json({"in_step": in_step, "targets": state_table(states)})
    elif not quiet and adrift:
        print_targets(adrift, lead="")
    elif not quiet and not states:
        click.echo(NO_AGENT)
    elif not quiet:
        count = "1 agent has" if len(states) == 1 else f"{len(states)} agents have"
        click.echo(f"{count} the memory as it is now.")
    ctx.exit(0 if in_step else 1)


def _forget(target: Target) -> str:
    try:
        return keepers.forget_target(target)
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
