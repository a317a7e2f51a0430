"""``/api/…``: what the pages show, as JSON; described in ``openapi.json``.

It asks for the same login as the pages. A request that changes something proves that it is no
foreign page's: by the session's CSRF token, or by an Origin, which the guard has checked.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from flask import Flask, Response, abort, jsonify, make_response, request, send_from_directory
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest

from memsync import clock
from memsync.config import Config
from memsync.config.workspace import Workspace
from memsync.daemon.http import csrf
from memsync.daemon.jobs import history
from memsync.daemon.jobs.history import Run
from memsync.daemon.pages.jobs import joblist
from memsync.daemon.pages.parts import KeepNote
from memsync.daemon.presenters import facts, logbook, timeline
from memsync.daemon.presenters.logbook import Finder, Listed
from memsync.errors import WrongUsageError
from memsync.memory import fleet, store
from memsync.memory.fleet import Machine
from memsync.text.note import make_note


def install(app: Flask, config: Config, keep_note: KeepNote) -> None:
    """Add all addresses of the API."""
    api = _Api(config, keep_note)
    app.add_url_rule("/api/openapi.json", "api_description", _description)
    app.add_url_rule("/api/memory", "api_memory", api.memory)
    app.add_url_rule("/api/history", "api_history", api.history)
    app.add_url_rule("/api/notes", "api_notes", api.notes)
    app.add_url_rule("/api/notes", "api_add_note", api.add_note, methods=["POST"])
    app.add_url_rule("/api/machines", "api_machines", api.machines)
    app.add_url_rule("/api/jobs", "api_jobs", api.jobs)
    app.add_url_rule("/api/jobs/<name>/run", "api_run_job", api.run_job, methods=["POST"])


class _Api:
    def __init__(self, config: Config, keep_note: KeepNote) -> None:
        self._config = config
        self._keep_note = keep_note

    def memory(self) -> ResponseReturnValue:
        workspace = Workspace.open(self._config)
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
            csrf_token=csrf.new_token(),
        )

    def history(self) -> ResponseReturnValue:
        page = timeline.steps_from(Workspace.open(self._config), request.args.get("from", ""))
        return jsonify(backups=[_step(step) for step in page.steps], older=page.older or None)

    def notes(self) -> ResponseReturnValue:
        query = request.args.get("q", "")
        if len(query) > logbook.LONGEST_QUERY:
            raise WrongUsageError(f"a search may have {logbook.LONGEST_QUERY} characters")
        finder = Finder(query)
        workspace = Workspace.open(self._config)
        leaf = logbook.leaf(workspace, finder, request.args.get("from", ""))
        found = [_note(listed) for day in leaf.days for listed in day.notes]
        unreadable = [day.day.isoformat() for day in leaf.days if day.problem]
        return jsonify(notes=found, unreadable_days=unreadable, older=leaf.older or None)

    def add_note(self) -> ResponseReturnValue:
        try:
            note = make_note(_sent_text(), clock.now(), came_by="network")
        except WrongUsageError as error:
            return make_response(jsonify(error=error.message), 400)
        self._keep_note(note)
        return make_response(jsonify(_note(Listed(note, is_pending=True))), 201)

    def machines(self) -> ResponseReturnValue:
        found = fleet.gather(Workspace.open(self._config))
        return jsonify(machines=[_machine(machine) for machine in found])

    def jobs(self) -> ResponseReturnValue:
        views = joblist().list_jobs(self._config)
        return jsonify(jobs=[_job(view) for view in views])

    def run_job(self, name: str) -> ResponseReturnValue:
        started = joblist().start_job(name, self._config)
        if started is None:
            abort(404)
        if not started:
            return make_response(jsonify(error="that job runs already"), 409)
        return make_response(jsonify(job=name, started=True), 202)


def _description() -> Response:
    return send_from_directory(Path(__file__).parents[1], "openapi.json")


def _sent_text() -> str:
    """Return the ``text`` of the JSON object that was sent.

    Raises:
        BadRequest: the body is no such thing.
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
        "captured": note.is_captured,
        "came_by": note.came_by,
        "state": listed.state,
        "text": note.text,
    }


def _machine(machine: Machine) -> dict[str, Any]:
    return {
        "name": machine.name,
        "is_here": machine.is_here,
        "version": machine.version or None,
        "reported": _time(machine.time),
        "standing": machine.standing,
        "since": _time(machine.since),
        "targets": [
            {
                "name": target.name,
                "path": target.path,
                "mode": target.mode,
                "state": target.state,
                "since": _time(target.since),
                "advice": target.advice or None,
            }
            for target in machine.targets
        ],
    }


def _job(view: Any) -> dict[str, Any]:  # noqa: ANN401 - a joblist.JobView, whose module comes late
    return {
        "id": view.id,
        "name": view.name,
        "purpose": view.purpose,
        "schedule": view.schedule,
        "enabled": view.is_on,
        "running_since": _time(view.running_since),
        "usual_duration": view.usual,
        "next_run": _time(view.next_run),
        "runs": [_run(run) for run in view.runs],
    }


def _run(run: Run) -> dict[str, Any]:
    return {
        "start": _time(history.start_of(run)),
        "duration": run.duration,
        "outcome": run.outcome,
        "message": run.message,
        "hint": run.hint or None,
    }
