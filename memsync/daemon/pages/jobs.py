"""Jobs: what runs by itself, when, how it went; and the button that runs one now."""

from __future__ import annotations

from types import ModuleType

from flask import Flask, abort, render_template
from flask.typing import ResponseReturnValue

from memsync.config import Config
from memsync.daemon.jobs import history
from memsync.daemon.pages.parts import back_to, late


def install(app: Flask, config: Config) -> None:
    """Add the page and what its buttons do."""

    def jobs() -> ResponseReturnValue:
        views = joblist().list_jobs(config)
        runs = any(view.running_since for view in views)
        return render_template("jobs.html", jobs=views, runs=runs)

    def run_job(name: str) -> ResponseReturnValue:
        started = joblist().start_job(name, config)
        if started is None:
            abort(404)
        return back_to("jobs", "started" if started else "runs-already")

    app.jinja_env.filters["started"] = history.start_of
    app.jinja_env.filters["duration"] = duration
    app.add_url_rule("/jobs", "jobs", jobs)
    app.add_url_rule("/jobs/<name>/run", "run_job", run_job, methods=["POST"])


def joblist() -> ModuleType:
    """Return `memsync.daemon.joblist`, loaded when a page first asks: see there."""
    return late("daemon.presenters.jobs")


def duration(seconds: float) -> str:
    """Return a duration as a person would say it: ``0.4 s``, ``12 s``, ``3 min``."""
    if seconds < 0.05:
        return "under 0.1 s"
    if seconds < 10:
        return f"{seconds:.1f} s"
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
