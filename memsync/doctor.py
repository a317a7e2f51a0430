"""Health checks: what works, what does not, and how to fix it."""

from __future__ import annotations

import os
import shutil
import stat
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from memsync import config as settings
from memsync import targets
from memsync.config import Config
from memsync.config.credentials import has_model
from memsync.config.first_secrets import unseen_secrets
from memsync.config.state import machine_name, state_folder, state_path
from memsync.config.sync_folder import folder_at, unanswered_links
from memsync.config.workspace import Workspace
from memsync.errors import MemsyncError
from memsync.memory import fleet, lint, store
from memsync.memory.conflicts import records
from memsync.memory.conflicts.branches import readable_copies
from memsync.memory.conflicts.reconcile import doubtful_logs, unreadable_copies
from memsync.memory.history.backups import newest_good
from memsync.memory.machines import REPORT_NAME
from memsync.memory.odd_files import odd_files
from memsync.memory.rclone import client
from memsync.notes import held
from memsync.notes.ledger import LEDGER_NAME
from memsync.providers.conflict_copies import recognise_copy
from memsync.refresh import pending, proposals
from memsync.refresh.llm.prices import in_dollars
from memsync.refresh.pending import pending_notes
from memsync.refresh.usage import BUDGET

LEAST_FREE_BYTES = 50 * 1024 * 1024


@dataclass(frozen=True)
class HealthCheck:
    """One result: what was checked, if it is well, and what to do or to know."""

    name: str
    ok: bool
    advice: str


def run_checks(path: Path | None = None) -> list[HealthCheck]:
    """Return the results of all checks; a check that cannot be made fails. Changes nothing.

    Args:
        path: the config file; None means this machine's.
    """
    source = path or settings.get_config_path()
    try:
        config = settings.load(source)
    except MemsyncError as error:
        return [HealthCheck("config", ok=False, advice=_advice(error))]
    checks = [HealthCheck("config", ok=True, advice=str(source)), _config_is_private(source)]
    checks += [_guarded("state folder", _state_folder), _guarded("engine", lambda: _engine(config))]
    try:
        workspace = Workspace.open(config)
    except MemsyncError as error:
        return [*checks, HealthCheck("sync folder", ok=False, advice=_advice(error))]
    checks.append(HealthCheck("sync folder", ok=True, advice=str(workspace.root)))
    checks += [
        _guarded("memory", lambda: _memory(workspace)),
        _guarded("lint", lambda: _lint(workspace)),
        _guarded("backups", lambda: _backups(workspace)),
        _guarded("notes", lambda: _notes(workspace)),
        _guarded("review", lambda: _review(workspace)),
        _guarded("conflicts", lambda: _conflicts(workspace)),
        _guarded("free space", lambda: _free_space(workspace)),
    ]
    if config.monthly_budget_usd and has_model(config):
        checks.append(_guarded("budget", lambda: _budget(workspace)))
    if config.provider == "rclone":
        checks.append(_guarded("rclone", lambda: _rclone(config)))
    checks += [*_links(workspace), *_odd_files(workspace), *_old_machines(workspace)]
    return [*checks, *_namesakes(workspace), *_targets(workspace), *_open_ports(config)]


def _guarded(name: str, check: Callable[[], HealthCheck]) -> HealthCheck:
    try:
        return check()
    except MemsyncError as error:
        return HealthCheck(name, ok=False, advice=_advice(error))
    except OSError as error:
        return HealthCheck(name, ok=False, advice=f"{error.strerror or error}: {error.filename}")


def _advice(error: MemsyncError) -> str:
    return f"{error.message}. {error.hint}" if error.hint else error.message


def _config_is_private(source: Path) -> HealthCheck:
    mode = stat.S_IMODE(source.stat().st_mode)
    if os.name != "nt" and mode & 0o077:
        return HealthCheck("config permissions", ok=False, advice=f"chmod 600 {source}")
    return HealthCheck("config permissions", ok=True, advice=f"{mode:o}")


def _state_folder() -> HealthCheck:
    folder = state_folder()
    writable = os.access(folder, os.W_OK)
    return HealthCheck("state folder", ok=writable, advice=str(folder))


def _engine(config: Config) -> HealthCheck:
    if has_model(config):
        return HealthCheck("engine", ok=True, advice=f"Claude, {config.model}")
    advice = "offline: notes are listed under Recent notes; set ANTHROPIC_API_KEY to merge them"
    return HealthCheck("engine", ok=True, advice=advice)


def _memory(workspace: Workspace) -> HealthCheck:
    memory = store.read(workspace)
    lines = memory.text.count("\n")
    most = workspace.config.max_memory_lines
    if lines > most:
        return HealthCheck(
            "memory", ok=False, advice=f"{lines} lines, more than {most}: memsync edit"
        )
    return HealthCheck("memory", ok=True, advice=f"{lines} lines")


def _lint(workspace: Workspace) -> HealthCheck:
    found = lint.lint_memory(workspace)
    if not found:
        return HealthCheck("lint", ok=True, advice="no problems found")
    kinds = Counter(finding.kind for finding in found)
    counts = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
    serious = any(finding.serious for finding in found)
    return HealthCheck("lint", ok=not serious, advice=f"{counts}: memsync lint")


def _backups(workspace: Workspace) -> HealthCheck:
    newest = newest_good(workspace.backups)
    return HealthCheck(
        "backups", ok=True, advice=f"newest {newest.path.name}" if newest else "none yet"
    )


def _namesakes(workspace: Workspace) -> Iterator[HealthCheck]:
    """Warn if a second machine has this one's name, for example after a home was copied.

    Both would write the same report and ledger, in a folder that only one machine should write.
    """
    try:
        name = machine_name()
        own = folder_at(workspace.root).entries(workspace.machines / name)
        names = [path.name for path in own]
    except OSError:  # the checks above say what is wrong with the folder
        return
    copies = (recognise_copy(one, own) for one in names for own in (REPORT_NAME, LEDGER_NAME))
    if any(copy is not None and copy.certain for copy in copies):
        yield HealthCheck(
            "machine",
            ok=False,
            advice=f"conflict copies in machines/{name}: does another machine have this name? On"
            f" the newer one, remove {state_path() / 'machine'}; then remove the copies",
        )


def _links(workspace: Workspace) -> Iterator[HealthCheck]:
    """Ask about links in our places that this machine does not know as the person's own."""
    for link in unanswered_links(workspace.root):
        so_far = "is read, but nothing is written through it" if link.is_read else "is not used"
        advice = (
            f"{link.name} is a link to {link.to} and {so_far}."
            f" If you made it: memsync doctor --trust-link {link.name}; if not, remove it"
        )
        yield HealthCheck("link", ok=False, advice=advice)


def _odd_files(workspace: Workspace) -> Iterator[HealthCheck]:
    """Name what another machine, or somebody who has the folder, left there in place of a file."""
    found = odd_files(workspace)
    names = [f"{one.path.relative_to(workspace.root).as_posix()} ({one.why})" for one in found]
    if names:
        more = f" and {len(names) - 10} more" if len(names) > 10 else ""
        words = f"left out: {', '.join(names[:10])}{more}; look at it, then remove it"
        yield HealthCheck("odd files", ok=False, advice=words)


def _review(workspace: Workspace) -> HealthCheck:
    count = len(held.held_notes(workspace))
    waits = [held.held_in_words(count)] if count else []
    if proposals.list_open(workspace) or not waits:
        waits.append(proposals.waiting_in_words(workspace))
    return HealthCheck("review", ok=True, advice="; ".join(waits))


def _old_machines(workspace: Workspace) -> Iterator[HealthCheck]:
    for line in fleet.old_machines(fleet.gather(workspace)):
        yield HealthCheck("machines", ok=False, advice=line)


def _conflicts(workspace: Workspace) -> HealthCheck:
    waiting = len(records.unresolved(workspace))
    if waiting:
        return HealthCheck("conflicts", ok=False, advice=f"{waiting} to decide: memsync conflicts")
    named = readable_copies(workspace.root)
    copies = ", ".join(branch.source for copy, branch in named if copy.certain)
    if copies:
        advice = f"not merged yet: {copies}; memsync conflicts"
        return HealthCheck("conflicts", ok=False, advice=advice)
    left = ", ".join(f"{one.path.name} ({one.why})" for one in unreadable_copies(workspace))
    if left:
        return HealthCheck(
            "conflicts", ok=False, advice=f"cannot be read: {left}; look at it, then move it away"
        )
    own = [branch.source for _, branch in named] + [p.name for p in doubtful_logs(workspace)]
    if own:
        advice = f"none; {own[0]} may be a file of yours: memsync conflicts"
        return HealthCheck("conflicts", ok=True, advice=advice)
    return HealthCheck("conflicts", ok=True, advice="none")


def _notes(workspace: Workspace) -> HealthCheck:
    return HealthCheck("notes", ok=True, advice=f"{len(pending_notes(workspace))} pending")


def _budget(workspace: Workspace) -> HealthCheck:
    refused = pending.budget_refusal(workspace)
    if refused is None:
        config = workspace.config
        words = f"within {in_dollars(config.monthly_budget_usd)} a month"
        if BUDGET.dotted not in config.given:
            words += f", the default: memsync config set {BUDGET.dotted} AMOUNT (0 for no limit)"
        return HealthCheck("budget", ok=True, advice=words)
    return HealthCheck("budget", ok=not pending_notes(workspace), advice=_advice(refused))


def _rclone(config: Config) -> HealthCheck:
    numbers = ".".join(map(str, client.rclone_version()))
    found = client.list_files(config.rclone_remote) if config.rclone_remote else None
    if found is None:
        where = config.rclone_remote or "paths.rclone_remote"
        return HealthCheck(
            "rclone", ok=False, advice=f"{where} is not a folder: rclone config, rclone mkdir"
        )
    return HealthCheck(
        "rclone", ok=True, advice=f"{numbers}, {len(found)} files in {config.rclone_remote}"
    )


def _free_space(workspace: Workspace) -> HealthCheck:
    free = shutil.disk_usage(workspace.root).free
    return HealthCheck(
        "free space", ok=free > LEAST_FREE_BYTES, advice=f"{free // 2**20:,} MiB free"
    )


def _targets(workspace: Workspace) -> Iterator[HealthCheck]:
    wanted = targets.configured_targets(workspace.config)
    if not wanted:
        yield HealthCheck(
            "targets", ok=False, advice="no agent gets the memory: memsync targets add NAME"
        )
        return
    try:
        memory = store.read(workspace).text.encode("utf-8")
    except MemsyncError:
        return  # the check of the memory says so
    states = targets.inspect_all(wanted, memory, workspace.memory)
    for target, state in zip(wanted, states, strict=True):
        well = state.state == "in-sync"
        remarks = targets.remarks_on(target, wanted)
        advice = state.advice or ("" if well else "memsync targets sync")
        words = [state.state, advice, *(found.words for found in remarks)]
        read = well and not any(found.harmful for found in remarks)
        yield HealthCheck(f"target {state.name}", ok=read, advice=". ".join(filter(None, words)))


def _open_ports(config: Config) -> Iterator[HealthCheck]:
    """Warn of ports that the config deliberately opens to everyone who reaches them."""
    daemon = config.daemon
    ports = (
        ("capture_token", daemon.capture_enabled, daemon.capture_host, "can add notes"),
        ("web_ui_password", daemon.web_ui_enabled, daemon.web_ui_host, "can edit the memory"),
    )
    for key, enabled, host, means in ports:
        is_open = enabled and f"daemon.{key}" in config.given and not getattr(daemon, key)
        if is_open:
            is_local = host in {"127.0.0.1", "localhost", "::1"}
            who = "every user of this machine" if is_local else "everyone on your network"
            advice = f"no {key}: {who} {means}; memsync config set daemon.{key} asks for one"
            yield HealthCheck("open port", ok=False, advice=advice)
    if unseen_secrets(config):
        advice = "made by a start that nobody saw; memsync daemon status shows them at a terminal"
        yield HealthCheck("first secrets", ok=True, advice=advice)
