"""``init`` and ``providers``: set up memsync on a machine."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from memsync import config as settings
from memsync import targets
from memsync.cli.output import json_option, print_json, print_states
from memsync.cli.terminal import confirm, echo, is_terminal, prompt
from memsync.config import PROVIDERS, Config, writer
from memsync.config.sync_folder import folder_at, trust_link, unanswered_links
from memsync.config.workspace import Workspace, detect_sync_root, require_folder
from memsync.errors import DamagedMemoryError, FolderAwayError, MemsyncError, refused
from memsync.files.timeout import with_timeout
from memsync.memory import store
from memsync.memory.history.backups import newest_good
from memsync.memory.publish import Published, publish_first, require_written, update_targets
from memsync.memory.rclone import join
from memsync.notes import ledger
from memsync.providers import Provider, auto_detect, get_provider
from memsync.targets import Target, block
from memsync.targets.selection import name_target


@click.command()
@click.option("--provider", type=click.Choice(PROVIDERS), help="The sync client to use.")
# No click.Path: it would look at the folder, and wait for ever if the folder hangs.
@click.option("--sync-root", type=Path, help="Use this folder as the sync folder.")
@click.option("--rclone-remote", "remote", help="For rclone: the remote, as NAME:PATH.")
@click.option("--force", is_flag=True, help="Set up again. Other settings and the memory stay.")
def init(*, provider: str | None, sync_root: Path | None, remote: str | None, force: bool) -> None:
    """Set up this machine.

    Finds the sync folder or uses the one given, joins the memory in it or starts one, and gives the
    memory to every agent found. An instruction file you already have can become the memory. Without
    a terminal, nothing is asked.
    """
    path = settings.get_config_path()
    if path.exists() and not force:
        raise MemsyncError(f"memsync is already set up here: {path}", hint="memsync init --force")
    if remote and provider in {None, "rclone"}:
        provider, sync_root = "rclone", _place_of_copy(sync_root)
    name, root = _choose_folder(provider, sync_root)
    before = path.read_bytes() if path.exists() else None
    config = _write_config(path, name, root, remote)
    try:
        config = _with_others(_with_moved(config))
        workspace = Workspace.create(config)
        if name == "rclone":
            join.join_remote(workspace)
    except BaseException:
        writer.restore_config(path, before)  # a failed set-up must not look finished
        raise
    _ask_about_links(workspace)
    published = _start_memory(workspace)
    _open_ledger(workspace)
    echo(f"Memory: {workspace.memory}")
    print_states(published.targets)
    others = [agent.name for agent in targets.offered_agents(targets.configured_targets(config))]
    if others:
        echo(f"Also found here: {', '.join(others)}. To add one: memsync targets add NAME")
    require_written(published.targets)
    echo('Next: memsync note "what to remember", then memsync refresh')


@click.command()
@json_option
def providers(*, as_json: bool) -> None:
    """List the sync clients memsync knows, and the folder of each, if found."""
    rows = []
    for name in PROVIDERS:
        provider = get_provider(name)
        path, answers = None, True
        try:
            path = provider.detect()
        except TimeoutError:
            answers = False
        rows.append({"name": name, "label": provider.label, "path": path, "answers": answers})
    if as_json:
        print_json({"providers": rows})
        return
    for row in rows:
        nowhere = "not found" if row["answers"] else "does not answer"
        where = row["path"] or ("--sync-root PATH" if row["name"] == "custom" else nowhere)
        echo(f"{row['name']:<11} {where}")


def _choose_folder(provider: str | None, sync_root: Path | None) -> tuple[str, Path]:
    """Return the provider's name and the sync folder: given, found, or chosen by the person.

    Raises:
        FolderAwayError: no sync folder was found.
    """
    if sync_root is not None:
        return provider or "custom", sync_root.expanduser().absolute()
    if provider is not None:
        found = detect_sync_root(get_provider(provider))
        if found is None:
            raise FolderAwayError(
                f"no {get_provider(provider).label} folder was found",
                hint=f"memsync init --provider {provider} --sync-root PATH",
            )
        return provider, found
    silent: list[Provider] = []
    detected = auto_detect(silent.append)
    for one in silent:
        echo(f"Skipped the {one.label} folder: it does not answer.", err=True)
    if not detected:
        raise FolderAwayError(
            "no sync folder was found on this machine", hint="memsync init --sync-root PATH"
        )
    if len(detected) > 1 and is_terminal(sys.stdin):
        return _ask(detected)
    return detected[0][0].name, detected[0][1]


def _place_of_copy(sync_root: Path | None) -> Path:
    """Return the folder for the local copy of a remote; make it if it is missing."""
    place = sync_root or next(iter(get_provider("rclone").candidates()))
    with refused(f"the folder {place} cannot be made", hint="memsync init --sync-root PATH"):
        with_timeout(place, lambda: place.mkdir(parents=True, exist_ok=True, mode=0o700))
    return place


def _ask(detected: list[tuple[Provider, Path]]) -> tuple[str, Path]:
    for number, (found, root) in enumerate(detected, start=1):
        echo(f"{number}. {found.label}: {root}")
    answer = prompt("Which folder", 1, kind=click.IntRange(1, len(detected)))
    found, root = detected[answer - 1]
    return found.name, root


def _write_config(path: Path, provider: str, root: Path, remote: str | None = None) -> Config:
    require_folder(root)
    paths = {"sync_root": str(root)} | ({"rclone_remote": remote} if remote else {})
    if path.exists():
        changes = {f"paths.{key}": value for key, value in paths.items()}
        writer.change(path, {"core.provider": provider, **changes})
    else:
        writer.write_new(path, {"core": {"provider": provider}, "paths": paths})
    return settings.load(path)


def _with_moved(config: Config) -> Config:
    """Write down the agents moved by a variable of this shell: the daemon does not have it."""
    for target in targets.moved_targets(config):
        name_target(config, target.name, str(target.path))
        config = settings.load(config.source)
    return config


def _with_others(config: Config) -> Config:
    """Offer the other agents found here as targets, if there is a terminal to ask at."""
    found = targets.offered_agents(targets.configured_targets(config))
    if not found or not is_terminal(sys.stdin):
        return config
    echo("Other agents found here:")
    for agent in found:
        echo(f"  {agent.name:<13}{agent.label}: {agent.file()}")
    names = [agent.name for agent in found]
    answer = prompt(
        "Which of them should get the memory too? (names, all or none)",
        "all",
        read=lambda text: _chosen(text, names),
    )
    for agent in found:
        if agent.name in answer:
            path = str(agent.file())
            line = path if agent.mode == "block" else {"path": path, "mode": agent.mode}
            name_target(config, agent.name, line)
            config = settings.load(config.source)
    return config


def _chosen(text: str, names: list[str]) -> list[str]:
    """Return the names a person typed; raise `click.BadParameter` if one was not offered."""
    given = text.replace(",", " ").split()
    if given in (["all"], ["none"]):
        return names if given == ["all"] else []
    unknown = [name for name in given if name not in names]
    if unknown or not given:
        raise click.BadParameter(f"type all, none, or names out of {', '.join(names)}")
    return given


def _ask_about_links(workspace: Workspace) -> None:
    """Ask once about the memory, or a folder of ours, that is a link; without a terminal, never."""
    for link in unanswered_links(workspace.root) if is_terminal(sys.stdin) else ():
        if confirm(f"{link.name} is a link to {link.to}. Did you make it?"):
            trust_link(workspace.root, link.name)


def _start_memory(workspace: Workspace) -> Published:
    """Join the memory in the folder, or start one from an agent's file or from the starter text."""
    try:
        store.read(workspace)
    except DamagedMemoryError:
        there = folder_at(workspace.root).exists(workspace.memory)
        if there or newest_good(workspace.backups) is not None:
            raise  # never start a new memory over one that existed
    else:
        return update_targets(workspace)
    adopted = _adoptable(workspace.config)
    if adopted is None:
        return publish_first(workspace, store.STARTER)
    target, text = adopted
    data = target.path.read_bytes()
    own = block.find_block(data) is None
    echo(f"The memory starts from {'your' if own else 'the memory in'} {target.path}")
    if own and block.split_foreign(data)[1]:
        echo("What another tool keeps in that file stays there and is not added to the memory.")
    return publish_first(workspace, text, target if own else None)


def _adoptable(config: Config) -> tuple[Target, str] | None:
    """Return the first target with text in its file, and the text; at a terminal, ask first."""
    for target in targets.configured_targets(config):
        if target.is_retired:
            continue
        try:
            text = _own_text(target.path.read_bytes()).decode("utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        if not text.strip() or "\0" in text:
            continue
        if not is_terminal(sys.stdin) or confirm(
            f"Start the memory from {target.path} ({len(text.splitlines())} lines)?", default=True
        ):
            return target, text
    return None


def _own_text(data: bytes) -> bytes:
    """Return the memory in a file's block; without a block, a person's own text."""
    found = block.find_block(data)
    return block.split_foreign(data)[0] if found is None else found.content


def _open_ledger(workspace: Workspace) -> None:
    with refused(f"{workspace.machines} cannot be written", hint="memsync doctor"):
        ledger.open_ledger(workspace)
