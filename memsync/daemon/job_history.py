"""The job history: one line a run, with its start, duration, outcome and one sentence.

`memsync daemon schedule` shows it, and a starting daemon sees in it which runs were missed.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from memsync import clock
from memsync.config.state import state_folder
from memsync.config.state_file import StateFile
from memsync.errors import MemsyncError, refused_by_disk
from memsync.files.append import append_line
from memsync.files.atomic import atomic_write

MOST_BYTES = 256 * 1024
KEPT_LINES = 500

_FIRST_SEEN = StateFile("jobs.json")

log = logging.getLogger(__name__)


@dataclass
class Run:
    """One run of a job. `outcome` is ok, skipped or failed; `duration` is in seconds."""

    job: str
    start: str
    duration: float = 0.0
    outcome: str = "ok"
    message: str = ""
    exit_code: int = 0
    hint: str = ""

    def skip(self, reason: str, hint: str = "") -> None:
        """Note that this run had nothing to do, or with a `hint`, what has to change first."""
        self.outcome, self.message, self.hint = "skipped", reason, hint


@contextmanager
def recording(job: str) -> Iterator[Run]:
    """Record the body as one run of `job`; whatever it raises becomes the outcome `failed`.

    The body sets `Run.message`, and may call `Run.skip`.
    """
    run = Run(job, clock.now().isoformat(timespec="seconds"))
    began = time.monotonic()
    try:
        yield run
    except MemsyncError as error:
        _mark_failed(run, error)
    except OSError as error:
        _mark_failed(run, refused_by_disk(error))
    except (Exception, SystemExit) as error:
        log.exception("%s failed", job)
        run.outcome, run.exit_code = "failed", 1
        run.message = f"{type(error).__name__}: {error}".splitlines()[0]
    run.duration = round(time.monotonic() - began, 3)
    level = logging.WARNING if run.outcome == "failed" else logging.INFO
    log.log(level, "%s %s in %.1f s: %s", job, run.outcome, run.duration, run.message)
    _write(run)


def _mark_failed(run: Run, error: MemsyncError) -> None:
    run.outcome, run.exit_code = "failed", error.exit_code
    run.message, run.hint = error.message, error.hint


def record_failure(job: str, message: str) -> Run:
    """Record a run that could not record itself, and return it."""
    run = Run(job, clock.now().isoformat(timespec="seconds"), 0.0, "failed", message, 1)
    log.warning("%s failed: %s", job, message)
    _write(run)
    return run


def _write(run: Run) -> None:
    # One line of plain text, wherever the words came from: file names may have lone surrogates.
    run.message = " ".join(run.message.encode("utf-8", "replace").decode("utf-8").split())
    try:
        path = _path()
        if path.exists() and path.stat().st_size > MOST_BYTES:
            lines = path.read_bytes().splitlines(keepends=True)
            atomic_write(path, b"".join(lines[-KEPT_LINES:]))
        append_line(path, json.dumps(asdict(run)))
    except OSError as error:
        log.error("the job history cannot be written: %s", error)  # noqa: TRY400 - the reason is in words


def read_runs() -> list[Run]:
    """Return all recorded runs, oldest first, leaving out lines that cannot be read."""
    try:
        lines = _path().read_text("utf-8", "replace").splitlines()
    except OSError:
        return []
    return [run for run in map(_parse, lines) if run is not None]


def last_runs() -> dict[str, Run]:
    """Return the newest run of each job, by job id."""
    return {run.job: run for run in read_runs()}


def last_result(job: str) -> Run | None:
    """Return the newest run of a job that shows how it is: one with nothing to do does not."""
    newest_first = (run for run in reversed(read_runs()) if run.job == job)
    return next((run for run in newest_first if run.outcome != "skipped" or run.hint), None)


def start_of(run: Run) -> datetime:
    """Return when a run started."""
    return datetime.fromisoformat(run.start)


def last_start(job: str) -> datetime | None:
    """Return when a job last started, or else when it was first seen; None if never."""
    run = last_runs().get(job)
    if run is not None:
        return start_of(run)
    return _FIRST_SEEN.load(lambda known: datetime.fromisoformat(known[job]), None)


def remember_jobs(jobs: Iterable[str]) -> None:
    """Note when jobs were first seen, so that even a missed first run is noticed."""
    unknown = [job for job in jobs if last_start(job) is None]
    if not unknown:
        return
    known: dict[str, str] = _FIRST_SEEN.load(dict, {})
    moment = clock.now().isoformat(timespec="seconds")
    known.update(dict.fromkeys(unknown, moment))
    try:
        _FIRST_SEEN.save(known)
    except OSError as error:
        log.error("the jobs cannot be noted: %s", error)  # noqa: TRY400


def _parse(line: str) -> Run | None:
    try:
        run = Run(**json.loads(line))
        return run if start_of(run).tzinfo else None
    except (ValueError, TypeError):
        return None


def _path() -> Path:
    return state_folder() / "history.jsonl"
