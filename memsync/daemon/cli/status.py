"""``memsync daemon status``, ``schedule``, ``logs``, ``web`` and ``stop``.

All of these but `schedule` work without the extra ``memsync[daemon]``.
"""

from __future__ import annotations

import sys
from collections import deque
from typing import Any

import click

from memsync import config as settings
from memsync.cli.output import json_option, print_json
from memsync.cli.secrets import show_unseen
from memsync.cli.terminal import echo
from memsync.daemon import job_history, process
from memsync.daemon.cli.output import print_addresses
from memsync.daemon.extra import late
from memsync.daemon.presenters.jobs import job_table, list_jobs
from memsync.daemon.process import Status
from memsync.errors import MemsyncError


@click.command()
def stop() -> None:
    """Stop the daemon, letting it finish what it is doing."""
    echo(f"Stopped, pid {process.stop_daemon().pid}.")


@click.command()
@json_option
def status(*, as_json: bool) -> None:
    """Show whether the daemon runs, where, and how its jobs went."""
    present = process.running_daemon()
    jobs = job_tables(present)
    if as_json:
        print_json(
            {
                "running": present is not None,
                "pid": present.pid if present else None,
                "started": present.started if present else None,
                "web_url": present.web_url if present else None,
                "capture_url": present.capture_url if present else None,
                "jobs": jobs,
            }
        )
        return
    if present is None:
        echo("Not running. memsync daemon start --detach starts it.")
    else:
        echo(f"Running since {present.started}, pid {present.pid}.")
        print_addresses(present.web_url, present.capture_url)
    show_unseen(settings.load())
    print_jobs(jobs)


@click.command()
@json_option
def schedule(*, as_json: bool) -> None:
    """Show when each job runs, in words, its last run and its next."""
    late("scheduler")  # without the extra there is no schedule to show
    present = process.running_daemon()
    jobs = job_tables(present)
    if as_json:
        print_json({"running": present is not None, "jobs": jobs})
        return
    if present is None:
        echo("The daemon is not running; this is what it would run:")
    print_jobs(jobs)


@click.command()
@click.option("-n", "--lines", default=50, show_default=True, help="How many of the last lines.")
def logs(*, lines: int) -> None:
    """Show the end of the daemon's log."""
    path = process.daemon_log()
    if not path.exists():
        raise MemsyncError("there is no log yet", hint="memsync daemon start --detach")
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in deque(file, maxlen=max(1, lines)):
            echo(line, nl=False)


@click.command()
def web() -> None:
    """Print the address of the web page, and open it if there is a desktop."""
    present = process.running_daemon()
    if present is None:
        raise MemsyncError("the daemon is not running", hint="memsync daemon start --detach")
    if present.web_url is None:
        raise MemsyncError(
            "the web page is switched off", hint="memsync config set daemon.web_ui_enabled true"
        )
    echo(present.web_url)
    show_unseen(settings.load())
    if sys.stdout.isatty():
        click.launch(present.web_url)


def job_tables(present: Status | None) -> list[dict[str, Any]]:
    """Return every job with its schedule: the running daemon's, or what the config says."""
    config = settings.load()
    try:
        views = list_jobs(config, present.schedules if present else None)
    except MemsyncError:
        return _past_jobs()
    return [job_table(view) for view in views]


def _past_jobs() -> list[dict[str, Any]]:
    """Return what the history alone knows, if the extra is not installed."""
    return [
        {
            "id": run.job,
            "last_run": run.start,
            "last_outcome": run.outcome,
            "last_message": run.message,
        }
        for run in job_history.last_runs().values()
    ]


def print_jobs(tables: list[dict[str, Any]]) -> None:
    """Print the jobs as a person reads them."""
    for job in tables:
        echo(f"{job.get('name', job['id'])}: {job.get('description', '')}".rstrip(": "))
        if job["last_run"]:
            took = f" in {job['last_duration']} s" if job.get("last_duration") is not None else ""
            said = f"{job['last_outcome']}{took}: {job['last_message']}"
            echo(f"  last {job['last_run']} {said}")
        if job.get("next_run"):
            echo(f"  next {job['next_run']}")
