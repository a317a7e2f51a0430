"""``/api/…``: what the pages show, as JSON; described in ``openapi.json``.

It asks for the same login as the pages. A request that changes something must prove that no
foreign page sent it: by the session's CSRF token, or by an Origin, which the guard has checked.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from flask import Response, abort, jsonify, make_response, request, send_from_directory
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest

from memsync import clock
from memsync.daemon.http import csrf
from memsync.daemon.pages.page import Page, current_workspace, site
from memsync.daemon.presenters import facts, logbook, timeline
from memsync.daemon.presenters.jobs import JobView, job_table, list_jobs, start_job
from memsync.daemon.presenters.logbook import Listed
from memsync.errors import WrongUsageError
from memsync.memory import fleet, store
from memsync.memory.fleet import machine_table
from memsync.notes.search import LONGEST_QUERY, Finder
from memsync.text.mark import PAGE
from memsync.text.note import make_note

page = Page(__name__)


@page.get("/api/openapi.json")
def describe_api() -> Response:
    """Return the description of the API."""
    return send_from_directory(Path(__file__).parents[1], "openapi.json")


@page.get("/api/memory")
def memory_as_json() -> ResponseReturnValue:
    """Return the memory and what is known about its last change."""
    workspace = current_workspace()
    memory = store.read(workspace)
    found = facts.gather_facts(workspace, memory)
    return jsonify(
        text=memory.text,
        digest=memory.digest,
        changed=_time(found.changed),
        changed_by=found.origin.by or None,
        changed_on=found.origin.machine or None,
        newest_backup=_time(found.backup),
        pending_notes=found.pending,
        csrf_token=csrf.session_token(),
    )


@page.get("/api/history")
def backups_as_json() -> ResponseReturnValue:
    """Return one page of the backups, newest first."""
    leaf = timeline.steps_from(current_workspace(), request.args.get("from", ""))
    return jsonify(backups=[_step(step) for step in leaf.steps], older=leaf.older or None)


@page.get("/api/notes")
def notes_as_json() -> ResponseReturnValue:
    """Return one page of the notes, newest first, or of those that a search finds."""
    query = request.args.get("q", "")
    if len(query) > LONGEST_QUERY:
        raise WrongUsageError(f"a search may have {LONGEST_QUERY} characters")
    leaf = logbook.leaf(current_workspace(), Finder(query), request.args.get("from", ""))
    found = [_note(listed) for day in leaf.days for listed in day.notes]
    unreadable = [day.day.isoformat() for day in leaf.days if day.problem]
    return jsonify(notes=found, unreadable_days=unreadable, older=leaf.older or None)


@page.post("/api/notes")
def add_sent_note() -> ResponseReturnValue:
    """Add a note and return it."""
    try:
        note = make_note(_sent_text(), clock.now(), PAGE)
    except WrongUsageError as error:
        return make_response(jsonify(error=error.message), 400)
    site().keep_note(note)
    return make_response(jsonify(_note(Listed(note, "pending"))), 201)


@page.get("/api/machines")
def machines_as_json() -> ResponseReturnValue:
    """Return every machine."""
    found = fleet.gather(current_workspace())
    return jsonify(machines=[machine_table(machine) for machine in found])


@page.get("/api/jobs")
def jobs_as_json() -> ResponseReturnValue:
    """Return every job with its last runs."""
    views = list_jobs(site().config)
    return jsonify(jobs=[_job(view) for view in views])


@page.post("/api/jobs/<name>/run")
def start_job_by_name(name: str) -> ResponseReturnValue:
    """Run a job now."""
    started = start_job(name, site().config)
    if started is None:
        abort(404)
    if not started:
        return make_response(jsonify(error="that job is running already"), 409)
    return make_response(jsonify(job=name, started=True), 202)


def _sent_text() -> str:
    """Return the ``text`` of the JSON object that was sent.

    Raises:
        BadRequest: the body is not such an object.
    """
    try:
        table = json.loads(request.get_data())
    except (ValueError, RecursionError):
        table = None
    text = table.get("text") if isinstance(table, dict) else None
    if not isinstance(text, str):
        raise BadRequest
    return text


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds") if moment else None


def _step(step: timeline.Step) -> dict[str, Any]:
    added, removed = step.counts or (None, None)
    return {
        "name": step.name,
        "time": _time(step.backup.moment),
        "added_after": added,
        "removed_after": removed,
    }


def _note(listed: Listed) -> dict[str, Any]:
    note = listed.note
    return {
        "id": note.id,
        "day": note.day.isoformat(),
        "time": note.time,
        "captured": note.mark.way in {"captured", "page"},
        "came_by": note.mark.sender,
        "held": listed.state == "held",
        "state": listed.state,
        "text": note.text,
    }


def _job(view: JobView) -> dict[str, Any]:
    return job_table(view) | {
        "schedule": view.plan.words,
        "running_since": _time(view.running_since),
    }
