"""``status``, ``doctor``, ``usage`` and ``prune``: look after memsync."""

from __future__ import annotations

import contextlib
from datetime import datetime
from typing import Any

import click

from memsync import clock, targets
from memsync import config as settings
from memsync import doctor as checks
from memsync.cli.output import json_option, open_workspace, print_json, state_table
from memsync.cli.secrets import show_unseen
from memsync.cli.terminal import echo
from memsync.config import Config
from memsync.config.credentials import has_model
from memsync.config.sync_folder import trust_link
from memsync.config.workspace import Workspace, memory_root
from memsync.errors import MemsyncError, refused
from memsync.memory import fleet, store
from memsync.memory.conflicts import records
from memsync.memory.history import backups, publish_log
from memsync.memory.machines import this_machine
from memsync.notes import held
from memsync.refresh import pending, proposals
from memsync.refresh import usage as ledger
from memsync.refresh.llm.prices import PRICES_AS_OF, in_dollars
from memsync.refresh.pending import pending_notes


@click.command()
@json_option
def status(*, as_json: bool) -> None:
    """Show where everything is, and its state."""
    config = settings.load()
    table, problem = _status(config)
    if as_json:
        print_json(table)
    else:
        _print_status(table)
    if problem is not None:
        raise problem


def _status(config: Config) -> tuple[dict[str, Any], MemsyncError | None]:
    """Return what is known, and the error that stopped the rest."""
    table: dict[str, Any] = {
        "config": config.source,
        "provider": config.provider,
        "engine": "claude" if has_model(config) else "offline",
        "model": config.model,
        "machine": this_machine(),
    }
    try:
        table["root"] = memory_root(config)
        workspace = open_workspace(config)
        table["memory"] = workspace.memory
        memory = store.read(workspace)
        table["digest"] = memory.digest
        table["lines"] = len(memory.text.splitlines())
        table["pending"] = len(pending_notes(workspace))
        table["held"] = len(held.held_notes(workspace))
        table["old_machines"] = fleet.old_machines(fleet.gather(workspace))
        refused = pending.budget_refusal(workspace)
        table["budget"] = refused.message if refused else None
        waiting = proposals.list_open(workspace)
        table["proposals"] = len(waiting)
        table["oldest_proposal"] = waiting[0].made.isoformat() if waiting else None
        table["backups"] = len(backups.list_backups(workspace.backups))
        table["conflicts"] = len(records.unresolved(workspace))
        data = memory.text.encode("utf-8")
        states = targets.inspect_all(targets.configured_targets(config), data, workspace.memory)
        table["targets"] = state_table(states)
    except MemsyncError as error:
        table["problem"] = error.message
        return table, error
    return table, None


def _in_review(table: dict[str, Any]) -> str:
    if "proposals" not in table:
        return "?"
    oldest = table["oldest_proposal"]
    return proposals.waiting_count_in_words(
        table["proposals"], datetime.fromisoformat(oldest) if oldest else None
    )


def _print_status(table: dict[str, Any]) -> None:
    engine = "offline" if table["engine"] == "offline" else f"Claude ({table['model']})"
    rows = [
        ("Config", table["config"]),
        ("Sync folder", f"{table.get('root', 'not found')} ({table['provider']})"),
        ("Memory", f"{table.get('memory', '-')} ({table.get('lines', '?')} lines)"),
        (
            "Pending",
            "1 note" if table.get("pending") == 1 else f"{table.get('pending', '?')} notes",
        ),
        *([("Held", held.held_in_words(table["held"]))] if table.get("held") else []),
        *([("Budget", table["budget"])] if table.get("budget") else []),
        ("In review", _in_review(table)),
        ("Backups", table.get("backups", "?")),
        *(
            [("Conflicts", f"{table['conflicts']}: memsync conflicts")]
            if table.get("conflicts")
            else []
        ),
        ("Engine", engine),
        ("Machine", table["machine"]),
        *(("Upgrade", line) for line in table.get("old_machines", ())),
    ]
    for name, value in rows:
        echo(f"{name + ':':<13}{value}")
    for target in table.get("targets", []):
        _print_target(target)


def _print_target(target: dict[str, Any]) -> None:
    echo(f"{'Target:':<13}{target['name']}: {target['state']}  {target['path']}")
    size = target["size"]
    amount = f"{size['used']:,} of {size['most']:,} {size['unit']}" if size else ""
    amount += " recommended" if size and not size["cuts"] else ""
    for words in [amount, target["advice"], *target["remarks"]]:
        if words:
            echo(f"{'':<13}{words}")


@click.command()
@click.option(
    "--trust-link",
    "link",
    metavar="NAME",
    help="Say that NAME in the memory folder, such as sessions, is a link that you made.",
)
@json_option
@click.pass_context
def doctor(ctx: click.Context, *, link: str | None, as_json: bool) -> None:
    """Check that everything works, and say how to fix what does not.

    Exit code: 0, or 1 if a check fails.
    """
    if link is not None:
        with refused("it cannot be written down that the link is yours", hint="memsync doctor"):
            trust_link(Workspace.open(settings.load()).root, link)
    with contextlib.suppress(MemsyncError, OSError):  # the checks say what is wrong
        open_workspace()
    found = checks.run_checks()
    if as_json:
        print_json({"checks": [{"name": c.name, "ok": c.ok, "advice": c.advice} for c in found]})
    else:
        for check in found:
            echo(f"{'ok  ' if check.ok else 'FAIL'}  {check.name}: {check.advice}")
        with contextlib.suppress(MemsyncError):
            show_unseen(settings.load())
    ctx.exit(0 if all(check.ok for check in found) else 1)


@click.command()
@json_option
def usage(*, as_json: bool) -> None:
    """Show the tokens used and the money spent, by month, machine and command."""
    workspace = open_workspace()
    table = _usage(workspace)
    if as_json:
        print_json(table)
        return
    for name in ("months", "machines", "commands"):
        for key, sums in table[name].items():
            echo(_usage_line(key, sums))
    if table["unpriced"]:
        models = ", ".join(table["unpriced"])
        echo(f"No price is known for {models}; the budget counts the highest price.")
    if _is_limited(workspace.config):
        budget = in_dollars(workspace.config.monthly_budget_usd)
        echo(f"${table['this_month_usd']:.4f} of this month's budget of {budget} spent.")
    echo(_usage_line("total", table["total"]))


def _is_limited(config: Config) -> bool:
    """Is there a budget that a person set, or that a model is held to?"""
    chosen = ledger.BUDGET.dotted in config.given
    return bool(config.monthly_budget_usd) and (chosen or has_model(config))


def _usage(workspace: Workspace) -> dict[str, Any]:
    by_machine = ledger.read_calls(workspace)
    calls = [call for listed in by_machine.values() for call in listed]
    month = clock.now().strftime("%Y-%m")
    groups = {
        "months": ledger.group_calls(lambda call: call.time[:7], calls),
        "machines": by_machine,
        "commands": ledger.group_calls(lambda call: call.command, calls),
    }
    return {
        "total": vars(ledger.total_of(calls)),
        **{
            name: {key: vars(ledger.total_of(listed)) for key, listed in group.items()}
            for name, group in groups.items()
        },
        "this_month_usd": round(sum(ledger.spent_in_month(workspace, month).values()), 6),
        "budget_usd": workspace.config.monthly_budget_usd,
        "unpriced": ledger.unpriced_models(calls),
        "prices_as_of": PRICES_AS_OF,
    }


def _usage_line(name: str, sums: dict[str, Any]) -> str:
    return (
        f"{name:<24}{sums['calls']:>5} calls  {sums['input_tokens']:>10,} in"
        f"  {sums['output_tokens']:>9,} out  ${sums['cost_usd']:.4f}{_cache(sums)}"
    )


def _cache(sums: dict[str, Any]) -> str:
    """Return the tokens read from and written to the cache; empty if it was not used."""
    read, written = sums["cache_read_tokens"], sums["cache_write_tokens"]
    return f"  (cache: {read:,} read, {written:,} written)" if read or written else ""


@click.command()
@click.option(
    "--keep-days",
    type=click.IntRange(1, 36500),
    help="Delete backups older than this; default: backups.keep_days.",
)
@click.option("--dry-run", is_flag=True, help="List what would be deleted, and delete nothing.")
def prune(*, keep_days: int | None, dry_run: bool) -> None:
    """Delete old backups.

    Keeps all of the last day, then one per day for two weeks, then one per week, up to
    backups.keep_days. The newest good backup is never deleted.
    """
    workspace = open_workspace()
    days = keep_days or workspace.config.keep_days
    replaced = publish_log.replaced_at(workspace)
    if dry_run:
        gone = [entry.path for entry in backups.expired(workspace.backups, days, replaced=replaced)]
    else:
        gone = backups.prune_backups(workspace.backups, days, replaced=replaced)
    for path in gone:
        echo(path.name)
    verb = "would be deleted" if dry_run else "deleted"
    echo(f"{len(gone)} {'backup' if len(gone) == 1 else 'backups'} {verb}.")
