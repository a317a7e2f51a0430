"""Conflicts: lines that two machines changed at once. Both texts are shown; a person picks one.

``memsync conflicts`` does the same by the same functions. A choice applies only to the memory that
was shown.
"""

from __future__ import annotations

from flask import abort, jsonify, render_template, request
from flask.typing import ResponseReturnValue

from memsync.config.workspace import Workspace
from memsync.daemon.pages.page import Page, back_to, code_for, current_workspace
from memsync.daemon.presenters.conflicts import conflict_table, view_conflicts
from memsync.errors import MemoryMovedError
from memsync.memory import store
from memsync.memory.conflicts import branches, records
from memsync.memory.conflicts.reconcile import doubtful_logs, reconcile, unreadable_copies
from memsync.memory.conflicts.resolve import resolve_conflict
from memsync.memory.history.publish_log import read_ancestry
from memsync.memory.last_change import remember_change
from memsync.memory.store import Memory
from memsync.text.diff3 import Resolution

page = Page(
    __name__,
    "Conflicts",
    60,
    messages={
        "settled": "Decided. The text before it is kept as a backup.",
        "settled-as-is": "Decided. The memory stays as it is.",
        "settled-already": "That was decided already.",
        "moved": "The memory changed meanwhile, so nothing was decided. Look at both texts again.",
        "brought-in": "Merged. Lines that both sides changed are listed here; all else is in the"
        " memory.",
        "nothing-to-bring-in": "No conflict copy is left to merge.",
    },
    waiting=records.unresolved,
    only_while_waiting=True,
)


@page.index("/conflicts")
def list_conflicts() -> ResponseReturnValue:
    """List the open conflicts, and the conflict copies that are not merged yet."""
    workspace = current_workspace()
    memory = store.read(workspace)
    sure, doubtful = _copies(workspace, memory)
    return render_template(
        "conflicts.html",
        listed=view_conflicts(records.unresolved(workspace), memory.text),
        digest=memory.digest,
        sure=sure,
        doubtful=doubtful,
        left=_unreadable(workspace),
    )


@page.post("/conflicts")
def merge_copies() -> ResponseReturnValue:
    """Merge every conflict copy into the memory."""
    outcome = reconcile(current_workspace())
    return back_to("conflicts", "brought-in" if outcome.sentence else "nothing-to-bring-in")


@page.post("/conflicts/<name>")
def resolve(name: str) -> ResponseReturnValue:
    """Keep one side of a conflict, or both."""
    workspace = current_workspace()
    try:
        choice = Resolution(request.form.get("choice", ""))
    except ValueError:
        abort(400)
    conflict = next((c for c in records.unresolved(workspace) if c.id == name), None)
    if conflict is None:
        if name not in records.resolutions(workspace):
            abort(404)
        return back_to("conflicts", "settled-already")
    based_on = request.form.get("based_on", "")
    try:
        published = resolve_conflict(workspace, conflict, choice, based_on)
    except MemoryMovedError:
        return back_to("conflicts", "moved")
    if published is None:
        return back_to("conflicts", "settled-as-is")
    remember_change(published.digest, "a conflict decided on this page")
    return back_to("conflicts", code_for(published, "settled"))


@page.get("/api/conflicts")
def conflicts_as_json() -> ResponseReturnValue:
    """Return the open conflicts and the conflict copies as JSON."""
    workspace = current_workspace()
    memory = store.read(workspace)
    listed = view_conflicts(records.unresolved(workspace), memory.text)
    sure, doubtful = _copies(workspace, memory)
    return jsonify(
        conflicts=[conflict_table(view) for view in listed],
        memory=memory.digest,
        copies=sure,
        doubtful=doubtful,
        left=_unreadable(workspace),
    )


def _copies(workspace: Workspace, memory: Memory) -> tuple[list[str], list[str]]:
    """Return the conflict copies that are not merged yet, and the files that may be one."""
    named = branches.readable_copies(workspace.root)
    logs = [path.name for path in doubtful_logs(workspace)]
    if not named:
        return [], logs
    graph, texts = read_ancestry(workspace), branches.TextFinder(workspace)
    found = branches.classify(workspace, graph, texts, memory, named)
    doubtful = [path.name for path in found.doubtful]
    return [branch.source for branch in found.sure], [*doubtful, *logs]


def _unreadable(workspace: Workspace) -> list[dict[str, str]]:
    """Return the files named like conflict copies that cannot be read, with the reason."""
    found = unreadable_copies(workspace)
    return [{"name": one.path.name, "why": one.why} for one in found]
