"""The page: the memory in a browser on the home network, read, noted upon and edited.

An edit is seen as a diff before it is saved, and saved only onto the text it was made from.
Whatever goes wrong, the page hands back what the person wrote.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flask import Flask, Response, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from memsync import clock, notes, sessions, store
from memsync.config import Config
from memsync.daemon import changes, facts, markdown, web_problems
from memsync.daemon.guard import Guard
from memsync.daemon.lines import as_typed, for_browser
from memsync.daemon.login import Login
from memsync.errors import MemoryMovedError
from memsync.notes import Note
from memsync.publish import publish
from memsync.store import Memory
from memsync.workspace import Workspace

MAX_BODY = 1024 * 1024
MAX_TEXT = MAX_BODY - 8 * 1024
"""How long a memory the editor opens, as a browser sends it: a form has other fields, too."""

MESSAGES = {
    "noted": "Noted. The next refresh puts it into the memory.",
    "empty-note": "There was nothing in that note.",
    "saved": "Saved. The text before it is kept as a backup.",
    "saved-partly": "Saved, but not every agent could be told: see memsync targets list.",
    "unchanged": "Nothing to save: the memory reads just like that.",
}
"""All a page may be told by its address, by code: an address must not put words on the page."""


def create_app(config: Config, keep_note: Callable[[Note], object] | None = None) -> Flask:
    """Return the application of the web port, with its guard in front.

    Args:
        config: the settings; a change of them needs a new application.
        keep_note: where a note goes that is added on the page; None is straight to its day's log.

    Raises:
        OSError: the key for sessions can neither be read nor made.
    """
    app = Flask(__name__)
    app.config.update(MAX_CONTENT_LENGTH=MAX_BODY, MAX_FORM_MEMORY_SIZE=MAX_BODY)
    app.jinja_env.filters["reveal"] = markdown.reveal
    app.jinja_env.filters["moment"] = facts.in_words
    app.jinja_env.filters["for_browser"] = for_browser
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    Login(config).install(app)
    web_problems.install(app)
    pages = _Pages(config, keep_note)
    app.add_url_rule("/", "memory", pages.memory)
    app.add_url_rule("/notes", "add_note", pages.add_note, methods=["POST"])
    app.add_url_rule("/edit", "edit", pages.edit)
    app.add_url_rule("/edit", "edit_again", pages.edit_again, methods=["POST"])
    app.add_url_rule("/review", "review", pages.review, methods=["POST"])
    app.add_url_rule("/save", "save", pages.save, methods=["POST"])
    app.wsgi_app = Guard(config).protect(app.wsgi_app)  # type: ignore[assignment,method-assign]
    return app


@dataclass(frozen=True)
class _Draft:
    """A text as it came from a form, and the digest of the memory it was made from."""

    text: str
    based_on: str

    @classmethod
    def sent(cls) -> _Draft:
        return cls(for_browser(request.form.get("text", "")), request.form.get("based_on", ""))

    def settled(self, memory: Memory, text: str) -> ResponseReturnValue | None:
        """Return the page that answers a draft which is not to be reviewed or saved, if any."""
        if not text.strip():
            return _editor(_Draft(memory.text, memory.digest), 400, "empty")
        if text == memory.text:  # also where the same form came twice
            return _back_to_memory("unchanged")
        if self.based_on != memory.digest:
            return _moved(self, memory)
        return None


class _Pages:
    """What each address shows. The workspace is opened anew each time: folders come and go."""

    def __init__(self, config: Config, keep_note: Callable[[Note], object] | None) -> None:
        self._config = config
        self._keep_note = keep_note or self._append

    def memory(self) -> ResponseReturnValue:
        workspace = Workspace.open(self._config)
        memory = store.read(workspace)
        return render_template(
            "memory.html",
            memory=markdown.render(memory.text),
            facts=facts.gather(workspace),
            message=MESSAGES.get(request.args.get("said", "")),
        )

    def add_note(self) -> ResponseReturnValue:
        text = request.form.get("text", "")
        if not notes.clean(text):
            return _back_to_memory("empty-note")
        self._keep_note(notes.make(text, clock.now(), captured=True))
        return _back_to_memory("noted")

    def edit(self) -> ResponseReturnValue:
        memory = store.read(Workspace.open(self._config))
        as_sent = for_browser(memory.text).replace("\n", "\r\n")
        if len(as_sent.encode()) > MAX_TEXT:
            return web_problems.page(413, web_problems.TOO_LONG_TO_EDIT)
        return _editor(_Draft(memory.text, memory.digest))

    def edit_again(self) -> ResponseReturnValue:
        return _editor(_Draft.sent())

    def review(self) -> ResponseReturnValue:
        draft = _Draft.sent()
        memory = store.read(Workspace.open(self._config))
        text = as_typed(draft.text, memory.text)
        settled = draft.settled(memory, text)
        if settled is not None:
            return settled
        return render_template(
            "review.html", draft=draft, changes=changes.compare(memory.text, text)
        )

    def save(self) -> ResponseReturnValue:
        draft = _Draft.sent()
        workspace = Workspace.open(self._config)
        memory = store.read(workspace)
        text = as_typed(draft.text, memory.text)
        settled = draft.settled(memory, text)
        if settled is not None:
            return settled
        try:
            published = publish(workspace, text, based_on=draft.based_on)
        except MemoryMovedError:  # between the look and the write
            return _moved(draft, store.read(workspace))
        told = all(target.state == "in-sync" for target in published.targets)
        return _back_to_memory("saved" if told else "saved-partly")

    def _append(self, note: Note) -> None:
        sessions.append(Workspace.open(self._config), note)


def _editor(draft: _Draft, status: int = 200, problem: str = "") -> Response:
    return make_response(render_template("edit.html", draft=draft, problem=problem), status)


def _moved(draft: _Draft, memory: Memory) -> Response:
    page = render_template("moved.html", draft=draft, memory=memory)
    return make_response(page, 409)


def _back_to_memory(message: str) -> ResponseReturnValue:
    return redirect(url_for("memory", said=message), code=303)
