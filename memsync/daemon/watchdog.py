"""Drift: does every agent on every machine have the memory as it is now?

There is one alert when a target or a machine falls behind and one when it has caught up, not one at
every check. An alert that could not be delivered is tried again at the next check.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from memsync import clock
from memsync.config import Config
from memsync.config.state_file import StateFile
from memsync.config.workspace import Workspace
from memsync.daemon.notify import notify
from memsync.errors import refused
from memsync.memory import fleet
from memsync.memory.conflicts.reconcile import reconcile
from memsync.memory.fleet import Machine
from memsync.memory.publish import report_targets, update_targets

MENDABLE = {"stale", "missing", "edited"}

_FILE = StateFile("drift.json")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Drift:
    """A target that does not have the memory as it is now; without a `name`, a whole machine.

    `state` is the target's, or ``behind`` or ``unknown`` for a machine.
    """

    machine: str
    name: str
    state: str
    since: datetime | None = None
    path: str = ""
    advice: str = ""
    is_here: bool = True

    @property
    def key(self) -> str:
        """What names this target or machine, whatever its state is."""
        return f"{self.machine}/{self.name}"

    @property
    def words(self) -> str:
        """What is wrong, in a few words, such as "codex is stale"."""
        if self.name:
            where = "" if self.is_here else f" on {self.machine}"
            return f"{self.name}{where} is {self.state}"
        if self.state == "behind":
            return f"{self.machine} has another memory"
        since = f" since {self.since:%Y-%m-%d}" if self.since else ""
        return f"{self.machine} is unknown{since}"


@dataclass(frozen=True)
class Look:
    """What a check found: what has drifted, and the machines whose state is not known yet."""

    drifts: tuple[Drift, ...]
    unknown: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """What was found, in one sentence, which also names the machines that are not known."""
        if not self.unknown:
            return sentence(list(self.drifts))
        words = [drift.words for drift in self.drifts] or ["every other agent has the memory"]
        return "; ".join([*words, f"not known yet: {', '.join(self.unknown)}"])


@dataclass(frozen=True)
class _LastCheck:
    """When the last check was, and the state of what had drifted, by key."""

    looked: datetime | None
    adrift: Mapping[str, str]


def run_drift_check(config: Config) -> list[Drift]:
    """Check this machine's targets and every machine's report, and alert what changed.

    With ``daemon.drift_repair``, this machine's targets are updated first.

    Returns:
        What does not have the memory as it is now, this machine's targets first.

    Raises:
        MemsyncError: the memory cannot be read, or the result cannot be saved.
    """
    return list(look(config).drifts)


def look(config: Config) -> Look:
    """Do what `run_drift_check` does, and also return which machines are not known yet."""
    workspace = Workspace.open(config)
    reconcile(workspace)
    stock = report_targets(workspace)
    failed = {}
    if config.daemon.drift_repair and any(s.state in MENDABLE for s in stock.targets):
        failed = _repair(workspace)
    found = fleet.gather(workspace)
    before = _read()
    held = _undecided(found, before, config)
    drifts = [
        replace(d, advice=f"It could not be updated: {failed[d.name]}")
        if d.is_here and d.name in failed
        else d
        for machine in found
        for d in _drifts(machine)
        if not _is_undecided(d.key, held)
    ]
    kept = {key: state for key, state in before.adrift.items() if _is_undecided(key, held)}
    _write(_alert(config, drifts, before.adrift, kept))
    return Look(tuple(drifts), tuple(name for name, whole in held.items() if whole))


def sentence(drifts: list[Drift]) -> str:
    """Return what a drift check found, in one sentence."""
    return "; ".join(drift.words for drift in drifts) or "every agent has the memory"


def _repair(workspace: Workspace) -> dict[str, str]:
    """Update this machine's targets; alert where a person's own changes to them are kept.

    Returns:
        Why a target could not be written, by its name.
    """
    states = update_targets(workspace).targets
    log.info("updated: %s", ", ".join(s.name for s in states if s.state == "in-sync"))
    kept = [state for state in states if state.kept]
    if kept:
        lines = [f"{s.name} ({s.path}): what was changed there is kept in {s.kept}" for s in kept]
        notify(workspace.config, "a text changed by hand was replaced", "\n".join(lines))
    return {_printable(s.name): s.advice for s in states if s.fault}


def _drifts(machine: Machine) -> Iterator[Drift]:
    name = _printable(machine.name)
    if machine.standing in {"behind", "unknown"}:
        advice = f"memsync status, on {name}, shows its state"
        if machine.standing == "behind":
            advice = f"check that the sync client of {name} runs"
        elif machine.is_ahead:
            advice = f"the report of {name} is ahead of the clock here: set the clock that is wrong"
        yield Drift(
            name, "", machine.standing, machine.since, advice=advice, is_here=machine.is_here
        )
    elif machine.standing == "adrift":
        for t in machine.targets:
            if t.state not in fleet.WELL:
                yield Drift(
                    name, _printable(t.name), t.state, t.since, t.path, t.advice, machine.is_here
                )


def _undecided(found: list[Machine], before: _LastCheck, config: Config) -> dict[str, bool]:
    """Return the machines that may have caught up or not; this check cannot know yet.

    True means the whole machine, False only its targets. Such a machine keeps its alert; otherwise
    each change of the memory would end it. If this machine itself was away for long, its sync
    client has to catch up first.
    """
    away = timedelta(
        hours=config.daemon.drift_check_interval_hours, minutes=config.daemon.drift_grace_minutes
    )
    was_away = before.looked is not None and clock.now() - before.looked > away
    held = {}
    for machine in found:
        if machine.standing == "waiting" or (was_away and not machine.is_here):
            held[_printable(machine.name)] = True
        elif machine.standing in {"behind", "unknown"}:
            held[_printable(machine.name)] = False
    return held


def _is_undecided(key: str, held: Mapping[str, bool]) -> bool:
    machine, _, target = key.rpartition("/")
    return machine in held and (held[machine] or bool(target))


def _alert(
    config: Config, drifts: list[Drift], before: Mapping[str, str], kept: Mapping[str, str]
) -> dict[str, str]:
    """Alert what changed; return the state of everything the person has been alerted of."""
    known = {**kept, **{d.key: d.state for d in drifts if before.get(d.key) == d.state}}
    news = [drift for drift in drifts if drift.key not in known]
    well = sorted(before.keys() - known.keys() - {drift.key for drift in news})
    if news:
        delivered = notify(config, sentence(news), _body(news, drifts))
        known |= {d.key: d.state if delivered else before.get(d.key, "") for d in news}
    if well and not notify(config, _recovery(well, known), _rest(drifts, kept)):
        known |= {key: before[key] for key in well}
    return {key: state for key, state in known.items() if state}


def _body(news: list[Drift], drifts: list[Drift]) -> str:
    lines = []
    for drift in news:
        where = f"{drift.words} ({drift.path})" if drift.path else drift.words
        lines.append(f"{where}. {drift.advice}".rstrip(". "))
    old = [drift.words for drift in drifts if drift not in news]
    if old:
        lines += ["", f"As before: {'; '.join(old)}"]
    if any(drift.state in MENDABLE for drift in news):
        lines += ["", "memsync targets sync, on that machine, updates its agents."]
    return "\n".join(lines)


def _recovery(keys: list[str], known: Mapping[str, str]) -> str:
    if not known:
        return "all well again"
    return f"well again: {', '.join(map(_words_of, keys))}"


def _words_of(key: str) -> str:
    machine, _, target = key.rpartition("/")
    return f"{target} on {machine}" if target else machine


def _rest(drifts: list[Drift], kept: Mapping[str, str]) -> str:
    words = [drift.words for drift in drifts]
    words += [f"{_words_of(key)} was {state} when last heard of" for key, state in kept.items()]
    return f"Still so: {'; '.join(words)}" if words else "Every agent has the memory."


def _printable(name: str) -> str:
    """Return a name as text that any channel takes: a folder's name may be invalid UTF-8."""
    return name.encode("utf-8", "replace").decode()


def _read() -> _LastCheck:
    """Return the last check; an empty one if there is none."""
    return _FILE.load(_parse, _LastCheck(None, {}))


def _parse(table: dict[str, Any]) -> _LastCheck:
    adrift = {str(key): str(state) for key, state in table["adrift"].items()}
    return _LastCheck(datetime.fromisoformat(table["looked"]).astimezone(), adrift)


def _write(adrift: Mapping[str, str]) -> None:
    table = {"looked": clock.now().isoformat(timespec="seconds"), "adrift": dict(adrift)}
    hint = "free some space or check the state folder; the next check alerts again"
    with refused("the result of the drift check cannot be saved", hint):
        _FILE.save(table)
