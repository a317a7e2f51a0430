"""``edit``, ``diff`` and ``log``: edit the memory by hand, and look at earlier versions."""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click

from memsync import clock
from memsync.cli.output import (
    json_option,
    open_workspace,
    print_json,
    print_published,
    unified_diff,
)
from memsync.cli.terminal import echo
from memsync.config.state import state_folder
from memsync.config.workspace import Workspace
from memsync.errors import DamagedMemoryError, MemsyncError, RefusedError
from memsync.files.atomic import create_new
from memsync.memory import store
from memsync.memory.conflicts.reconcile import count_in_words, reconcile
from memsync.memory.conflicts.resolve import merge_edit
from memsync.memory.history import backups
from memsync.memory.history.backups import Backup
from memsync.memory.mirror import contents
from memsync.memory.restore_point import find_restore_point


@click.command()
def edit() -> None:
    """Edit the memory in $VISUAL or $EDITOR. The old text is backed up first."""
    workspace = open_workspace()
    reconcile(workspace)
    memory = store.read(workspace)
    draft = _draft(memory.text.encode("utf-8"))
    _open_editor(draft)
    try:
        text = draft.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise RefusedError(
            "the edited text is not UTF-8", f"save it as UTF-8; it is kept in {draft}"
        ) from error
    if text == memory.text:
        draft.unlink()
        echo("Nothing changed.")
        return
    try:
        published, conflicts = merge_edit(workspace, memory, text)
    except MemsyncError as error:
        raise RefusedError(
            f"{error.message}; your text is kept in {draft}", hint="memsync show, then edit again"
        ) from error
    with contextlib.suppress(OSError):  # a leftover draft does no harm
        draft.unlink()
    print_published(published, "Saved.")
    if conflicts:
        echo(f"{count_in_words(conflicts, 'conflict')} with another change: memsync conflicts")


@click.command()
@click.option("--backup", "name", help="The backup to compare with; default: the newest.")
@json_option
def diff(name: str | None, *, as_json: bool) -> None:
    """Show what changed in the memory since a backup."""
    workspace = open_workspace()
    memory = store.read(workspace)
    choice = find_restore_point(workspace, name, memory)
    entry = choice.entry
    if choice.unread:
        words = f"{choice.doubt}. Showing the next one that can be read: {entry.path.name}."
        echo(words, err=True)
    before = entry.read().decode("utf-8", "replace")
    text = unified_diff(before, memory.text, entry.path.name, "memory")
    if as_json:
        print_json({"backup": entry.path.name, "diff": text})
    else:
        echo(text or f"Nothing changed since {entry.path.name}.", nl=not text)


@click.command()
@click.option("--from-mirror", is_flag=True, help="List the versions in the mirror instead.")
@json_option
def log(*, from_mirror: bool, as_json: bool) -> None:
    """List the backups, newest first, and how many lines changed after each."""
    workspace = open_workspace()
    if from_mirror:
        listed = contents.mirrored_memories(contents.mirror_path(workspace.config))
    else:
        listed = backups.list_backups(workspace.backups)
    rows = list(_changes(listed, _standing(workspace)))
    if as_json:
        print_json({"backups": rows})
        return
    for row in rows:
        counts = "?" if row["added"] is None else f"+{row['added']} -{row['removed']}"
        echo(f"{row['backup']}  {row['time']}  then {counts} lines")
    if not rows:
        echo("No backups yet: the memory has not changed.")


def _standing(workspace: Workspace) -> str | None:
    try:
        return store.read(workspace).text
    except DamagedMemoryError:
        return None  # the list helps to choose a backup


def _changes(listed: Iterable[Backup], after: str | None) -> Iterator[dict[str, Any]]:
    """Yield a row for each backup; `after` is the memory after the newest one, None if unknown.

    A backup that cannot be read is listed, too, without counts.
    """
    for entry in listed:
        before: str | None = None
        with contextlib.suppress(OSError):
            before = entry.read().decode("utf-8", "replace")
        added, removed = None, None
        if before is not None and after is not None:
            added, removed = _count(before, after)
        yield {
            "backup": entry.path.name,
            "time": entry.moment.isoformat(),
            "added": added,
            "removed": removed,
        }
        after = before


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


def _count(before: str, after: str) -> tuple[int, int]:
    """Return how many lines were added and how many removed."""
    steps = difflib.SequenceMatcher(None, before.split("\n"), after.split("\n"), autojunk=False)
    changes = [step for step in steps.get_opcodes() if step[0] != "equal"]
    return sum(c[4] - c[3] for c in changes), sum(c[2] - c[1] for c in changes)
