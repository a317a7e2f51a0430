"""``note`` and ``refresh``: how a note comes in and becomes part of the memory."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import click

from memsync import clock
from memsync import config as settings
from memsync.cli.output import (
    json_option,
    open_workspace,
    print_json,
    print_states,
    state_table,
    unified_diff,
)
from memsync.cli.terminal import echo, is_terminal
from memsync.config import Config
from memsync.config.agent_shell import agent_here
from memsync.config.workspace import Workspace
from memsync.errors import FolderAwayError, MemsyncError, RefusedError, WrongUsageError, refused
from memsync.files.locks import BusyError
from memsync.memory.publish import require_written
from memsync.notes import delivery, never, spool
from memsync.refresh import pending, usage
from memsync.refresh import run as deed
from memsync.refresh.outcome import Refreshed
from memsync.refresh.proposal_file import WaitingEdit
from memsync.text.mark import SCRIPT, TYPED, Mark
from memsync.text.note import Note, make_note
from memsync.text.redaction import find_credentials


@click.command()
@click.argument("text", nargs=-1)
@click.option("--suggest", is_flag=True, help="Only suggest it: it waits for the person's word.")
@click.option("--shared", is_flag=True, help="Somebody else's words: they wait for your word.")
@json_option
def note(text: tuple[str, ...], *, suggest: bool, shared: bool, as_json: bool) -> None:
    """Write down a note: TEXT, or standard input. The next refresh merges it."""
    given = " ".join(text) if text else _piped()
    if given is None:
        raise WrongUsageError("there is no note", hint='memsync note "what to remember"')
    config = settings.load()
    new = make_note(given, clock.now(), _mark(config, is_held=suggest or shared))
    with _kept_here_if_away([new]):
        workspace = open_workspace(config)
        if new.mark.is_machine_made:
            _require_not_rejected(workspace, new)
        delivery.add_note(workspace, new)
    found = find_credentials(new.text)
    if as_json:
        shown: dict[str, object] = {
            "day": new.day,
            "time": new.time,
            "id": new.id,
            "came_by": new.mark.sender,
        }
        shown |= {"held": new.mark.held} | ({"credential": True} if found else {})
        print_json(shown)
        return
    after = (
        "It waits for your word: memsync review" if new.mark.held else "memsync refresh merges it"
    )
    echo(f"Noted at {new.time}. {after}.")
    if found:
        echo(f"It holds what looks like a credential ({found[0].kind}): it stays in your log,"
             " and is blanked before it goes to the model or an agent's file.")  # fmt: skip


def _mark(config: Config, *, is_held: bool = False) -> Mark:
    """Return whose word a note is that a command takes here and now."""
    agent = agent_here()
    if agent:
        return Mark("agent", agent, held=is_held or config.agent_notes == "held")
    if is_held:
        return TYPED.as_held()
    return TYPED if is_terminal(sys.stdin) or is_terminal(sys.stdout) else SCRIPT


def _require_not_rejected(workspace: Workspace, new: Note) -> None:
    if never.is_rejected(workspace, new.text):
        raise RefusedError(
            "the person rejected this before, or something very near to it",
            hint="leave it out; if they want it after all, they note it at a terminal or the page",
        )


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
    fresh = [make_note(given, clock.now(), _mark(config))] if given is not None else []
    with _kept_here_if_away([] if dry_run else fresh):
        workspace = Workspace.open(config)
        if not dry_run:
            for each in fresh:
                delivery.add_note(workspace, each)
    if words := usage.budget_notice(workspace, "person"):
        echo(words, err=True)
    estimate = None
    if dry_run:
        estimate = pending.estimate(workspace, fresh)
        echo(_expected(estimate), err=True)
        outcome = deed.preview(workspace, fresh, allow_shrink=allow_shrink)
    else:
        outcome = deed.merge_pending(workspace, allow_shrink=allow_shrink)
    if as_json:
        table = _as_table(outcome, fresh, dry_run=dry_run)
        print_json(table | ({"estimate": vars(estimate)} if estimate else {}))
    else:
        _print_outcome(outcome, dry_run=dry_run)
    require_written(outcome.targets)


@contextmanager
def _kept_here_if_away(new: list[Note]) -> Iterator[None]:
    """Keep the notes on this machine, and say so, if the body finds the folder away or busy."""
    try:
        yield
    except (FolderAwayError, BusyError) as error:
        if not new:
            raise
        try:
            for each in new:
                spool.keep_aside(each)
        except OSError as refusal:
            reason = refusal.strerror or refusal
            words = f"{error.message}; the note cannot be kept here either: {reason}"
            raise MemsyncError(words, error.hint, error.exit_code) from refusal
        raise MemsyncError(
            f"{error.message}; the note is kept on this machine",
            f"{error.hint}; then the next command or the daemon writes the note to the log",
            error.exit_code,
        ) from error


def _given(text: str | None, path: Path | None) -> str | None:
    if text is not None and path is not None:
        raise WrongUsageError("--notes and --file cannot be used together", hint="give one of them")
    if text is not None:
        return text
    if path is None:
        return _piped()
    try:
        with refused(f"cannot read {path}", "check the path", WrongUsageError):
            return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise WrongUsageError(f"{path} is not UTF-8 text", "save it as UTF-8") from error


def _piped() -> str | None:
    """Return what was piped in; None if stdin is a terminal, closed or blank."""
    if sys.stdin is None or sys.stdin.closed or is_terminal(sys.stdin):
        return None
    text = sys.stdin.buffer.read().decode("utf-8", "replace")
    return text if text.strip() else None


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
