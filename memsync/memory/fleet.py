"""Every machine that has the memory: its report, and whether it is up to date.

This machine is inspected; the others are judged by their last report. The command, the page and the
watchdog all show what is judged here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from memsync import clock, targets
from memsync.config.sync_folder import folder_at
from memsync.config.workspace import Workspace
from memsync.errors import MemsyncError
from memsync.memory import machines, store
from memsync.memory.machines import Report
from memsync.targets import find_agent

SILENT_AFTER = timedelta(days=7)
"""After this time without a report nobody can tell whether a machine is up to date."""

MOST_AHEAD = timedelta(days=1)
"""A report dated more than this ahead was made by a wrong clock, and says nothing."""

WELL = {"in-sync", "shared"}
"""The states of a target that has the memory; a shared one has it in another target's file."""

ADVICE = {
    "stale": "memsync targets sync",
    "missing": "memsync targets sync puts the memory there",
    "edited": "memsync targets sync replaces it and keeps your text aside",
}


@dataclass(frozen=True)
class TargetView:
    """An agent's file on a machine: its state, since when, and what to do about it."""

    name: str
    label: str
    path: str
    mode: str
    state: str
    since: datetime | None
    advice: str


@dataclass(frozen=True)
class Machine:
    """A machine: its name, its last report, and its standing since when.

    `standing` is one of:

    - ``in-sync``: all its agents have the memory;
    - ``adrift``: an agent there lacks the memory;
    - ``behind``: it reported another memory, long after the memory changed;
    - ``waiting``: it reported before the change, or shortly after it;
    - ``unknown``: no report for a week, or a report that says nothing, such as one that `is_ahead`:
      dated more than a day later than the clock here.
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
    knows_marks: bool = True
    """Does its program know whose word a note is? One of before shows held notes to a model."""


@dataclass(frozen=True)
class Wanted:
    """The memory that every machine should have, and when it became as it is."""

    digest: str
    since: datetime


def judge(
    report: Report, wanted: Wanted | None, now: datetime, grace: timedelta
) -> tuple[str, datetime | None]:
    """Return a machine's standing by its report, and since when; see `Machine`.

    A machine that sleeps is not behind: a report from before the memory changed, or from within the
    `grace` that a sync client needs, says nothing about the present memory. So the answer changes
    only with a new report, a new memory, or a week without a report.
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
    """Return every machine, this one first, even if it has not reported yet."""
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
    """Has a machine that was forgotten at `moment` been silent since?

    If the moment is ahead of the clock, it comes from a report by a wrong clock; a report by a
    clock that was set right counts as newer.
    """
    if report.time is None:
        return True
    was_ahead = moment - now > MOST_AHEAD
    return report.time <= moment and (not was_ahead or _is_ahead(report, now))


def _look(workspace: Workspace, present: Report) -> tuple[Wanted | None, Report, dict[str, str]]:
    """Return the memory, the report this machine would write now, and advice by target."""
    try:
        memory = store.read(workspace)
        seen = folder_at(workspace.root).look(workspace.memory)
        changed = datetime.fromtimestamp(seen.st_mtime, UTC)
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
    """Return a machine by its report; `advice` by target is known for this machine only."""
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
        advice is not None or report.format >= machines.FORMAT,
    )


def old_machines(listed: Iterable[Machine]) -> list[str]:
    """Return the machines whose program does not know the marks, with what to do."""
    upgrade = "does not know whose word a note is; upgrade memsync there"
    return [
        f"{machine.name} runs memsync {machine.version or 'of before'}, which {upgrade}"
        for machine in listed
        if not machine.knows_marks
    ]


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
        "knows_marks": machine.knows_marks,
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
