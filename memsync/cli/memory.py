"""``edit``, ``diff``, ``log`` and ``restore``: the memory by hand, and back."""

from __future__ import annotations

import difflib
from pathlib import Path

import click

from memsync import backups, clock, store
from memsync.backups import Backup
from memsync.cli.output import json_option, open_workspace, print_json
from memsync.cli.report import print_states, unified
from memsync.errors import MemsyncError, RefusedError, WrongUsageError
from memsync.files import create_new
from memsync.publish import Published, publish
from memsync.state import state_folder
from memsync.terminal import for_terminal
from memsync.workspace import Workspace


@click.command()
def edit() -> None:
    """Change the memory in $VISUAL or $EDITOR; the old text is kept as a backup."""
    workspace = open_workspace()
    memory = store.read(workspace)
    draft = _draft(memory.text.encode("utf-8"))
    _open_editor(draft)
    try:
        text = draft.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise RefusedError("the edited text is not UTF-8", f"it is kept in {draft}") from error
    if text == memory.text:
        draft.unlink()
        click.echo("Nothing changed.")
        return
    try:
        published = publish(workspace, text, memory.digest)
    except MemsyncError as error:
        raise RefusedError(
            f"{error.message}; your text is kept in {draft}", hint="memsync show, then edit again"
        ) from error
    draft.unlink()
    _tell(published, "Saved.")


@click.command()
@click.option("--backup", "name", help="The backup to compare with; the newest one if not given.")
@json_option
def diff(name: str | None, *, as_json: bool) -> None:
    """Show what changed in the memory since a backup."""
    workspace = open_workspace()
    memory = store.read(workspace)
    entry = _choose(workspace, name)
    before = entry.path.read_bytes().decode("utf-8", "replace")
    text = unified(before, memory.text, entry.path.name, "memory")
    if as_json:
        print_json({"backup": entry.path.name, "diff": text})
    else:
        click.echo(for_terminal(text) or f"Nothing changed since {entry.path.name}.", nl=not text)


@click.command()
@json_option
def log(*, as_json: bool) -> None:
    """List the backups, newest first, and how many lines changed after each."""
    workspace = open_workspace()
    after = store.read(workspace).text
    rows = []
    for entry in backups.list_backups(workspace.backups):
        before = entry.path.read_bytes().decode("utf-8", "replace")
        added, removed = _count(before, after)
        rows.append(
            {
                "backup": entry.path.name,
                "time": entry.moment.isoformat(),
                "added": added,
                "removed": removed,
            }
        )
        after = before
    if as_json:
        print_json({"backups": rows})
        return
    for row in rows:
        click.echo(f"{row['backup']}  {row['time']}  then +{row['added']} -{row['removed']} lines")
    if not rows:
        click.echo("No backups yet: the memory has not changed.")


@click.command()
@click.argument("backup", required=False)
def restore(backup: str | None) -> None:
    """Go back to BACKUP, or to the newest one; what stands there now becomes a backup itself."""
    workspace = open_workspace()
    entry = _choose(workspace, backup)
    if not entry.is_good():
        raise WrongUsageError(f"{entry.path.name} holds no text", hint="memsync log lists others")
    published = publish(workspace, entry.path.read_bytes().decode("utf-8"), None)
    _tell(published, f"Restored {entry.path.name}.")


def _open_editor(draft: Path) -> None:
    try:
        click.edit(filename=str(draft))
    except click.ClickException as error:
        raise MemsyncError(
            f"{error.format_message()}; your text is kept in {draft}",
            hint="set EDITOR to a command that works, then memsync edit",
        ) from error


def _draft(data: bytes) -> Path:
    folder = state_folder() / "edit"
    folder.mkdir(exist_ok=True, mode=0o700)
    path = folder / f"GLOBAL_MEMORY_{clock.now().strftime('%Y%m%d_%H%M%S_%f')}.md"
    create_new(path, data)
    return path


def _choose(workspace: Workspace, name: str | None) -> Backup:
    if name is not None:
        return backups.find(workspace.backups, name)
    newest = backups.newest_good(workspace.backups)
    if newest is None:
        raise MemsyncError("there is no backup yet", hint="one is made before each change")
    return newest


def _count(before: str, after: str) -> tuple[int, int]:
    """Return how many lines came and how many went."""
    steps = difflib.SequenceMatcher(None, before.split("\n"), after.split("\n"), autojunk=False)
    changes = [step for step in steps.get_opcodes() if step[0] != "equal"]
    return sum(c[4] - c[3] for c in changes), sum(c[2] - c[1] for c in changes)


def _tell(published: Published, done: str) -> None:
    click.echo(done)
    print_states(published.targets)
    if published.backup:
        click.echo(f"Backup: {published.backup.name}")
