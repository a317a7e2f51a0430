"""``memsync daemon …``: light to load, so that `stop` and `status` work without the extra."""

from __future__ import annotations

import importlib
import json
import sys
from collections import deque
from types import ModuleType
from typing import Any

import click

from memsync import config as settings
from memsync.cli.output import json_option, print_json
from memsync.config import Config
from memsync.daemon import history, process
from memsync.daemon.process import Status
from memsync.errors import MemsyncError, NotSetUpError, WrongUsageError
from memsync.terminal import for_terminal, is_terminal
from memsync.workspace import Workspace

EXTRA = "pip install 'memsync[daemon]'"


def _late(name: str) -> ModuleType:
    """Import a module that needs the extra; say so where it is not installed.

    Late on purpose: the runtime costs memory and time that `stop` and `status` must not pay.
    """
    try:
        return importlib.import_module(f"memsync.daemon.{name}")
    except ModuleNotFoundError as error:
        raise MemsyncError(f"the daemon needs {error.name}, which is not here", EXTRA) from error


@click.group()
def daemon() -> None:
    """The always-on part: jobs on a schedule, the page, the port for notes."""


@daemon.command()
@click.option("--detach", is_flag=True, help="Start in the background.")
def start(*, detach: bool) -> None:
    """Start the daemon; in the foreground unless --detach."""
    runtime = _late("runtime")
    config = settings.load()
    made: dict[str, str] = {}
    first_start = _late("first_start")
    if first_start.is_due(config):
        config, made = first_start.secure(config)
    if detach:
        status = process.detach()
        _print_addresses(status.web_url, status.capture_url)
        _show_secrets(made, status.web_url)
        click.echo(f"Started, pid {status.pid}.")
        return
    runtime.set_up_logging(to_terminal=True)

    def tell(status: Status) -> None:
        _print_addresses(status.web_url, status.capture_url)
        _show_secrets(made, status.web_url)

    runtime.leave(runtime.run(config, on_ready=tell))


@daemon.command()
def stop() -> None:
    """Stop the daemon, letting it finish what it is doing."""
    status = process.stop()
    click.echo(f"Stopped, pid {status.pid}.")


@daemon.command()
@json_option
def status(*, as_json: bool) -> None:
    """Show whether the daemon runs, where, and how its jobs went."""
    present = process.running()
    jobs = _jobs(present)
    table = {
        "running": present is not None,
        "pid": present.pid if present else None,
        "started": present.started if present else None,
        "web_url": present.web_url if present else None,
        "capture_url": present.capture_url if present else None,
        "jobs": jobs,
    }
    if as_json:
        print_json(table)
        return
    if present is None:
        click.echo("Not running. memsync daemon start --detach starts it.")
    else:
        click.echo(f"Running since {present.started}, pid {present.pid}.")
        _print_addresses(present.web_url, present.capture_url)
    _print_jobs(jobs)


@daemon.command()
@json_option
def schedule(*, as_json: bool) -> None:
    """Show each job: when, in words, its last run and its next."""
    _late("triggers")
    present = process.running()
    jobs = _jobs(present)
    if as_json:
        print_json({"running": present is not None, "jobs": jobs})
        return
    if present is None:
        click.echo("The daemon is not running; this is what it would run:")
    _print_jobs(jobs)


@daemon.command()
@click.option("-n", "--lines", default=50, show_default=True, help="How many of the last lines.")
def logs(*, lines: int) -> None:
    """Show the end of the daemon's log."""
    path = process.log_path()
    if not path.exists():
        raise MemsyncError("there is no log yet", hint="memsync daemon start --detach")
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in deque(file, maxlen=max(1, lines)):
            click.echo(line, nl=False)


@daemon.command()
def web() -> None:
    """Print the page's address, and open it where there is a desktop."""
    present = process.running()
    if present is None or present.web_url is None:
        raise MemsyncError("the page is not served", hint="memsync daemon start --detach")
    click.echo(present.web_url)
    if sys.stdout.isatty():
        click.launch(present.web_url)


@daemon.command()
@click.option("--user", is_flag=True, help="A service of your own, without root.")
@click.option("--print", "only_print", is_flag=True, help="Print the unit and change nothing.")
@click.option("--launchd", is_flag=True, help="With --print: the property list for macOS.")
def install(*, user: bool, only_print: bool, launchd: bool) -> None:
    """Have the daemon start with this machine: systemd, or launchd on macOS."""
    service = _late("service")
    if only_print:
        click.echo(service.render_unit(user=user, launchd=launchd), nl=False)
        return
    installed = service.install_service(user=user, ask=is_terminal(sys.stdin))
    click.echo(f"Installed and started: {installed.path}")
    for remark in installed.prepared.remarks:
        click.echo(f"Note: {remark}")
    prepared = installed.prepared
    _print_addresses(prepared.web_url, prepared.capture_url)
    _show_secrets(prepared.made, prepared.web_url)


@daemon.command()
@click.option("--user", is_flag=True, help="The service that install --user put there.")
def uninstall(*, user: bool) -> None:
    """Stop the service and remove it; config, state and memory stay."""
    click.echo(f"Removed: {_late('service').uninstall_service(user=user)}")


@daemon.command(hidden=True)
def prepare() -> None:
    """Do the user's part of an installation and print it as JSON."""
    module = _late("prepare")
    print_json(module.as_table(module.prepare()))


@daemon.command("check-access", hidden=True)
def check_access() -> None:
    """Try the folders a service needs."""
    _late("prepare").check_access(settings.load())


@daemon.command(hidden=True)
def alert() -> None:
    """Send the alert that comes as JSON on standard input by apprise."""
    given = json.loads(sys.stdin.read())
    _late("notify").send_by_apprise(settings.load(), given["subject"], given["body"])


@daemon.command()
@click.argument("job")
@click.option("--dry-run", is_flag=True, help="With digest: print it and send nothing.")
@click.option("--verify", is_flag=True, help="With mirror: read both sides in full.")
@click.option("--accept", is_flag=True, help="With mirror: what is gone is gone on purpose.")
def run(job: str, *, dry_run: bool, verify: bool, accept: bool) -> None:
    """Run one JOB now: refresh, mirror, drift or digest.

    The mirror refuses to run where most of its files are gone from the memory folder, or where
    the mirror itself is not where it was; --accept says that this is meant. --verify finds damage
    that size and time do not show, renews what is damaged in the mirror, and exits 1 for it.
    """
    scheduler = _late("scheduler")
    if dry_run:
        _preview(job)
        return
    found = scheduler.find_job(job)
    if found is None:
        names = ", ".join(entry.name for entry in scheduler.JOBS)
        raise WrongUsageError(f"there is no job {job!r}", hint=f"one of {names}")
    if (verify or accept) and found.name != "mirror":
        raise WrongUsageError(
            "--verify and --accept are for mirror", hint="memsync daemon run mirror --verify"
        )
    config = settings.load()
    _late("runtime").set_up_logging(to_terminal=False)  # what a job logs is the daemon's, too
    if found.name == "mirror":
        done = scheduler.job_backup_mirror(config, verify=verify, accept=accept, tell=click.echo)
    else:
        done = found.act(config)
    if done.outcome == "failed":
        raise MemsyncError(done.message, done.hint, done.exit_code)
    click.echo(f"{done.outcome}: {done.message}")


def _preview(job: str) -> None:
    if job not in {"digest", "weekly_digest"}:
        raise WrongUsageError("--dry-run is for digest", hint="memsync refresh --dry-run")
    config = settings.load()
    text = _late("digest").generate_digest(Workspace.open(config).root, config)
    click.echo(for_terminal(text), nl=False)


def _jobs(present: Status | None) -> list[dict[str, Any]]:
    """Return every job with its schedule: the running daemon's own, else what the config says."""
    try:
        config = settings.load()
        scheduler, triggers = _late("scheduler"), _late("triggers")
    except NotSetUpError:
        raise
    except MemsyncError as error:
        if error.hint == EXTRA:
            return _past_jobs()
        raise
    last = history.last_runs()
    return [
        _job_table(job, *_plan(job, config, present, scheduler), last.get(job.id), triggers)
        for job in scheduler.jobs_of(config)
    ]


def _past_jobs() -> list[dict[str, Any]]:
    """Return what the history alone knows, where the extra is not installed."""
    return [
        {
            "id": run.job,
            "last_run": run.start,
            "last_outcome": run.outcome,
            "last_message": run.message,
        }
        for run in history.last_runs().values()
    ]


def _plan(
    job: Any,  # noqa: ANN401 - a scheduler.Job, whose module is loaded late
    config: Config,
    present: Status | None,
    scheduler: ModuleType,
) -> tuple[str, bool]:
    """Return a job's schedule and whether it is on, by the running daemon or else the config."""
    if present is not None:
        return present.schedules.get(job.id, job.schedule(config)), job.id in present.schedules
    return job.schedule(config), job in scheduler.enabled_jobs(config)


def _job_table(
    job: Any,  # noqa: ANN401
    line: str,
    is_on: bool,
    last: history.Run | None,
    triggers: ModuleType,
) -> dict[str, Any]:
    return {
        "id": job.id,
        "name": job.name,
        "schedule": line,
        "description": triggers.describe(line) if is_on else f"off ({triggers.describe(line)})",
        "purpose": job.purpose,
        "enabled": is_on,
        "last_run": last.start if last else None,
        "last_outcome": last.outcome if last else None,
        "last_message": last.message if last else None,
        "last_duration": last.duration if last else None,
        "next_run": _next(line, job.id, triggers) if is_on else None,
    }


def _next(line: str, job: str, triggers: ModuleType) -> str:
    moment = triggers.next_by_schedule(line, history.last_start(job))
    return str(moment.isoformat(timespec="seconds"))


def _print_jobs(jobs: list[dict[str, Any]]) -> None:
    for job in jobs:
        click.echo(f"{job.get('name', job['id'])}: {job.get('description', '')}".rstrip(": "))
        if job["last_run"]:
            took = f" in {job['last_duration']} s" if job.get("last_duration") is not None else ""
            said = f"{job['last_outcome']}{took}: {job['last_message']}"
            click.echo(f"  last {job['last_run']} {said}")
        if job.get("next_run"):
            click.echo(f"  next {job['next_run']}")


def _print_addresses(web_url: str | None, capture_url: str | None) -> None:
    if web_url:
        click.echo(f"Page:  {web_url}")
    if capture_url:
        click.echo(f"Notes: {capture_url}/note")


def _show_secrets(made: dict[str, str], web_url: str | None) -> None:
    """Show what the first start made; it is in the config file and is not shown again."""
    if made and web_url:
        click.echo(_late("qr").in_terminal(web_url), nl=False)
    words = {"capture_token": "Token for notes", "web_ui_password": "Password of the page"}
    for key, value in made.items():
        click.echo(f"{words[key]}: {value}")
    if made:
        click.echo("Shown once; memsync config get daemon.capture_token shows the token again.")
