"""The weekly digest: what was noted, what changed in the memory, how the jobs went, the cost."""

from __future__ import annotations

import difflib
import html
import json
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path

from memsync import clock
from memsync.config import Config
from memsync.config.credentials import has_model
from memsync.config.workspace import Workspace
from memsync.daemon import job_history, mail
from memsync.errors import ApiError
from memsync.memory import store
from memsync.memory.history import backups
from memsync.notes import held, reader
from memsync.refresh import proposals, usage
from memsync.refresh.llm import client, prices
from memsync.text.note import Note
from memsync.text.redaction import redact

WEEK = timedelta(days=7)
MOST_DIFF_LINES = 200


def generate_digest(memory_root: Path, config: Config) -> str:
    """Return the digest of the last seven days as plain text.

    It is made from the notes, the memory's diff, the job history and the usage log. If there is a
    credential, it begins with a summary written by Claude.

    Raises:
        MemsyncError: the memory or the logs cannot be read.
    """
    workspace = Workspace(memory_root, config)
    since = clock.now() - WEEK
    decisions = held.read_decisions(workspace)
    notes = [note for note in _notes(workspace, since) if decisions.makes_own_word(note)]
    diff = _diff(workspace, since)
    parts = [
        _summary(workspace, notes, diff),
        _section("Notes", map(_note, notes)),
        _section("Changes in the memory", diff),
        _section("Waiting for you", _waiting(workspace)),
        _section("Jobs", _jobs(since)),
        _section("Cost", _cost(workspace, since)),
    ]
    return redact("\n\n".join(part for part in parts if part)) + "\n"


def generate_and_send(config: Config) -> str:
    """Write the digest and mail it; return one sentence for the history.

    Raises:
        MemsyncError: it could not be written or sent.
    """
    workspace = Workspace.open(config)
    text = generate_digest(workspace.root, config)
    today = clock.now().date()
    mail.send_mail(config, f"memsync digest, {today}", text, _as_html(text))
    return f"sent to {config.daemon.digest_email_to}"


def _waiting(workspace: Workspace) -> list[str]:
    """Return how many notes and proposals wait for the person; none of their words."""
    listed = proposals.list_open(workspace)
    counted = held.held_in_words(len(held.held_notes(workspace)))
    return [*filter(None, [counted]), *([proposals.waiting_in_words(workspace)] if listed else [])]


def _note(note: Note) -> str:
    """Return a note's first line; one that an agent gave names the agent."""
    by = f" ({note.mark.in_words})" if note.mark.is_machine_made else ""
    return f"{note.day} {note.time[:5]}  {_first_line(note.text)}{by}"


def _notes(workspace: Workspace, since: datetime) -> list[Note]:
    first = (since.date(), f"{since:%H:%M:%S}")
    days = [day for day in reader.days(workspace) if day >= since.date()]
    listed = reader.read_days(workspace, days)
    return [note for note in listed if (note.day, note.time) >= first]


def _diff(workspace: Workspace, since: datetime) -> list[str]:
    """Return the changed lines since a week ago: since the oldest backup of the last seven days."""
    listed = [b for b in backups.list_backups(workspace.backups) if b.moment >= since]
    if not listed:
        return []
    before = listed[-1].read().decode("utf-8", "replace")
    lines = difflib.unified_diff(
        before.splitlines(), store.read(workspace).text.splitlines(), lineterm="", n=0
    )
    # Below its two header lines, a diff has hunk headers and lines that begin with - or +.
    text = "\n".join(line for line in islice(lines, 2, None) if not line.startswith("@@"))
    changed = redact(text).split("\n") if text else []
    more = len(changed) - MOST_DIFF_LINES
    return changed[:MOST_DIFF_LINES] + ([f"and {more} more lines"] if more > 0 else [])


def _jobs(since: datetime) -> list[str]:
    runs = [run for run in job_history.read_runs() if job_history.start_of(run) >= since]
    counts: dict[str, Counter[str]] = {}
    for run in runs:
        counts.setdefault(run.job, Counter())[run.outcome] += 1
    lines = [
        f"{job}: " + ", ".join(f"{count} {outcome}" for outcome, count in sorted(found.items()))
        for job, found in sorted(counts.items())
    ]
    failures = [
        f"failed {run.start}: {run.job}: {run.message}"
        for run in runs[-50:]
        if run.outcome == "failed"
    ]
    return lines + failures[-5:]


def _cost(workspace: Workspace, since: datetime) -> list[str]:
    calls = [
        call
        for listed in usage.read_calls(workspace).values()
        for call in listed
        if _is_since(call.time, since)
    ]
    if not calls:
        return []
    total = usage.total_of(calls)
    tokens = f"{total.input_tokens:,} tokens in, {total.output_tokens:,} out"
    return [f"{total.calls} calls, {tokens}, ${total.cost_usd:.4f}"]


def _is_since(time: str, since: datetime) -> bool:
    try:
        moment = datetime.fromisoformat(time)
    except ValueError:
        return False
    return moment.tzinfo is not None and moment >= since


def _summary(workspace: Workspace, notes: list[Note], diff: list[str]) -> str:
    """Return Claude's summary, or a plain line if there is no model or it failed."""
    config = workspace.config
    counted = f"{_count(len(notes), 'note')}, {_count(len(diff), 'changed line')}"
    plain = f"The last seven days: {counted} in the memory."
    if not has_model(config) or not (notes or diff):
        return plain
    messages = [{"role": "user", "content": _question(notes, diff)}]
    try:
        most = client.most_tokens_of_call(_prompt(), messages)
        usage.check_budget(workspace, config, prices.at_most(config.model, most))
        reply = client.ask(config, _prompt(), messages)
    except ApiError as error:
        return f"{plain}\n(No summary: {error.message}.)"
    usage.record_call(workspace, "digest", config.model, reply.tokens, changed=False)
    return reply.text.strip() or plain


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


def _prompt() -> str:
    return Path(__file__).with_suffix(".md").read_text(encoding="utf-8")


def _question(notes: list[Note], diff: list[str]) -> str:
    table = {
        "notes": [{"taken": f"{n.day} {n.time}", "text": redact(n.text)} for n in notes],
        "diff": diff,
    }
    return json.dumps(table, ensure_ascii=False, indent=1)


def _section(title: str, lines: Iterable[str]) -> str:
    listed = list(lines)
    return "\n".join([title, "-" * len(title), *listed]) if listed else ""


def _first_line(text: str) -> str:
    first, _, more = redact(text).partition("\n")
    return f"{first} …" if more else first


def _as_html(text: str) -> str:
    """Return the digest as HTML for mail programs; all of it is escaped."""
    body = "".join(
        f"<pre style='font:14px/1.5 ui-monospace,monospace;white-space:pre-wrap'>"
        f"{html.escape(part)}</pre>"
        for part in text.split("\n\n")
    )
    return f"<!doctype html><html lang='en'><meta charset='utf-8'><body>{body}</body></html>"
