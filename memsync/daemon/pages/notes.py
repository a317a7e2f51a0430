"""Notes: every one that was ever taken, by day, with a search and the box to add one."""

from __future__ import annotations

from datetime import date

from flask import Flask, render_template, request
from flask.typing import ResponseReturnValue

from memsync import clock
from memsync.config import Config
from memsync.config.workspace import Workspace
from memsync.daemon.pages import problems
from memsync.daemon.pages.parts import KeepNote, back_to
from memsync.daemon.pages.problems import Problem
from memsync.daemon.presenters import logbook
from memsync.notes.search import Finder
from memsync.text.note import clean, make_note

NO_SUCH_NOTE = Problem(
    "There is no such note",
    "No log of that day holds it.",
    "The notes are listed by day, and can be searched.",
)


def install(app: Flask, config: Config, keep_note: KeepNote) -> None:
    """Add the list of notes, the page of a long one, and the form that adds one."""
    pages = _Pages(config, keep_note)
    app.add_url_rule("/notes", "notes", pages.notes)
    app.add_url_rule("/notes", "add_note", pages.add_note, methods=["POST"])
    app.add_url_rule("/notes/<day>/<note_id>", "note", pages.note)


class _Pages:
    def __init__(self, config: Config, keep_note: KeepNote) -> None:
        self._config = config
        self._keep_note = keep_note

    def notes(self) -> ResponseReturnValue:
        finder = Finder(request.args.get("q", ""))
        place = request.args.get("from", "")
        return render_template(
            "notes.html",
            finder=finder,
            leaf=logbook.leaf(Workspace.open(self._config), finder, place),
            is_first=not place,
            clipped_at=logbook.CLIPPED_AT,
        )

    def note(self, day: str, note_id: str) -> ResponseReturnValue:
        try:
            when = date.fromisoformat(day)
        except ValueError:
            return problems.problem_page(404, NO_SUCH_NOTE)
        listed = logbook.find_note(Workspace.open(self._config), when, note_id)
        if listed is None:
            return problems.problem_page(404, NO_SUCH_NOTE)
        return render_template("note.html", listed=listed)

    def add_note(self) -> ResponseReturnValue:
        page = "notes" if request.form.get("page") == "notes" else "memory"
        text = request.form.get("text", "")
        if not clean(text):
            return back_to(page, "empty-note")
        self._keep_note(make_note(text, clock.now(), came_by="network"))
        return back_to(page, "noted")
