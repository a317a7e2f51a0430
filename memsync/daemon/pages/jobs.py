"""Jobs: what memsync does by itself, when and how it went, and a button that runs a job now."""

from __future__ import annotations

from flask import abort, render_template
from flask.typing import ResponseReturnValue

from memsync.daemon import job_history
from memsync.daemon.pages.page import Page, back_to, site
from memsync.daemon.presenters.jobs import list_jobs, start_job

page = Page(
    __name__,
    "Jobs",
    80,
    messages={
        "started": "Started. This page shows the result as soon as the job is done.",
        "runs-already": "That job is running already.",
    },
)
page.add_app_template_filter(job_history.start_of, "started")


@page.index("/jobs")
def show_jobs() -> ResponseReturnValue:
    """Show every job."""
    views = list_jobs(site().config)
    is_running = any(view.running_since for view in views)
    return render_template("jobs.html", jobs=views, is_running=is_running)


@page.post("/jobs/<name>/run")
def run_job(name: str) -> ResponseReturnValue:
    """Run a job now."""
    started = start_job(name, site().config)
    if started is None:
        abort(404)
    return back_to("jobs", "started" if started else "runs-already")


@page.app_template_filter()
def duration(seconds: float) -> str:
    """Return a duration in words: ``0.4 s``, ``12 s``, ``3 min``."""
    if seconds < 0.05:
        return "under 0.1 s"
    if seconds < 10:
        return f"{seconds:.1f} s"
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
