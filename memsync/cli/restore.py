"""``restore``: go back to a backup or to the mirror's copy, after showing the difference."""

from __future__ import annotations

import sys

import click

from memsync.cli.output import open_workspace, print_published, unified_diff
from memsync.cli.terminal import confirm, echo, is_terminal
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
@click.option("--from-mirror", is_flag=True, help="Restore from the mirror instead of backups/.")
@click.option("--dry-run", is_flag=True, help="Show the difference, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
def restore(backup: str | None, *, from_mirror: bool, dry_run: bool, yes: bool) -> None:
    """Restore BACKUP. Default: the newest one that differs from the memory.

    The present text is backed up first. At a terminal, the difference is shown and you are asked.

    Details: The newest backup is the text before the last change, even if a wrong clock dated it.
    If it cannot be read, nothing is changed, and the next one is named. If the memory is damaged,
    the text last seen on this machine is restored, or the backup with that text. With
    --from-mirror, the mirror's copy of the memory is restored, or its newest good version.
    """
    workspace = open_workspace()
    standing = _standing(workspace)
    entry = _find(workspace, backup, standing, from_mirror=from_mirror)
    if not entry.is_good():
        lists = "memsync log --from-mirror" if from_mirror else "memsync log"
        raise WrongUsageError(f"{entry.path.name} holds no text", hint=f"{lists} lists others")
    text = entry.read().decode("utf-8")
    called = _called(workspace, entry)
    if standing is not None and standing.text == text:
        echo(f"The memory is the same as {called}. Nothing was changed.")
        return
    asks = is_terminal(sys.stdin) and not yes
    if dry_run or asks:
        _show(standing, text, called)
    if dry_run or (asks and not confirm(f"Restore {called}?")):
        echo("Nothing was changed.")
        return
    # A person who saw the difference agreed to that change and no other.
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
    """Return the backup to restore.

    A restore that was interrupted has already made its backup, with the text that is still there;
    so the newest backup that differs is the one to restore.

    Raises:
        MemsyncError: that backup cannot be read, or it is unclear which one it is.
    """
    if from_mirror:
        return contents.choose_memory(contents.mirror_path(workspace.config), name)
    choice = find_restore_point(workspace, name, standing, differing=True)
    if choice.unread:
        # A script cannot be asked, and an older backup would undo a change that nobody named.
        other = choice.entry.path.stem.removeprefix("GLOBAL_MEMORY_")
        raise MemsyncError(
            f"{choice.doubt} and may be the one you mean",
            hint=f"memsync restore {other}, the next one that can be read",
        )
    return choice.entry


def _standing(workspace: Workspace) -> Memory | None:
    """Return the memory; None if it is damaged, which a restore repairs."""
    try:
        return store.read(workspace)
    except DamagedMemoryError as error:
        echo(f"{error.message[0].upper()}{error.message[1:]}.", err=True)
        return None


def _called(workspace: Workspace, entry: Backup) -> str:
    is_last = entry.path == last_seen.newest_seen(workspace.root)
    return "the memory as it was last seen here" if is_last else entry.path.name


def _show(standing: Memory | None, text: str, called: str) -> None:
    before = standing.text if standing else ""
    echo(unified_diff(before, text, "memory", called), nl=False)
