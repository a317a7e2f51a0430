"""``memsync daemon run JOB``: one job now, in the foreground."""

from __future__ import annotations

from typing import Any

import click

from memsync import config as settings
from memsync.cli.terminal import echo
from memsync.config import Config
from memsync.daemon import process, scheduler
from memsync.daemon.jobs.job import Job
from memsync.errors import MemsyncError, WrongUsageError

HELP = "memsync daemon run --help"


@click.command()
@click.argument("job")
@click.option("--dry-run", is_flag=True, help="With digest: print it and send nothing.")
@click.option("--verify", is_flag=True, help="With mirror: read both sides in full.")
@click.option("--accept", is_flag=True, help="With mirror: missing files were removed on purpose.")
def run(*, job: str, dry_run: bool, verify: bool, accept: bool) -> None:
    """Run one JOB now; memsync daemon schedule lists them.

    The mirror refuses to run if most of its files are gone from the memory folder, or if the
    mirror itself is not where it was; --accept says that this is intended. --verify finds damage
    that size and time do not show, repairs the mirror's damaged files, and exits 1 if it found any.
    """
    config = settings.load()
    found = scheduler.find_job(job)
    if found is None:
        names = ", ".join(entry.name for entry in scheduler.jobs_of(config))
        raise WrongUsageError(f"there is no job {job!r}", hint=f"one of {names}")
    if dry_run:
        echo(_preview(found, config), nl=False)
        return
    options = _options_for(found, verify=verify, accept=accept)
    process.set_up_logging(to_terminal=False)  # what a job logs belongs in the daemon's log
    done = found.act(config, **options)
    if done.outcome == "failed":
        raise MemsyncError(done.message, done.hint, done.exit_code)
    echo(f"{done.outcome}: {done.message}")


def _preview(job: Job, config: Config) -> str:
    if job.preview is None:
        raise WrongUsageError(f"the job {job.name} has no --dry-run", HELP)
    return job.preview(config)


def _options_for(job: Job, **switches: bool) -> dict[str, Any]:
    """Return the options this job takes.

    Raises:
        WrongUsageError: a switch is on that this job does not have.
    """
    for name, is_on in switches.items():
        if is_on and name not in job.options:
            raise WrongUsageError(f"the job {job.name} has no --{name}", HELP)
    offered = {**switches, "tell": echo}
    return {name: value for name, value in offered.items() if name in job.options}
