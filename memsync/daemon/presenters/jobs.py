"""The jobs as a person wants to see them: what for, when, how the last runs went, which is next.

Imported late by the pages: the scheduler costs a tenth of a second that the ports must not wait.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from datetime import datetime

from memsync import clock
from memsync.config import Config
from memsync.daemon import job_history
from memsync.daemon.job_history import Run
from memsync.daemon.jobs import runs, triggers
from memsync.daemon.jobs.job import Job
from memsync.daemon.jobs.runs import run_now
from memsync.daemon.scheduler import enabled_jobs, find_job, jobs_of

MOST_EARLIER = 10
RECENT = 5
"""So many runs that went well tell how long one takes."""


@dataclass(frozen=True)
class JobView:
    """A job: `schedule` in words, its runs newest first, when it is next due, since when it runs.

    `next_run` is None where the job is off, `running_since` where it does not run, `usual`, in
    seconds, where it never ran well.
    """

    id: str
    name: str
    purpose: str
    schedule: str
    is_on: bool
    runs: tuple[Run, ...]
    next_run: datetime | None
    running_since: datetime | None
    usual: float | None

    @property
    def elapsed(self) -> float:
        """How many seconds it runs already."""
        began = self.running_since
        return max(0.0, (clock.now() - began).total_seconds()) if began else 0.0


def list_jobs(config: Config) -> list[JobView]:
    """Return all jobs, those that are off, too."""
    past = job_history.read_runs()[::-1]
    enabled = enabled_jobs(config)
    return [_view(job, config, past, is_on=job in enabled) for job in jobs_of(config)]


def start_job(name: str, config: Config) -> bool | None:
    """Run a job now, beside the schedule.

    Returns:
        False where it runs already, None where there is no such job.
    """
    job = find_job(name)
    if job is None:
        return None
    return runs.start_in_thread(job.id, lambda: run_now(job, config))


def _view(job: Job, config: Config, past: list[Run], *, is_on: bool) -> JobView:
    line = job.schedule(config)
    own = tuple(run for run in past if run.job == job.id)[: MOST_EARLIER + 1]
    took = [run.duration for run in own if run.outcome == "ok"][:RECENT]
    return JobView(
        job.id,
        job.name,
        job.purpose,
        triggers.describe(line),
        is_on,
        own,
        triggers.next_by_schedule(line, job_history.last_start(job.id)) if is_on else None,
        runs.running_since(job.id),
        statistics.median(took) if took else None,
    )
