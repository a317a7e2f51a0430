"""The mirror: an independent copy of the memory folder, kept up to date and checked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

from memsync import clock
from memsync.config import Config
from memsync.config.state import lock_path
from memsync.config.workspace import Workspace
from memsync.daemon import job_history
from memsync.daemon.job_history import Run
from memsync.daemon.jobs.job import Job
from memsync.daemon.jobs.runs import recorded
from memsync.errors import MemsyncError
from memsync.files.locks import exclusive_lock
from memsync.memory.mirror import contents, mark
from memsync.memory.mirror.report import MirrorReport, Rules, UnfinishedMirrorError
from memsync.memory.mirror.run import mirror, resolve_path

WHERE = {
    "mirror": "damaged in the mirror, replaced from the memory folder (the damaged file is kept"
    " under .versions/)",
    "source": "damaged in the memory folder; the mirror's copy is intact and was left as it is",
    "version": "an old version in the mirror that cannot be read",
}

SETTLED, STEADY = timedelta(days=1), timedelta(days=10)
"""The clock is believed if some job ran this long ago: a wrong clock has a day to be set right,
and a person may mirror by hand only once a week."""


def job_backup_mirror(
    config: Config,
    *,
    verify: bool = False,
    accept: bool = False,
    tell: Callable[[str], object] = lambda _line: None,
) -> Run:
    """Bring the mirror of the memory folder up to date; for the options see `run_mirror`."""
    with recorded(config, JOB.id) as run:
        if not JOB.is_on(config):
            run.skip("daemon.backup_mirror_path is not set")
        else:
            run.message = run_mirror(config, verify=verify, accept=accept, tell=tell)
    return run


def run_mirror(
    config: Config,
    *,
    verify: bool = False,
    accept: bool = False,
    tell: Callable[[str], object] = lambda _line: None,
) -> str:
    """Bring the mirror up to date, and return one sentence on it.

    Both sides are read in full every thirty days, or if a person asks for it.

    Args:
        config: whose mirror; it has one.
        verify: read both sides in full.
        accept: missing files were removed on purpose, and the mirror's folder is the right one.
        tell: called with each line about what reading in full found.

    Raises:
        FolderAwayError: one of the two places does not answer.
        MemsyncError: as `mirror` raises, or reading in full found damage; the message says what,
            also if some files could not be mirrored.
    """
    place = contents.mirror_path(config)
    contents.require_answer(place)
    destination = resolve_path(place)
    source = Workspace.open(config).root
    verify = verify or mark.is_due_for_reading(destination)
    now = clock.now()
    rules = Rules(
        config.daemon.backup_mirror_keep_days,
        config.keep_days,
        verify,
        accept,
        _is_clock_steady(now),
    )
    unfinished = None
    with exclusive_lock(lock_path(destination, "mirror"), "the mirror", timeout=0):
        try:
            report = mirror(source, destination, rules, now)
        except UnfinishedMirrorError as error:
            report, unfinished = error.report, error
    if verify:
        mark.remember_verified(destination)
        for line in _lines_of(report, source, destination):
            tell(line)
        _raise_on_damage(report, destination, unfinished)
    if unfinished is not None:
        raise unfinished
    if not verify:
        return report.sentence
    return f"{report.sentence}; {_count_read(report)} read on both sides, no damage"


def _is_clock_steady(now: datetime) -> bool:
    """Did a job run some days ago by this clock, so that it has not just jumped?

    The memory folder cannot answer this: a report that was written under a clock that jumped is
    as new as that clock, and is written before the mirror runs.
    """
    return any(
        SETTLED <= now - job_history.start_of(run) <= STEADY for run in job_history.read_runs()
    )


def _lines_of(report: MirrorReport, source: Path, destination: Path) -> Iterator[str]:
    yield f"Memory folder: {source}"
    yield f"Mirror:        {destination}"
    yield f"{_count_read(report)} read on both sides; {report.sentence}."
    for found in report.findings:
        yield f"  {found.name!r}: {WHERE[found.where]}"


def _count_read(report: MirrorReport) -> str:
    number = report.unchanged + len(report.damaged)
    return f"{number:,} {'file' if number == 1 else 'files'}"


def _raise_on_damage(
    report: MirrorReport, destination: Path, unfinished: MemsyncError | None
) -> None:
    if not report.findings:
        return
    first = report.findings[0]
    what = f"{first.name!r}: {WHERE[first.where]}"
    if len(report.findings) > 1:
        what = f"{len(report.findings)} files were damaged, the first one {what}"
    hint = "check the mirror's disk; memsync daemon run mirror --verify reads it again"
    at_source = [found.name for found in report.findings if found.where == "source"]
    if at_source:
        hint = f"copy {destination / at_source[0]} over the damaged file, then verify again"
    if unfinished is not None:
        what = f"{what}; and {unfinished.message}"
    raise MemsyncError(what, hint=hint)


JOB = Job(
    id="backup_mirror",
    name="mirror",
    purpose="copy the memory folder",
    order=30,
    act=job_backup_mirror,
    schedule=lambda config: config.daemon.backup_mirror_schedule,
    is_on=lambda config: bool(config.daemon.backup_mirror_path),
    options=frozenset({"verify", "accept", "tell"}),
)
