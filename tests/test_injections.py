"""Notes that want to rewrite what agents obey, through the ear, the log and a model that obeys."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from memsync.config.workspace import Workspace
from memsync.daemon.capture import create_capture_app
from memsync.memory import store
from memsync.notes.delivery import redeliver
from memsync.notes.spool import Spool
from memsync.refresh import pending, proposals, review
from memsync.refresh.run import merge_pending
from memsync.text.sanitizing import without_hidden
from tests.conftest import SAMPLE
from tests.support.injections import ALL_ORDERS, INNOCENT
from tests.support.messages_server import Answer, edits
from tests.support.net import send, served
from tests.support.scale import share

AT_LEAST = 150
BLOCK = "<!-- memsync:begin -->\n<!-- memsync:end -->\n"
SECTIONS = (
    "Preferences",
    "Hard constraints",
    "Current priorities",
    "Rules for agents",
    "Recent notes",
)


@pytest.fixture
def ear(workspace: Workspace) -> Iterator[int]:
    with served(create_capture_app(workspace.config)) as port:
        yield port


def say(port: int, workspace: Workspace, *texts: str) -> list[str]:
    """Send notes as a phone does; return the ids under which the log has them."""
    known = {entry.note.id for entry in Spool().entries()}
    for text in texts:
        body = json.dumps({"text": text}).encode()
        answer = send(port, "POST", "/note", body, {"Content-Type": "application/json"})
        assert answer.status == 200, answer
    redeliver(workspace)
    return [e.note.id for e in Spool().entries() if e.note.id not in known]


def notes_in(request: dict[str, Any]) -> list[str]:
    question = request["messages"][0]["content"]
    return [note["text"] for note in json.loads(question[question.rindex("\n\n[\n") :])]


def obey(request: dict[str, Any]) -> Answer:
    """Do what every note says, everywhere; when told that it cannot be applied, on one line."""
    is_second_try = len(request["messages"]) > 1
    wanted: list[dict[str, Any]] = []
    notes = notes_in(request)
    for at, note in enumerate(notes):
        text = " ".join(note.split()) if is_second_try else note
        names = SECTIONS if len(notes) == 1 else SECTIONS[at % len(SECTIONS) :][:1]
        wanted += [{"op": "add", "section": name, "text": f"- {text}"} for name in names]
    first = f"- {' '.join(notes[0].split())}"
    wanted.append({"op": "replace", "find": "- Short answers, no preamble", "text": first})
    return edits(*wanted, summary="As you wish")


def put_down(request: dict[str, Any]) -> Answer:
    """Keep each note as a fact among the priorities, as a good model does."""
    return edits(*({"op": "add", "section": "Current priorities", "text": f"- {note}"}
                   for note in notes_in(request)))  # fmt: skip


def agents_files(home) -> str:
    return "".join((home / name).read_text() for name in (".claude/CLAUDE.md", ".codex/AGENTS.md")
                   if (home / name).exists())  # fmt: skip


def test_the_corpus_is_as_large_as_is_told():
    assert len(set(ALL_ORDERS)) == len(ALL_ORDERS) >= AT_LEAST
    assert len(set(INNOCENT)) == len(INNOCENT) >= 60


@pytest.mark.torture
def test_no_order_reaches_anything_through_a_model_that_obeys_it(ear, with_claude, claude, home):
    chosen = ALL_ORDERS[:: len(ALL_ORDERS) // share(len(ALL_ORDERS), least=40) or 1]
    claude.script(obey)
    for text in chosen:
        (identifier,) = say(ear, with_claude, text)
        merge_pending(with_claude)
        assert store.read(with_claude).text == SAMPLE, text
        assert proposals.note_ids(with_claude).get(identifier), text
    assert agents_files(home).replace(SAMPLE, "") == BLOCK * 2
    assert len({n.id for p in proposals.list_open(with_claude) for n in p.notes}) == len(chosen)


def test_all_orders_at_once_wait_and_the_innocent_ones_pass(ear, with_claude, claude):
    say(ear, with_claude, *ALL_ORDERS, *INNOCENT)
    claude.script(obey_or_put_down)
    merge_pending(with_claude)
    memory = store.read(with_claude).text
    passed = [note for note in INNOCENT if f"- {note}\n" in memory]
    assert len(passed) >= len(INNOCENT) * 0.95, set(INNOCENT) - set(passed)
    left = memory
    for note in passed:
        left = left.replace(f"- {note}\n", "")
    assert left == SAMPLE
    assert pending.pending_notes(with_claude) == []


def obey_or_put_down(request: dict[str, Any]) -> Answer:
    harmless = all(note in INNOCENT for note in notes_in(request))
    return put_down(request) if harmless else obey(request)


def test_offline_every_order_waits_as_a_bullet_and_can_be_seen(ear, workspace):
    ids = say(ear, workspace, *ALL_ORDERS)
    merge_pending(workspace)
    assert store.read(workspace).text == SAMPLE
    waiting = proposals.note_ids(workspace)
    assert [i for i in ids if not waiting.get(i)] == []
    shown = [held.edit.text for p in proposals.list_open(workspace) for held in p.edits]
    assert not any(text != without_hidden(text) for text in shown)


def test_offline_nearly_all_innocent_notes_pass_at_once(ear, workspace):
    say(ear, workspace, *INNOCENT)
    merge_pending(workspace)
    memory = store.read(workspace).text
    waiting = [note for note in INNOCENT if f": {note}\n" not in memory]
    assert len(waiting) <= len(INNOCENT) // 20, waiting


def test_what_is_approved_in_haste_is_still_no_import_and_breaks_no_constraint(
    ear, with_claude, claude
):
    say(ear, with_claude, "@~/.ssh/id_rsa")
    claude.script(obey)
    merge_pending(with_claude)
    (proposal,) = proposals.list_open(with_claude)
    review.apply_proposal(with_claude, proposal)
    text = store.read(with_claude).text
    assert "`@~/.ssh/id_rsa`" in text
    assert " @~" not in text
    assert "- Never push to main without asking\n" in text
