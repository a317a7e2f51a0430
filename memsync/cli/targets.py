"""``targets`` and ``check``: which agents get the memory, and whether they are up to date."""

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
from memsync.cli.terminal import echo
from memsync.config import TARGET_MODES, Config
from memsync.config.workspace import Workspace
from memsync.errors import (
    DamagedMemoryError,
    FolderAwayError,
    NotSetUpError,
    WrongUsageError,
    refused,
)
from memsync.memory import store
from memsync.memory.publish import require_in_step, require_written, update_targets
from memsync.targets import Agent, Limit, Target, TargetState
from memsync.targets.selection import name_target


@click.group(invoke_without_command=True)
@click.pass_context
def targets(ctx: click.Context) -> None:
    """The agents' files that get the memory. Without a command: list them."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_targets)


@targets.command("list")
@click.option(
    "--available", is_flag=True, help="List every agent memsync knows, even if it is not here."
)
@json_option
def list_targets(*, available: bool = False, as_json: bool = False) -> None:
    """Show each target's path, state and size."""
    if available:
        _list_agents(as_json=as_json)
        return
    states = _inspect_targets(open_workspace())
    if as_json:
        print_json({"targets": state_table(states)})
        return
    print_targets(states)
    if not states:
        known = ", ".join(agent.name for agent in keepers.AGENTS)
        echo(f"{NO_AGENT} NAME is one of {known}")


def _inspect_targets(workspace: Workspace) -> list[TargetState]:
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
        echo(f"{row['name']:<13}{mark:<8}{row['path']}")
        details = [row["label"], row["note"], _limit_in_words(agent.limit)]
        echo(f"{'':<21}{'; '.join(filter(None, details))}")
    for name, (why, _) in keepers.WITHOUT_FILE.items():
        echo(f"{name:<13}{'-':<8}{why}")


def _limit_in_words(limit: Limit | None) -> str:
    """Return how much an agent reads, or how much its maker recommends; empty if unknown."""
    if limit is None:
        return ""
    amount = f"{limit.most:,} {limit.unit}"
    return f"{amount} at most, the rest is cut off" if limit.cuts else f"{amount} recommended"


def _config_if_any() -> Config:
    """Return this machine's config; before `memsync init`, one without targets."""
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
    """Give the memory to every target now.

    Exit code: 0, or 1 if a target did not get it.
    """
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
    help="How to write it: block, or copy (the default for a file of memsync's own).",
)
def add(name: str, path: str | None, mode: str | None) -> None:
    """Give the memory to one more agent.

    NAME: a known agent (memsync targets list --available), or any name together with PATH.
    """
    _check_name(name)
    config = settings.load()
    target = _wanted(name, path, mode)
    present = keepers.configured_targets(config)
    _refuse_second_writer(target, present)
    store.read(open_workspace())  # raises before anything is changed
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
    remarks = [(name, remark) for remark in keepers.remarks_on(target, others)]
    remarks += [(o.name, remark) for o in others for remark in keepers.read_twice(o, [target])]
    for whose, remark in remarks:
        echo(f"  {whose}: {remark.words}")
    require_written(published.targets)
    require_in_step(state for state in published.targets if state.name == name)


def _wanted(name: str, path: str | None, mode: str | None) -> Target:
    """Return the target that was asked for.

    Raises:
        WrongUsageError: the agent is unknown, or has no file; the hint says what to do instead.
    """
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
        f"no agent {name!r} is known", hint=f"memsync targets add {name} PATH, or one of {known}"
    )


def _refuse_second_writer(target: Target, present: list[Target]) -> None:
    place = keepers.real_place(target.path)
    for other in present:
        if other.name == target.name or keepers.real_place(other.path) != place:
            continue
        hint = f"to rename it, memsync targets remove {other.name} first"
        agent = keepers.find_agent(target.name)
        if agent is not None and agent.file() == target.path:
            hint = f"nothing to do: {agent.label} reads that file and already has the memory"
        raise WrongUsageError(f"{target.path} is already the target {other.name!r}", hint=hint)


@targets.command()
@click.argument("name")
def remove(name: str) -> None:
    """Remove a target, and restore its file as it was before."""
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
    echo(f"{name}: {done}  {target.path}")
    with contextlib.suppress(FolderAwayError, DamagedMemoryError):
        # Only the report is left to write; a target can be removed without the sync folder.
        require_written(update_targets(Workspace.open(settings.load())).targets)


@click.command()
@click.option("--quiet", "-q", is_flag=True, help="Print nothing; use the exit code.")
@json_option
@click.pass_context
def check(ctx: click.Context, *, quiet: bool, as_json: bool) -> None:
    """Check that every agent's file here is up to date. Changes nothing.

    Exit code: 0 if all are up to date; 1 if any file is out of date, or if there is no target. For
    scripts and CI. To update the files: memsync targets sync.
    """
    states = _inspect_targets(open_workspace())
    outdated = [state for state in states if state.state != "in-sync"]
    in_step = bool(states) and not outdated
    if as_json:
        print_json({"in_step": in_step, "targets": state_table(states)})
    elif not quiet and outdated:
        print_targets(outdated, lead="")
    elif not quiet and not states:
        echo(NO_AGENT)
    elif not quiet:
        count = "1 agent is" if len(states) == 1 else f"{len(states)} agents are"
        echo(f"{count} up to date.")
    ctx.exit(0 if in_step else 1)


def _forget(target: Target) -> str:
    with refused(f"{target.path} cannot be changed", hint="check its permissions"):
        return keepers.forget_target(target)


def _absolute(path: str) -> str:
    return path if path.startswith("~") else str(Path(path).absolute())


def _check_name(name: str) -> None:
    """Raise `WrongUsageError` for a name that is unsafe as a config key or in a file name."""
    if not re.fullmatch(r"[\w-]+", name):
        raise WrongUsageError(
            f"{name!r} cannot be a target's name",
            hint="use letters, digits, hyphens and underscores",
        )
