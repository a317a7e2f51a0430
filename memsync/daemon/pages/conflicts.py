"""Conflicts: lines that two machines changed at once, both texts seen word by word, one picked.

What ``memsync conflicts`` does, by the same deeds. A choice is made on the memory that was shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Flask, abort, jsonify, render_template, request
from flask.typing import ResponseReturnValue

from memsync.config import Config
from memsync.config.workspace import MEMORY_NAME, Workspace
from memsync.daemon.pages.parts import back_to, how_many
from memsync.daemon.presenters import changes, origin
from memsync.daemon.presenters.changes import Parts
from memsync.errors import MemoryMovedError
from memsync.memory import fleet, machines, store
from memsync.memory.conflicts import branches, records
from memsync.memory.conflicts.merge import Conflict, can_pick, has_side, lines_to_remove
from memsync.memory.conflicts.reconcile import doubtful_logs, reconcile, unreadable_copies
from memsync.memory.conflicts.resolve import resolve_conflict
from memsync.memory.history.publish_log import read_ancestry
from memsync.memory.store import Memory
from memsync.providers.conflict_copies import recognise_copy
from memsync.text.diff3 import Lines, Resolution
from memsync.text.document import scan


@dataclass(frozen=True)
class Side:
    """One of two texts: its lines in pieces, where it stands, and what goes if it is picked.

    `at` is the number of its first line in the memory; None where it has none, or does not stand
    there whole any more. It can be picked where it `can_stay`. `takes` are the numbers of the lines
    that go, `constraints` those of them that are hard constraints.
    """

    lines: tuple[Parts, ...]
    at: int | None
    is_whole: bool
    can_stay: bool
    takes: tuple[int, ...]
    constraints: tuple[str, ...]


@dataclass(frozen=True)
class ConflictView:
    """A conflict as the page shows it; a moment, client or host that is not known is empty."""

    dispute: Conflict
    found: datetime | None
    is_here: bool
    client: str
    host: str
    ours: Side
    theirs: Side


def install(app: Flask, config: Config) -> None:
    """Add the page, what its buttons do, the API, and how many conflicts are open."""
    pages = _Pages(config)
    app.add_url_rule("/conflicts", "conflicts", pages.shown)
    app.add_url_rule("/conflicts", "bring_in", pages.bring_in, methods=["POST"])
    app.add_url_rule("/conflicts/<name>", "settle", pages.settle, methods=["POST"])
    app.add_url_rule("/api/conflicts", "api_conflicts", pages.as_json)
    app.jinja_env.globals["disputed"] = lambda: how_many("disputed", config, records.unresolved)


class _Pages:
    def __init__(self, config: Config) -> None:
        self._config = config

    def shown(self) -> ResponseReturnValue:
        workspace = Workspace.open(self._config)
        memory = store.read(workspace)
        sure, doubtful = _copies(workspace, memory)
        return render_template(
            "conflicts.html",
            listed=views(records.unresolved(workspace), memory.text),
            digest=memory.digest,
            sure=sure,
            doubtful=doubtful,
            left=_left(workspace),
        )

    def bring_in(self) -> ResponseReturnValue:
        outcome = reconcile(Workspace.open(self._config))
        return back_to("conflicts", "brought-in" if outcome.sentence else "nothing-to-bring-in")

    def settle(self, name: str) -> ResponseReturnValue:
        workspace = Workspace.open(self._config)
        try:
            choice = Resolution(request.form.get("choice", ""))
        except ValueError:
            abort(400)
        dispute = next((d for d in records.unresolved(workspace) if d.id == name), None)
        if dispute is None:
            if name not in records.resolutions(workspace):
                abort(404)
            return back_to("conflicts", "settled-already")
        based_on = request.form.get("based_on", "")
        try:
            published = resolve_conflict(workspace, dispute, choice, based_on)
        except MemoryMovedError:
            return back_to("conflicts", "moved")
        if published is None:
            return back_to("conflicts", "settled-as-is")
        origin.remember_change(published.digest, "a conflict decided on this page")
        told = all(target.state in fleet.WELL for target in published.targets)
        return back_to("conflicts", "settled" if told else "saved-partly")

    def as_json(self) -> ResponseReturnValue:
        workspace = Workspace.open(self._config)
        memory = store.read(workspace)
        listed = views(records.unresolved(workspace), memory.text)
        sure, doubtful = _copies(workspace, memory)
        return jsonify(
            conflicts=[_table(view) for view in listed],
            memory=memory.digest,
            copies=sure,
            doubtful=doubtful,
            left=_left(workspace),
        )


def views(open_ones: Sequence[Conflict], memory: str) -> list[ConflictView]:
    """Return conflicts as the page shows them: oldest first, then as they stand in the memory."""
    outline = scan(memory)
    limits = changes.constraint_lines(outline)
    here = machines.this_machine()

    def side(dispute: Conflict, choice: Resolution, lines: Lines, parts: tuple[Parts, ...]) -> Side:
        gone = lines_to_remove(outline.lines, dispute, choice)
        held = tuple(outline.lines[at].strip() for at in gone if at in limits)
        is_whole = has_side(outline.lines, lines)
        at = _line_of(lines, outline.lines) if is_whole else None
        can_stay = can_pick(outline.lines, dispute, choice)
        return Side(parts, at, is_whole, can_stay, tuple(at + 1 for at in gone), held)

    found = []
    for dispute in open_ones:
        copy = recognise_copy(dispute.source, MEMORY_NAME)
        left, right = changes.side_by_side(*(_shown(s) for s in (dispute.ours, dispute.theirs)))
        found.append(
            ConflictView(
                dispute,
                _moment(dispute.time),
                dispute.machine == here,
                copy.client if copy else "",
                copy.host if copy else "",
                side(dispute, Resolution.OURS, dispute.ours, left),
                side(dispute, Resolution.THEIRS, dispute.theirs, right),
            )
        )
    return sorted(found, key=lambda view: (view.dispute.time, view.ours.at or 0))


def _copies(workspace: Workspace, memory: Memory) -> tuple[list[str], list[str]]:
    """Return the files that are conflict copies not brought in yet, and those that may be one."""
    named = branches.readable_copies(workspace.root)
    logs = [path.name for path in doubtful_logs(workspace)]
    if not named:
        return [], logs
    graph, texts = read_ancestry(workspace), branches.TextFinder(workspace)
    found = branches.classify(workspace, graph, texts, memory, named)
    doubtful = [path.name for path in found.doubtful]
    return [strand.source for strand in found.sure], [*doubtful, *logs]


def _left(workspace: Workspace) -> list[dict[str, str]]:
    """Return the files that are named like copies and cannot be read, and why."""
    found = unreadable_copies(workspace)
    return [{"name": one.path.name, "why": one.why} for one in found]


def _shown(lines: Lines) -> list[str]:
    """Return the lines without their endings and without blank lines around them."""
    return "".join(lines).strip("\r\n").splitlines()


def _line_of(lines: Lines, memory: Sequence[str]) -> int | None:
    """Return the number of the memory's last line that is the first of `lines`."""
    first = next((line.rstrip() for line in lines if line.strip()), None)
    if first is None:
        return None
    places = [at for at, line in enumerate(memory, 1) if line.rstrip() == first]
    return places[-1] if places else None


def _moment(text: str) -> datetime | None:
    with suppress(ValueError, OverflowError):
        return datetime.fromisoformat(text).astimezone()
    return None


def _table(view: ConflictView) -> dict[str, Any]:
    dispute = view.dispute
    return {
        "id": dispute.id,
        "time": view.found.isoformat(timespec="seconds") if view.found else None,
        "machine": dispute.machine or None,
        "source": dispute.source,
        "client": view.client or None,
        "host": view.host or None,
        "section": dispute.section or None,
        "base": "".join(dispute.base),
        "ours": "".join(dispute.ours),
        "theirs": "".join(dispute.theirs),
        "ours_line": view.ours.at,
        "theirs_line": view.theirs.at,
    }
