"""``memsync daemon …``: light to load, so that `stop` and `status` work without the extra."""

from __future__ import annotations

import json
import sys
from collections import deque
from typing import Any

import click

from memsync import config as settings
from memsync.cli.output import json_option, print_json
from memsync.cli.terminal import for_terminal, is_terminal
from memsync.daemon import process
from memsync.daemon.extra import late
from memsync.daemon.jobs import table as cli_jobs
from memsync.daemon.process import Status
from memsync.errors import MemsyncError, WrongUsageError


@click.group()
def daemon() -> None:
    """The always-on part: jobs on a schedule, the page, the port for notes."""


@daemon.command()
@click.option("--detach", is_flag=True, help="Start in the background.")
def start(*, detach: bool) -> None:
    """Start the daemon; in the foreground unless --detach."""
    runtime = late("runtime")
    config = settings.load()
    made: dict[str, str] = {}
    first_start = late("services.first_start")
    if first_start.is_due(config):
        config, made = first_start.create_secrets(config)
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

    runtime.leave(runtime.run_daemon(config, on_ready=tell))


@daemon.command()
def stop() -> None:
    """Stop the daemon, letting it finish what it is doing."""
    status = process.stop_daemon()
    click.echo(f"Stopped, pid {status.pid}.")


@daemon.command()
@json_option
def status(*, as_json: bool) -> None:
    """Show whether the daemon runs, where, and how its jobs went."""
    present = process.running_daemon()
    jobs = cli_jobs.job_table(present)
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
    cli_jobs.print_jobs(jobs)


@daemon.command()
@json_option
def schedule(*, as_json: bool) -> None:
    """Show each job: when, in words, its last run and its next."""
    late("jobs.triggers")
    present = process.running_daemon()
    jobs = cli_jobs.job_table(present)
    if as_json:
        print_json({"running": present is not None, "jobs": jobs})
        return
    if present is None:
        click.echo("The daemon is not running; this is what it would run:")
    cli_jobs.print_jobs(jobs)


@daemon.command()
@click.option("-n", "--lines", default=50, show_default=True, help="How many of the last lines.")
def logs(*, lines: int) -> None:
    """Show the end of the daemon's log."""
    path = process.daemon_log()
    if not path.exists():
        raise MemsyncError("there is no log yet", hint="memsync daemon start --detach")
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in deque(file, maxlen=max(1, lines)):
            click.echo(line, nl=False)


@daemon.command()
def web() -> None:
    """Print the page's address, and open it where there is a desktop."""
    present = process.running_daemon()
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
    service = late("service")
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
    click.echo(f"Removed: {late('service').uninstall_service(user=user)}")


@daemon.command(hidden=True)
def prepare() -> None:
    """Do the user's part of an installation and print it as JSON."""
    module = late("services.prepare")
    print_json(module.prepared_table(module.prepare()))


@daemon.command("check-access", hidden=True)
def check_access() -> None:
    """Try the folders a service needs."""
    late("services.prepare").check_access(settings.load())


@daemon.command(hidden=True)
def alert() -> None:
    """Send the alert that comes as JSON on standard input by apprise."""
    given = json.loads(sys.stdin.read())
    late("notify").send_by_apprise(settings.load(), given["subject"], given["body"])


@daemon.command()
@click.argument("job")
@click.option("--dry-run", is_flag=True, help="With digest: print it and send nothing.")
@click.option("--verify", is_flag=True, help="With mirror: read both sides in full.")
@click.option("--accept", is_flag=True, help="With mirror: what is gone is gone on purpose.")
def run(job: str, *, dry_run: bool, verify: bool, accept: bool) -> None:
    """Run one JOB now; memsync daemon schedule lists them.

    The mirror refuses to run where most of its files are gone from the memory folder, or where
    the mirror itself is not where it was; --accept says that this is meant. --verify finds damage
    that size and time do not show, renews what is damaged in the mirror, and exits 1 for it.
    """
    config = settings.load()
    scheduler = late("scheduler")
    found = scheduler.find_job(job)
    if found is None:
        names = ", ".join(entry.name for entry in scheduler.jobs_of(config))
        raise WrongUsageError(f"there is no job {job!r}", hint=f"one of {names}")
    if dry_run:
        _preview(found, config)
        return
    options = _options_for(found, verify=verify, accept=accept)
    late("runtime").set_up_logging(to_terminal=False)  # what a job logs belongs in the daemon's log
    done = found.act(config, **options)
    if done.outcome == "failed":
        raise MemsyncError(done.message, done.hint, done.exit_code)
    click.echo(f"{done.outcome}: {done.message}")


def _options_for(job: Any, **switches: bool) -> dict[str, Any]:  # noqa: ANN401
    """Return the options a job takes.

    Raises:
        WrongUsageError: a switch is on that this job does not have.
    """
    for name, is_on in switches.items():
        if is_on and name not in job.options:
            raise WrongUsageError(
                f"the job {job.name} has no --{name}", hint="memsync daemon run --help"
            )
    offered = {**switches, "tell": click.echo}
    return {name: value for name, value in offered.items() if name in job.options}


def _preview(job: Any, config: settings.Config) -> None:  # noqa: ANN401
    if job.preview is None:
        raise WrongUsageError(
            f"the job {job.name} has no --dry-run", hint="memsync daemon run --help"
        )
    click.echo(for_terminal(job.preview(config)), nl=False)


def _print_addresses(web_url: str | None, capture_url: str | None) -> None:
    if web_url:
        click.echo(f"Page:  {web_url}")
    if capture_url:
        click.echo(f"Notes: {capture_url}/note")


def _show_secrets(made: dict[str, str], web_url: str | None) -> None:
    """Show what the first start made; it is in the config file and is not shown again."""
    if made and web_url:
        click.echo(late("services.qr").terminal_qr(web_url), nl=False)
    words = {"capture_token": "Token for notes", "web_ui_password": "Password of the page"}
    for key, value in made.items():
        click.echo(f"{words[key]}: {value}")
    if made:
        click.echo("Shown once; memsync config get daemon.capture_token shows the token again.")
