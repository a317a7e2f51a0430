"""Every machine that has the memory: what it reports, and whether it is in step.

This machine is looked at; the others are judged by what they reported last. The command, the page
and the watchdog all tell what is judged here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from memsync import clock, targets
from memsync.config.workspace import Workspace
from memsync.errors import MemsyncError
from memsync.memory import machines, store
from memsync.memory.machines import Report
from memsync.targets import find_agent

SILENT_AFTER = timedelta(days=7)
"""A machine that reported nothing for this long may be in step or not: it cannot be told."""

MOST_AHEAD = timedelta(days=1)
"""A report from later than this is of a clock that is wrong, and tells nothing."""

WELL = {"in-sync", "shared"}
"""The states of a target that has the memory: of a shared one the file is another target's."""

ADVICE = {
    "stale": "memsync targets sync",
    "missing": "memsync targets sync puts the memory there",
    "edited": "memsync targets sync writes it anew and keeps your text aside",
}


@dataclass(frozen=True)
class TargetView:
    """An agent's file on a machine, its state since when, and what to do where it lags."""

    name: str
    label: str
    path: str
    mode: str
    state: str
    since: datetime | None
    advice: str


@dataclass(frozen=True)
class Machine:
    """A machine: what it is called, its last report, and how it stands since when.

    `standing` is ``in-sync``, ``adrift`` (an agent of it lacks the memory), ``behind`` (long after
    the memory changed it still had another one), ``waiting`` (it has not reported since the change
    or just after it) or ``unknown`` (it is silent, or its report says nothing, as one that
    `is_ahead`: dated more than a day later than the clock here).
    """

    name: str
    is_here: bool
    version: str
    time: datetime | None
    digest: str
    standing: str
    since: datetime | None
    targets: tuple[TargetView, ...]
    is_ahead: bool = False


@dataclass(frozen=True)
class Wanted:
    """The memory every machine should have, and since when it has been as it is now."""

    digest: str
    since: datetime


def judge(
    report: Report, wanted: Wanted | None, now: datetime, grace: timedelta
) -> tuple[str, datetime | None]:
    """Return how a machine stands by its report, and since when; see `Machine`.

    A machine that sleeps is not behind: what it said before the memory changed, or within the
    `grace` a sync client needs, says nothing about the memory of now. So the answer only changes
    with a new report, a new memory, or a week of silence.
    """
    if wanted is None or report.time is None or not report.digest:
        return "unknown", None
    if _is_ahead(report, now):
        return "unknown", None
    if now - report.time > SILENT_AFTER:
        return "unknown", report.time
    if report.digest != wanted.digest:
        late = report.time - wanted.since >= grace
        return ("behind" if late else "waiting"), wanted.since
    return _judge_targets(report)


def _is_ahead(report: Report, now: datetime) -> bool:
    return report.time is not None and report.time - now > MOST_AHEAD


def _judge_targets(report: Report) -> tuple[str, datetime | None]:
    well = [machines.in_state_since(t) for t in report.targets if t.get("state") in WELL]
    adrift = [machines.in_state_since(t) for t in report.targets if t.get("state") not in WELL]
    if adrift:
        return "adrift", min((moment for moment in adrift if moment), default=report.time)
    return "in-sync", max((moment for moment in well if moment), default=report.time)


def gather(workspace: Workspace) -> list[Machine]:
    """Return every machine, this one first; it is there before it reported, too."""
    here = machines.this_machine()
    reports = {report.machine: report for report in machines.read_reports(workspace)}
    present = reports.pop(here, Report(here, "", None, "", ()))
    gone = machines.forgotten_machines(workspace)
    now = clock.now()
    others = [
        reports[name]
        for name in sorted(reports)
        if not any(_is_gone(reports[name], moment, now) for moment in gone.get(name, ()))
    ]
    wanted, looked_at, advice = _look(workspace, present)
    return [
        _machine(workspace, looked_at, wanted, present.time, advice),
        *(_machine(workspace, report, wanted, report.time, None) for report in others),
    ]


def _is_gone(report: Report, moment: datetime, now: datetime) -> bool:
    """Tell whether a machine that was forgotten at a moment has been silent since.

    A moment ahead of the clock is that of a report of then; one by a clock set right is newer.
    """
    if report.time is None:
        return True
    was_ahead = moment - now > MOST_AHEAD
    return report.time <= moment and (not was_ahead or _is_ahead(report, now))


def _look(workspace: Workspace, present: Report) -> tuple[Wanted | None, Report, dict[str, str]]:
    """Return the memory, this machine's report as it would be written now, and advice by target."""
    try:
        memory = store.read(workspace)
        changed = datetime.fromtimestamp(workspace.memory.stat().st_mtime, UTC)
    except (MemsyncError, OSError):
        return None, present, {}
    data = memory.text.encode("utf-8")
    states = targets.inspect_all(
        targets.configured_targets(workspace.config), data, workspace.memory
    )
    moment = clock.now()
    tables = machines.state_tables(states, present, moment)
    wanted = Wanted(memory.digest, min(changed.astimezone(), moment))
    report = Report(present.machine, present.version, moment, memory.digest, tables)
    return wanted, report, {state.name: state.advice for state in states if state.advice}


def _machine(
    workspace: Workspace,
    report: Report,
    wanted: Wanted | None,
    reported: datetime | None,
    advice: dict[str, str] | None,
) -> Machine:
    """Return a machine as its report has it; `advice` by target is given for this machine alone."""
    grace = timedelta(minutes=workspace.config.daemon.drift_grace_minutes)
    now = clock.now()
    standing, since = judge(report, wanted, now, grace)
    views = tuple(_views(report, advice))
    return Machine(
        report.machine,
        advice is not None,
        report.version,
        reported,
        report.digest,
        standing,
        since,
        views,
        _is_ahead(report, now),
    )


def _views(report: Report, advice: dict[str, str] | None) -> Iterator[TargetView]:
    for table in report.targets:
        name, state = table.get("name", ""), table.get("state", "unknown")
        agent = find_agent(name)
        yield TargetView(
            name,
            agent.label if agent else name,
            table.get("path", ""),
            table.get("mode", ""),
            state,
            machines.in_state_since(table),
            "" if advice is None else advice.get(name) or ADVICE.get(state, ""),
        )


def machine_table(machine: Machine) -> dict[str, Any]:
    """Return a machine as ``memsync machines --json`` and the API give it.

    They began with different names for the same things, so both names are kept.
    """
    reported = _iso(machine.time)
    return {
        "machine": machine.name,
        "name": machine.name,
        "this": machine.is_here,
        "is_here": machine.is_here,
        "version": machine.version,
        "time": reported,
        "reported": reported,
        "memory_digest": machine.digest,
        "state": machine.standing,
        "standing": machine.standing,
        "since": _iso(machine.since),
        "clock_ahead": machine.is_ahead,
        "targets": [_target_table(target) for target in machine.targets],
    }


def _target_table(target: TargetView) -> dict[str, Any]:
    return {
        "name": target.name,
        "path": target.path,
        "mode": target.mode,
        "state": target.state,
        "since": _iso(target.since),
        "advice": target.advice,
    }


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds") if moment else None
