"""History: every kept version of the memory, what changed each time, and the way back."""

from __future__ import annotations

from flask import Response, make_response, render_template, request
from flask.typing import ResponseReturnValue

from memsync.config.workspace import Workspace
from memsync.daemon.pages import problems
from memsync.daemon.pages.page import Page, back_to, current_workspace
from memsync.daemon.pages.problems import Problem
from memsync.daemon.presenters import changes, timeline
from memsync.errors import DamagedMemoryError, MemoryMovedError, WrongUsageError
from memsync.memory import store
from memsync.memory.history.backups import Backup
from memsync.memory.history.provenance import Cause
from memsync.memory.last_change import remember_change
from memsync.memory.publish import publish
from memsync.memory.restore_point import find_restore_point, last_seen_point

NO_SUCH_BACKUP = Problem(
    "There is no such backup",
    "It may have been pruned, or it has not come from another machine yet.",
    "The history lists the backups that are here.",
)
UNREADABLE = Problem(
    "This backup cannot be read",
    "It holds no text, or its content is not on this machine.",
    "Choose another backup, or let your sync client download this one.",
)
DAMAGED = "damaged"
"""The `based_on` of a review if the memory itself cannot be read."""
LAST = "last"
"""The name of the text last seen on this machine, if the memory is damaged and no backup has it."""

page = Page(
    __name__,
    "History",
    30,
    messages={"restored": "Restored. The text before it is kept as a backup."},
)


@page.index("/history")
def list_changes() -> ResponseReturnValue:
    """List the changes of the memory, newest first."""
    workspace = current_workspace()
    start = request.args.get("from", "")
    return render_template(
        "history.html",
        page=timeline.steps_from(workspace, start),
        last=LAST if last_seen_point(workspace) else "",
    )


@page.get("/history/<name>")
def show_backup(name: str) -> ResponseReturnValue:
    """Compare a backup with the version after it, or with the memory."""
    workspace = current_workspace()
    entry = _find(workspace, name)
    if entry is None:
        return problems.problem_page(404, NO_SUCH_BACKUP)
    with_memory = request.args.get("with") == "memory"
    old = timeline.text_of(entry)
    new = store.read(workspace).text if with_memory else timeline.text_after(workspace, entry)
    if old is None or new is None:
        return problems.problem_page(503, UNREADABLE)
    older, newer = timeline.neighbours(workspace, entry)
    return render_template(
        "backup.html",
        entry=entry,
        name=timeline.short_name(entry),
        with_memory=with_memory,
        changes=changes.compare(old, new),
        older=older,
        newer=newer,
    )


@page.get("/history/<name>/restore")
def review_restore(name: str) -> ResponseReturnValue:
    """Show what restoring a backup would change."""
    return _review(name, 200)


@page.post("/history/<name>/restore")
def restore_backup(name: str) -> ResponseReturnValue:
    """Make a backup the memory, if the memory is still the one that was reviewed."""
    workspace = current_workspace()
    entry = _chosen(workspace, name)
    text = timeline.text_of(entry) if entry else None
    if text is None:
        return _review(name, 200)  # it says what is wrong with the backup
    based_on = request.form.get("based_on", "")
    if based_on != _present(workspace)[1]:
        return _review(name, 409)
    expected = None if based_on == DAMAGED else based_on
    try:
        published = publish(workspace, text, expected, cause=Cause("restore"))
    except MemoryMovedError:  # between the read and the write
        return _review(name, 409)
    remember_change(published.digest, "a restore on this page")
    return back_to("memory", "restored")


def _review(name: str, status: int) -> Response:
    workspace = current_workspace()
    entry = _chosen(workspace, name)
    if entry is None:
        return problems.problem_page(404, NO_SUCH_BACKUP)
    text = timeline.text_of(entry)
    if text is None:
        return problems.problem_page(503, UNREADABLE)
    present, based_on = _present(workspace)
    body = render_template(
        "restore.html",
        entry=entry,
        name=name if name == LAST else timeline.short_name(entry),
        is_last=name == LAST,
        changes=changes.compare(present, text),
        same=present == text,
        based_on=based_on,
        damaged=based_on == DAMAGED,
        moved=status == 409,
    )
    return make_response(body, status)


def _chosen(workspace: Workspace, name: str) -> Backup | None:
    """Return the backup or last seen text of that name; None if there is none."""
    return last_seen_point(workspace) if name == LAST else _find(workspace, name)


def _find(workspace: Workspace, name: str) -> Backup | None:
    try:
        return find_restore_point(workspace, name, None).entry
    except WrongUsageError:
        return None


def _present(workspace: Workspace) -> tuple[str, str]:
    """Return the memory's text and digest; for a damaged memory, no text and `DAMAGED`.

    Raises:
        FolderAwayError: the folder is not there, so nobody knows what the memory is.
    """
    try:
        memory = store.read(workspace)
    except DamagedMemoryError:
        return "", DAMAGED
    return memory.text, memory.digest
