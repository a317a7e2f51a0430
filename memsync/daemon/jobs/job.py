"""What a job says about itself; the scheduler, the page and `memsync daemon` ask nothing else.

A module of this package that has a `JOB` is a job: it is found, not listed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from memsync.config import Config
from memsync.daemon.job_history import Run


def _always(_config: Config) -> bool:
    return True


def _never(_config: Config) -> bool:
    return False


@dataclass(frozen=True)
class Job:
    """One job.

    Attributes:
        id: its name in the history, which never changes.
        name: its short name, which people type.
        purpose: what it is for, in a few words.
        order: its place in lists; the lowest comes first.
        act: runs it, records the run and returns it; never raises. It takes `options` as keywords.
        schedule: when it runs: a cron line, or ``every N hours`` (then its first run is at once).
        is_on: whether it runs by itself.
        is_here: whether this machine has the job at all.
        in_child: whether it runs in a process of its own, because it calls the model.
        catches_up: whether a run that was missed while the daemon was down is made up for.
        retries_when_back: whether a run that failed because the folder was away is repeated as
            soon as the folder is back; if not, the job waits for its schedule.
        is_due_early: asked every minute; if true, the job runs now and not only by its schedule.
        options: the options of `memsync daemon run` that `act` takes.
        preview: returns what a run would send, and sends nothing; None if there is no such thing.
    """

    id: str
    name: str
    purpose: str
    order: int
    act: Callable[..., Run]
    schedule: Callable[[Config], str]
    is_on: Callable[[Config], bool]
    is_here: Callable[[Config], bool] = _always
    in_child: Callable[[Config], bool] = _never
    catches_up: bool = True
    retries_when_back: bool = False
    is_due_early: Callable[[Config], bool] | None = None
    options: frozenset[str] = frozenset()
    preview: Callable[[Config], str] | None = None
