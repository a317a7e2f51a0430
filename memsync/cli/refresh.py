"""``refresh``: pending notes become part of the memory."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from memsync import clock
from memsync import config as settings
from memsync.cli.note import kept_here_if_away, mark_here, piped_text, require_not_rejected
from memsync.cli.output import json_option, print_json, print_states, state_table, unified_diff
from memsync.cli.terminal import echo
from memsync.config.workspace import Workspace
from memsync.errors import WrongUsageError, refused
from memsync.memory.publish import require_written
from memsync.notes import delivery
from memsync.refresh import pending, usage
from memsync.refresh import run as deed
from memsync.refresh.outcome import Refreshed
from memsync.refresh.proposal_file import WaitingEdit
from memsync.text.note import Note, make_note


@click.command()
@click.option("--notes", "text", help="Add this note first.")
@click.option(
    "--file",
    "path",
    type=click.Path(path_type=Path),
    help="Add the text of this file as a note first.",
)
@click.option("--dry-run", is_flag=True, help="Show what would change, and write nothing.")
@click.option("--model", help="Use this model for this run.")
@click.option("--allow-shrink", is_flag=True, help="Allow this refresh to remove more than 20 %.")
@json_option
def refresh(
    *,
    text: str | None,
    path: Path | None,
    dry_run: bool,
    model: str | None,
    allow_shrink: bool,
    as_json: bool,
) -> None:
    """Merge all pending notes into the memory and update every agent.

    A note given by --notes, --file or standard input is written to the log first.
    """
    given = _given(text, path)
    config = settings.load()
    if model:
        config = replace(config, model=model)
    fresh = [make_note(given, clock.now(), mark_here(config))] if given is not None else []
    with kept_here_if_away([] if dry_run else fresh):
        workspace = Workspace.open(config)
        if not dry_run:
            for each in fresh:
                require_not_rejected(workspace, each)
                delivery.add_note(workspace, each)
    if words := usage.budget_notice(workspace, "person"):
        echo(words, err=True)
    estimate = None
    if dry_run:
        own = [each for each in fresh if each.mark.is_own_word]
        estimate = pending.estimate(workspace, own)
        echo(_expected(estimate), err=True)
        if len(own) < len(fresh):
            echo("The note would wait for your word: memsync review", err=True)
        outcome = deed.preview(workspace, own, allow_shrink=allow_shrink)
    else:
        outcome = deed.merge_pending(workspace, allow_shrink=allow_shrink)
    if as_json:
        table = _as_table(outcome, fresh, dry_run=dry_run)
        print_json(table | ({"estimate": vars(estimate)} if estimate else {}))
    else:
        _print_outcome(outcome, dry_run=dry_run)
    require_written(outcome.targets)


def _given(text: str | None, path: Path | None) -> str | None:
    if text is not None and path is not None:
        raise WrongUsageError("--notes and --file cannot be used together", hint="give one of them")
    if text is not None:
        return text
    if path is None:
        return piped_text()
    try:
        with refused(f"cannot read {path}", "check the path", WrongUsageError):
            return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise WrongUsageError(f"{path} is not UTF-8 text", "save it as UTF-8") from error


def _as_table(outcome: Refreshed, fresh: list[Note], *, dry_run: bool) -> dict[str, object]:
    return {
        "changed": outcome.changed,
        "dry_run": dry_run,
        "notes": outcome.notes,
        "given": len(fresh),
        "summary": outcome.sentence,
        "diff": _diff(outcome),
        "waiting": [
            {
                **{key: value for key, value in vars(waiting.edit).items() if value},
                "reasons": waiting.reasons,
            }
            for waiting in outcome.waiting
        ],
        "proposals": [proposal.id for proposal in outcome.proposals],
        "backup": outcome.backup,
        "input_tokens": outcome.input_tokens,
        "output_tokens": outcome.output_tokens,
        "cost_usd": round(outcome.cost_usd, 6),
        "targets": state_table(outcome.targets),
    }


def _print_outcome(outcome: Refreshed, *, dry_run: bool) -> None:
    if dry_run:
        echo(_diff(outcome) or "Nothing would change.", nl=not outcome.changed)
        for waiting in outcome.waiting:
            echo(_waiting(waiting))
        if outcome.input_tokens:
            echo(_cost(outcome), err=True)
        return
    echo(_sentence(outcome))
    print_states(outcome.targets)
    if outcome.backup:
        echo(f"Backup: {outcome.backup.name}. memsync diff shows the change.")


def _diff(outcome: Refreshed) -> str:
    return unified_diff(outcome.before, outcome.after, "memory", "memory after refresh")


def _waiting(waiting: WaitingEdit) -> str:
    """Return a change that would wait for review, and why, as a dry run shows it."""
    gone = [f"-{line}" for line in waiting.edit.find.split("\n") if line]
    new = [f"+{line}" for line in waiting.edit.text.split("\n") if line]
    where = f" in {waiting.edit.section}" if waiting.edit.section else ""
    return "\n".join([f"Would wait{where}, because {'; '.join(waiting.reasons)}:", *gone, *new])


def _expected(estimate: pending.Estimate) -> str:
    """Return what a refresh will cost, in words; said before the model is asked."""
    count = "1 note" if estimate.notes == 1 else f"{estimate.notes} notes"
    if estimate.about_usd is None:
        return f"Estimate: {count}; the price of {estimate.model} is not known"
    if not estimate.most_usd:
        return f"Estimate: {count}, free: merged offline"
    return f"Estimate: {count}, about ${estimate.about_usd:.4f}, at most ${estimate.most_usd:.4f}"


def _cost(outcome: Refreshed) -> str:
    return f"{outcome.input_tokens} tokens in, {outcome.output_tokens} out, ${outcome.cost_usd:.4f}"


def _sentence(outcome: Refreshed) -> str:
    return f"{outcome.sentence[0].upper()}{outcome.sentence[1:]}."
