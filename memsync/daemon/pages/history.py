"""History: what the memory was, what changed each time, and the way back behind a review."""

from __future__ import annotations

from flask import Flask, Response, make_response, render_template, request
from flask.typing import ResponseReturnValue

from memsync.config import Config
from memsync.config.workspace import Workspace
from memsync.daemon.pages import problems
from memsync.daemon.pages.parts import back_to
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
    "It may have been pruned since, or another machine has not brought it yet.",
    "The history lists those that are here.",
)
UNREADABLE = Problem(
    "This backup cannot be read",
    "It holds no text, or its content is not on this machine.",
    "Choose another one, or let your sync client bring it.",
)
DAMAGED = "damaged"
"""What a review was based on where the memory itself cannot be read."""
LAST = "last"
"""What the page calls the text last seen here, where the memory is damaged and no backup has it."""


def install(app: Flask, config: Config) -> None:
    """Add the list of backups, the comparison of one, and the way back to it."""
    pages = _Pages(config)
    app.add_url_rule("/history", "history", pages.history)
    app.add_url_rule("/history/<name>", "backup", pages.backup)
    app.add_url_rule("/history/<name>/restore", "restore", pages.restore)
    app.add_url_rule("/history/<name>/restore", "restore_now", pages.restore_now, methods=["POST"])


class _Pages:
    def __init__(self, config: Config) -> None:
        self._config = config

    def history(self) -> ResponseReturnValue:
        workspace = Workspace.open(self._config)
        start = request.args.get("from", "")
        return render_template(
            "history.html",
            page=timeline.steps_from(workspace, start),
            last=LAST if last_seen_point(workspace) else "",
        )

    def backup(self, name: str) -> ResponseReturnValue:
        workspace = Workspace.open(self._config)
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

    def restore(self, name: str) -> ResponseReturnValue:
        return self._review(name, 200)

    def restore_now(self, name: str) -> ResponseReturnValue:
        workspace = Workspace.open(self._config)
        entry = _chosen(workspace, name)
        text = timeline.text_of(entry) if entry else None
        if text is None:
            return self._review(name, 200)  # which says what is wrong with it
        based_on = request.form.get("based_on", "")
        if based_on != _standing(workspace)[1]:
            return self._review(name, 409)
        try:
            published = publish(
                workspace, text, None if based_on == DAMAGED else based_on, cause=Cause("restore")
            )
        except MemoryMovedError:  # between the look and the write
            return self._review(name, 409)
        remember_change(published.digest, "a restore on this page")
        return back_to("memory", "restored")

    def _review(self, name: str, status: int) -> Response:
        workspace = Workspace.open(self._config)
        entry = _chosen(workspace, name)
        if entry is None:
            return problems.problem_page(404, NO_SUCH_BACKUP)
        text = timeline.text_of(entry)
        if text is None:
            return problems.problem_page(503, UNREADABLE)
        present, based_on = _standing(workspace)
        page = render_template(
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
        return make_response(page, status)


def _chosen(workspace: Workspace, name: str) -> Backup | None:
    """Return the text that is called so, to go back to; None where there is none."""
    return last_seen_point(workspace) if name == LAST else _find(workspace, name)


def _find(workspace: Workspace, name: str) -> Backup | None:
    try:
        return find_restore_point(workspace, name, None).entry
    except WrongUsageError:
        return None


def _standing(workspace: Workspace) -> tuple[str, str]:
    """Return the memory's text and digest; a damaged one is no text, and restoring it is allowed.

    Raises:
        FolderAwayError: it cannot be told what stands there.
    """
    try:
        memory = store.read(workspace)
    except DamagedMemoryError:
        return "", DAMAGED
    return memory.text, memory.digest
