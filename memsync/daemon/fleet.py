"""Every machine that has the memory: what it reports, and whether it is in step.

This machine is looked at; the others are judged by what they reported last.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from memsync import clock, machines, store, targets
from memsync.errors import MemsyncError
from memsync.machines import Report
from memsync.targets import find_agent
from memsync.workspace import Workspace

SILENT_AFTER = timedelta(days=3)
"""A machine that reported nothing for this long may be in step or not: it cannot be told."""

ADVICE = {
    "stale": "memsync targets sync",
    "missing": "memsync targets sync puts the memory there",
    "edited": "memsync targets sync writes it anew and keeps your text aside",
}


@dataclass(frozen=True)
class TargetView:
    """An agent's file on a machine, its state, and what to do where it is not in step."""

    name: str
    label: str
    path: str
    mode: str
    state: str
    advice: str


@dataclass(frozen=True)
class Machine:
    """A machine: what it is called, its last report, and how it stands.

    `standing` is ``in step``, ``behind`` (it reported another memory), ``trouble`` (an agent of
    it lacks the memory), ``silent`` or ``unknown``.
    """

    name: str
    is_here: bool
    version: str
    time: datetime | None
    standing: str
    targets: tuple[TargetView, ...]


def gather(workspace: Workspace) -> list[Machine]:
    """Return every machine, this one first; it is there before it reported, too."""
    here = machines.this_machine()
    reports = {report.machine: report for report in machines.read_all(workspace)}
    reports.setdefault(here, Report(here, "", None, "", ()))
    try:
        memory = store.read(workspace)
    except MemsyncError:
        memory = None
    wanted = memory.digest if memory else None
    others = [_other(reports[name], wanted) for name in sorted(reports) if name != here]
    if memory is None:
        return [_other(reports[here], None, is_here=True), *others]
    return [_this(workspace, reports[here], memory), *others]


def _this(workspace: Workspace, report: Report, memory: store.Memory) -> Machine:
    data = memory.text.encode("utf-8")
    states = targets.inspect_all(targets.resolve(workspace.config), data, workspace.memory)
    views = tuple(
        TargetView(
            state.name,
            _label(state.name),
            str(state.path),
            state.mode,
            state.state,
            "" if state.state == "in-sync" else state.advice or ADVICE.get(state.state, ""),
        )
        for state in states
    )
    well = all(view.state == "in-sync" for view in views)
    return Machine(
        report.machine, True, report.version, report.time, "in step" if well else "trouble", views
    )


def _other(report: Report, wanted: str | None, *, is_here: bool = False) -> Machine:
    views = tuple(_reported(report))
    standing = _standing(report, wanted, views)
    return Machine(report.machine, is_here, report.version, report.time, standing, views)


def _reported(report: Report) -> Iterator[TargetView]:
    for table in report.targets:
        name = table.get("name", "")
        yield TargetView(
            name,
            _label(name),
            table.get("path", ""),
            table.get("mode", ""),
            table.get("state", "unknown"),
            "",
        )


def _standing(report: Report, wanted: str | None, views: tuple[TargetView, ...]) -> str:
    if wanted is None or report.time is None or not report.digest:
        return "unknown"
    if clock.now() - report.time > SILENT_AFTER:
        return "silent"
    if report.digest != wanted:
        return "behind"
    return "in step" if all(view.state == "in-sync" for view in views) else "trouble"


def _label(name: str) -> str:
    agent = find_agent(name)
    return agent.label if agent else name
