"""``restore``: back to a backup, or to what the mirror has, with the difference first."""

from __future__ import annotations

import sys

import click

from memsync.cli.output import open_workspace, print_published, unified_diff
from memsync.cli.terminal import for_terminal, is_terminal
from memsync.config.workspace import Workspace
from memsync.errors import DamagedMemoryError, MemsyncError, WrongUsageError
from memsync.memory import store
from memsync.memory.history import last_seen
from memsync.memory.history.backups import Backup
from memsync.memory.history.provenance import Cause
from memsync.memory.mirror import contents
from memsync.memory.publish import publish
from memsync.memory.restore_point import find_restore_point
from memsync.memory.store import Memory


@click.command()
@click.argument("backup", required=False)
@click.option("--from-mirror", is_flag=True, help="Take it from the mirror, not from backups/.")
@click.option("--dry-run", is_flag=True, help="Show the difference and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask at a terminal.")
def restore(backup: str | None, *, from_mirror: bool, dry_run: bool, yes: bool) -> None:
    """Go back to BACKUP, or to the newest that differs; what stands there becomes a backup itself.

    The newest is the text from before the last change, whatever a wrong clock called its backup.
    Where that cannot be read nothing is done, and the next one is named.

    Where the memory is damaged, its newest text is the one last seen on this machine, unless a
    backup has that one.

    At a terminal the difference is shown first, and you are asked. With --from-mirror the newest
    sound text in the mirror is taken: its copy of the memory, or else the newest older one.
    """
    workspace = open_workspace()
    standing = _standing(workspace)
    entry = _find(workspace, backup, standing, from_mirror=from_mirror)
    if not entry.is_good():
        lists = "memsync log --from-mirror" if from_mirror else "memsync log"
        raise WrongUsageError(f"{entry.path.name} holds no text", hint=f"{lists} lists others")
    text = entry.path.read_bytes().decode("utf-8")
    called = _called(workspace, entry)
    if standing is not None and standing.text == text:
        click.echo(f"The memory is what {called} has; nothing was changed.")
        return
    asks = is_terminal(sys.stdin) and not yes
    if dry_run or asks:
        _show(standing, text, called)
    if dry_run or (asks and not click.confirm(f"Go back to {called}?")):
        click.echo("Nothing was changed.")
        return
    # Who has seen the difference agreed to that one and no other.
    published = publish(
        workspace,
        text,
        standing.digest if asks and standing else None,
        cause=Cause("restore"),
    )
    print_published(published, f"Restored {called}.")


def _find(
    workspace: Workspace, name: str | None, standing: Memory | None, *, from_mirror: bool
) -> Backup:
    """Return the text that is meant.

    A restore that was cut off has made its backup already, which holds what still stands there;
    the newest backup that differs is the one to go back to.

    Raises:
        MemsyncError: the one to go back to cannot be read, or that cannot be told.
    """
    if from_mirror:
        return contents.choose_memory(contents.mirror_path(workspace.config), name)
    choice = find_restore_point(workspace, name, standing, differing=True)
    if choice.unread:
        # In a script nobody is asked: to go on to an older one would undo a change nobody named.
        other = choice.entry.path.stem.removeprefix("GLOBAL_MEMORY_")
        raise MemsyncError(
            f"{choice.doubt} and may be the text that is meant",
            hint=f"memsync restore {other} takes the next that can be read",
        )
    return choice.entry


def _standing(workspace: Workspace) -> Memory | None:
    """Return the memory; None where it is damaged, which is what restoring is for."""
    try:
        return store.read(workspace)
    except DamagedMemoryError as error:
        click.echo(f"{error.message[0].upper()}{error.message[1:]}.", err=True)
        return None


def _called(workspace: Workspace, entry: Backup) -> str:
    is_last = entry.path == last_seen.newest_seen(workspace.root)
    return "the memory as it was last seen here" if is_last else entry.path.name


def _show(standing: Memory | None, text: str, called: str) -> None:
    before = standing.text if standing else ""
    click.echo(for_terminal(unified_diff(before, text, "memory", called)), nl=False)
