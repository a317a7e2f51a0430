"""``note``: a note is written down, as quickly as can be; and whose word it is."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from memsync import clock
from memsync import config as settings
from memsync.cli.output import json_option, open_workspace, print_json
from memsync.cli.terminal import echo, is_terminal
from memsync.config import Config
from memsync.config.agent_shell import agent_here
from memsync.config.workspace import Workspace
from memsync.errors import FolderAwayError, MemsyncError, RefusedError, WrongUsageError
from memsync.files.locks import BusyError
from memsync.notes import delivery, never, spool
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
    given = " ".join(text) if text else piped_text()
    if given is None:
        raise WrongUsageError("there is no note", hint='memsync note "what to remember"')
    config = settings.load()
    new = make_note(given, clock.now(), mark_here(config, is_held=suggest or shared))
    with kept_here_if_away([new]):
        workspace = open_workspace(config)
        require_not_rejected(workspace, new)
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


def mark_here(config: Config, *, is_held: bool = False) -> Mark:
    """Return whose word a note is that a command takes here and now."""
    agent = agent_here()
    if agent:
        return Mark("agent", agent, held=is_held or config.agent_notes == "held")
    if is_held:
        return TYPED.as_held()
    return TYPED if is_terminal(sys.stdin) or is_terminal(sys.stdout) else SCRIPT


def require_not_rejected(workspace: Workspace, new: Note) -> None:
    """Refuse a note that a program thought of and that the person rejected before.

    Raises:
        RefusedError: it is near to something that was rejected.
    """
    if new.mark.is_machine_made and never.is_rejected(workspace, new.text):
        raise RefusedError(
            "the person rejected this before, or something very near to it",
            hint="leave it out; if they want it after all, they note it at a terminal or the page",
        )


@contextmanager
def kept_here_if_away(new: list[Note]) -> Iterator[None]:
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


def piped_text() -> str | None:
    """Return what was piped in; None if stdin is a terminal, closed or blank."""
    if sys.stdin is None or sys.stdin.closed or is_terminal(sys.stdin):
        return None
    text = sys.stdin.buffer.read().decode("utf-8", "replace")
    return text if text.strip() else None
