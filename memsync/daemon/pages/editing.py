"""Edit, review, save; and where the memory moved meanwhile, both texts and a merge of them.

A text is saved only onto the memory it was reviewed against.
"""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask, Response, make_response, render_template, request
from flask.typing import ResponseReturnValue

from memsync.config import Config
from memsync.config.workspace import Workspace
from memsync.daemon.pages import problems
from memsync.daemon.pages.parts import MAX_TEXT, back_to
from memsync.daemon.presenters import changes, origin, timeline
from memsync.daemon.presenters.lines import as_typed, for_browser
from memsync.errors import MemoryMovedError
from memsync.memory import fleet, store
from memsync.memory.history.provenance import Cause
from memsync.memory.publish import publish
from memsync.memory.store import Memory
from memsync.text.diff3 import Resolution, ThreeWayMerge, merge


def install(app: Flask, config: Config) -> None:
    """Add the editor and what follows it."""
    pages = _Pages(config)
    app.add_url_rule("/edit", "edit", pages.edit)
    app.add_url_rule("/edit", "edit_again", pages.edit_again, methods=["POST"])
    app.add_url_rule("/review", "review", pages.review, methods=["POST"])
    app.add_url_rule("/merge", "merge", pages.merge, methods=["POST"])
    app.add_url_rule("/save", "save", pages.save, methods=["POST"])


@dataclass(frozen=True)
class _Draft:
    """A text as it came from a form, and the digest of the memory it was made from."""

    text: str
    based_on: str

    @classmethod
    def sent(cls) -> _Draft:
        return cls(for_browser(request.form.get("text", "")), request.form.get("based_on", ""))

    def settled(self, workspace: Workspace, memory: Memory, text: str) -> Response | None:
        """Return the page that answers a draft which is not to be reviewed or saved, if any."""
        if not text.strip():
            return _editor(_Draft(memory.text, memory.digest), 400, "empty")
        if text == memory.text:  # also where the same form came twice
            return make_response(back_to("memory", "unchanged"))
        if self.based_on != memory.digest:
            return _moved(workspace, self, memory)
        return None


class _Pages:
    """What each address shows. The workspace is opened anew each time: folders come and go."""

    def __init__(self, config: Config) -> None:
        self._config = config

    def edit(self) -> ResponseReturnValue:
        memory = store.read(Workspace.open(self._config))
        as_sent = for_browser(memory.text).replace("\n", "\r\n")
        if len(as_sent.encode()) > MAX_TEXT:
            return problems.problem_page(413, problems.TOO_LONG_TO_EDIT)
        return _editor(_Draft(memory.text, memory.digest))

    def edit_again(self) -> ResponseReturnValue:
        return _editor(_Draft.sent())

    def review(self) -> ResponseReturnValue:
        workspace = Workspace.open(self._config)
        return _review(workspace, _Draft.sent(), store.read(workspace))

    def merge(self) -> ResponseReturnValue:
        draft = _Draft.sent()
        workspace = Workspace.open(self._config)
        memory = store.read(workspace)
        made_from = request.form.get("made_from", "")
        merged = _merged(workspace, made_from, draft.text, memory)
        if merged is None or "back" in request.form:
            return _moved(workspace, _Draft(draft.text, made_from), memory)
        choices = _choices(len(merged.conflicts))
        is_for_this = draft.based_on == memory.digest or not merged.conflicts
        if choices is None or not is_for_this:
            page = render_template(
                "merge.html", draft=draft, memory=memory, merged=merged, made_from=made_from
            )
            return make_response(page, 409)
        return _review(workspace, _Draft(merged.text(choices), memory.digest), memory)

    def save(self) -> ResponseReturnValue:
        draft = _Draft.sent()
        workspace = Workspace.open(self._config)
        memory = store.read(workspace)
        text = as_typed(draft.text, memory.text)
        settled = draft.settled(workspace, memory, text)
        if settled is not None:
            return settled
        try:
            published = publish(workspace, text, draft.based_on, cause=Cause("web"))
        except MemoryMovedError:  # between the look and the write
            return _moved(workspace, draft, store.read(workspace))
        origin.remember_change(published.digest, "an edit on this page")
        told = all(target.state in fleet.WELL for target in published.targets)
        return back_to("memory", "saved" if told else "saved-partly")


def _editor(draft: _Draft, status: int = 200, problem: str = "") -> Response:
    return make_response(render_template("edit.html", draft=draft, problem=problem), status)


def _review(workspace: Workspace, draft: _Draft, memory: Memory) -> ResponseReturnValue:
    text = as_typed(draft.text, memory.text)
    settled = draft.settled(workspace, memory, text)
    if settled is not None:
        return settled
    return render_template("review.html", draft=draft, changes=changes.compare(memory.text, text))


def _moved(workspace: Workspace, draft: _Draft, memory: Memory) -> Response:
    merged = _merged(workspace, draft.based_on, draft.text, memory)
    page = render_template("moved.html", draft=draft, memory=memory, merged=merged)
    return make_response(page, 409)


def _merged(
    workspace: Workspace, made_from: str, text: str, memory: Memory
) -> ThreeWayMerge | None:
    """Return a draft and the memory as one text; None where what it was made from is not kept."""
    base = timeline.text_by_digest(workspace, made_from)
    if base is None:
        return None
    return merge(for_browser(base), text, for_browser(memory.text))


def _choices(count: int) -> list[Resolution] | None:
    """Return what the person decided, or None where something is undecided yet."""
    try:
        return [Resolution(request.form.get(f"choice-{number}", "")) for number in range(count)]
    except ValueError:
        return None
