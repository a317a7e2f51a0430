"""Notes: every note ever taken, by day, with a search and a box to add one."""

from __future__ import annotations

from datetime import date

from flask import render_template, request
from flask.typing import ResponseReturnValue

from memsync import clock
from memsync.daemon.pages import problems
from memsync.daemon.pages.page import Page, back_to, current_workspace, site
from memsync.daemon.pages.problems import Problem
from memsync.daemon.presenters import logbook
from memsync.notes.search import Finder
from memsync.text.mark import PAGE
from memsync.text.note import clean, make_note

NO_SUCH_NOTE = Problem(
    "There is no such note",
    "The log of that day does not have it.",
    "The notes page lists every note by day and can search them.",
)

page = Page(
    __name__,
    "Notes",
    40,
    messages={"noted": "Noted. The next refresh puts it into the memory."},
)


@page.index("/notes")
def list_notes() -> ResponseReturnValue:
    """List notes, newest first, or those a search finds."""
    finder = Finder(request.args.get("q", ""))
    start = request.args.get("from", "")
    return render_template(
        "notes.html",
        finder=finder,
        leaf=logbook.leaf(current_workspace(), finder, start),
        is_first=not start,
        clipped_at=logbook.CLIPPED_AT,
    )


@page.get("/notes/<day>/<note_id>")
def show_note(day: str, note_id: str) -> ResponseReturnValue:
    """Show one note in full."""
    try:
        when = date.fromisoformat(day)
    except ValueError:
        return problems.problem_page(404, NO_SUCH_NOTE)
    listed = logbook.find_note(current_workspace(), when, note_id)
    if listed is None:
        return problems.problem_page(404, NO_SUCH_NOTE)
    return render_template("note.html", listed=listed)


@page.post("/notes")
def add_note() -> ResponseReturnValue:
    """Add a note, then return to the page with the box that it was typed into."""
    origin = "notes" if request.form.get("page") == "notes" else "memory"
    text = request.form.get("text", "")
    if not clean(text):
        return back_to(origin, "empty-note")
    site().keep_note(make_note(text, clock.now(), PAGE))
    return back_to(origin, "noted")
