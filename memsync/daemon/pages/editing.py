"""Edit, review and save the memory; if it changed meanwhile, show both texts and offer a merge.

A text is saved only onto the memory it was reviewed against.
"""

from __future__ import annotations

from dataclasses import dataclass

from flask import Response, make_response, render_template, request
from flask.typing import ResponseReturnValue

from memsync.config.workspace import Workspace
from memsync.daemon.pages import problems
from memsync.daemon.pages.page import MAX_TEXT, Page, back_to, code_for, current_workspace
from memsync.daemon.presenters import changes
from memsync.daemon.presenters.lines import as_typed, for_browser
from memsync.errors import MemoryMovedError
from memsync.memory import store
from memsync.memory.conflicts.branches import find_text
from memsync.memory.conflicts.resolve import base_of_edit
from memsync.memory.history.provenance import Cause
from memsync.memory.last_change import remember_change
from memsync.memory.publish import publish
from memsync.memory.store import Memory
from memsync.text.diff3 import Resolution, ThreeWayMerge, merge

page = Page(
    __name__,
    "Edit",
    20,
    messages={
        "saved": "Saved. The text before it is kept as a backup.",
        "unchanged": "Nothing to save: this is the memory as it is.",
    },
)


@dataclass(frozen=True)
class _Draft:
    """A text from a form, and the digest of the memory it was made from."""

    text: str
    based_on: str


@page.index("/edit")
def open_editor() -> ResponseReturnValue:
    """Open the memory in the editor."""
    memory = store.read(current_workspace())
    as_sent = for_browser(memory.text).replace("\n", "\r\n")
    if len(as_sent.encode()) > MAX_TEXT:
        return problems.problem_page(413, problems.TOO_LONG_TO_EDIT)
    return _editor(_Draft(memory.text, memory.digest))


@page.post("/edit")
def return_to_editor() -> ResponseReturnValue:
    """Open the text that was sent in the editor."""
    return _editor(_sent_draft())


@page.post("/review")
def review_draft() -> ResponseReturnValue:
    """Show what a draft would change."""
    workspace = current_workspace()
    return _review(workspace, _sent_draft(), store.read(workspace))


@page.post("/merge")
def merge_draft() -> ResponseReturnValue:
    """Merge a draft into a memory that changed meanwhile; ask about each conflict."""
    draft = _sent_draft()
    workspace = current_workspace()
    memory = store.read(workspace)
    made_from = request.form.get("made_from", "")
    merged = _merged(workspace, made_from, draft.text, memory)
    if merged is None or "back" in request.form:
        return _moved(workspace, _Draft(draft.text, made_from), memory)
    choices = _choices(len(merged.conflicts))
    is_for_this = draft.based_on == memory.digest or not merged.conflicts
    if choices is None or not is_for_this:
        body = render_template(
            "merge.html", draft=draft, memory=memory, merged=merged, made_from=made_from
        )
        return make_response(body, 409)
    return _review(workspace, _Draft(merged.text(choices), memory.digest), memory)


@page.post("/save")
def save_draft() -> ResponseReturnValue:
    """Save a reviewed draft, or show both texts if the memory changed since the review."""
    draft = _sent_draft()
    workspace = current_workspace()
    memory = store.read(workspace)
    text = as_typed(draft.text, memory.text)
    answer = _answer_early(workspace, draft, memory, text)
    if answer is not None:
        return answer
    try:
        published = publish(workspace, text, draft.based_on, cause=Cause("web"))
    except MemoryMovedError:  # between the read and the write
        return _moved(workspace, draft, store.read(workspace))
    remember_change(published.digest, "an edit on this page")
    return back_to("memory", code_for(published, "saved"))


def _sent_draft() -> _Draft:
    return _Draft(for_browser(request.form.get("text", "")), request.form.get("based_on", ""))


def _answer_early(
    workspace: Workspace, draft: _Draft, memory: Memory, text: str
) -> Response | None:
    """Return the answer to a draft that cannot be reviewed or saved as it is; else None."""
    if not text.strip():
        return _editor(_Draft(memory.text, memory.digest), 400, "empty")
    if text == memory.text:  # also if the same form came twice
        return make_response(back_to("memory", "unchanged"))
    if draft.based_on != memory.digest:
        return _moved(workspace, draft, memory)
    return None


def _editor(draft: _Draft, status: int = 200, problem: str = "") -> Response:
    return make_response(render_template("edit.html", draft=draft, problem=problem), status)


def _review(workspace: Workspace, draft: _Draft, memory: Memory) -> ResponseReturnValue:
    text = as_typed(draft.text, memory.text)
    answer = _answer_early(workspace, draft, memory, text)
    if answer is not None:
        return answer
    return render_template("review.html", draft=draft, changes=changes.compare(memory.text, text))


def _moved(workspace: Workspace, draft: _Draft, memory: Memory) -> Response:
    merged = _merged(workspace, draft.based_on, draft.text, memory)
    body = render_template("moved.html", draft=draft, memory=memory, merged=merged)
    return make_response(body, 409)


def _merged(
    workspace: Workspace, made_from: str, text: str, memory: Memory
) -> ThreeWayMerge | None:
    """Merge a draft into the memory; None if the text that it was made from is not kept.

    Without a known merge base, every line of both is kept.
    """
    edited = find_text(workspace, made_from)
    if edited is None:
        return None
    base = base_of_edit(workspace, memory, Memory(edited, made_from), as_typed(text, edited))
    return merge(for_browser(base or ""), text, for_browser(memory.text))


def _choices(count: int) -> list[Resolution] | None:
    """Return the choice for each conflict, or None if one is missing."""
    try:
        return [Resolution(request.form.get(f"choice-{number}", "")) for number in range(count)]
    except ValueError:
        return None
