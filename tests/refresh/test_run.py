"""From pending notes to a published memory: once each, in this order, whatever happens between."""

from __future__ import annotations

import errno
import json
import threading
from datetime import datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import pytest
import time_machine

from memsync import config as settings
from memsync import targets
from memsync.config import writer
from memsync.config.workspace import Workspace
from memsync.errors import (
    ApiError,
    BudgetError,
    DamagedMemoryError,
    MemoryMovedError,
    RefusedError,
)
from memsync.memory import publish as publishing
from memsync.memory import store
from memsync.notes import ledger, log
from memsync.refresh import pending as batches
from memsync.refresh import run
from memsync.refresh.pending import pending_notes
from memsync.sync import refresh_memory_content
from memsync.text.mark import CAPTURED
from memsync.text.note import MAX_BYTES, make_note
from tests.conftest import SAMPLE
from tests.support.faults import refuse_to_open
from tests.support.messages_server import MessagesServer, cut_off, edits, hang_up, http_error, slow

ROME = ZoneInfo("Europe/Rome")
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=ROME)
ADD = {"op": "add", "section": "Identity", "text": "- Lives in Oslo"}
REPLACE = {"op": "replace", "find": "- Ship the importer", "text": "- Ship the exporter"}


def take(workspace: Workspace, text: str, moment: datetime = NOON) -> None:
    log.append(workspace, make_note(text, moment))


def pending(workspace: Workspace) -> list[str]:
    return [note.text for note in pending_notes(workspace)]


def backups(workspace: Workspace) -> list[bytes]:
    return [path.read_bytes() for path in sorted(workspace.backups.iterdir())]


def usage_lines(workspace: Workspace) -> list[dict]:
    (path,) = workspace.machines.glob("*/usage.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()]


def reopened(workspace: Workspace, **values: object) -> Workspace:
    changes = {f"core.{name}": value for name, value in values.items()}
    writer.change(settings.get_config_path(), changes)
    return Workspace.open(settings.load())


def notes_asked(request: dict) -> list[str]:
    listed = request["messages"][0]["content"].split("are not for you):\n\n")[1]
    return [note["text"] for note in json.loads(listed)]


def test_a_merge_that_replaces_one_line_changes_that_line_alone_and_is_done_once(
    with_claude, claude
):
    take(with_claude, "The importer is out; now the exporter")
    claude.script(edits(REPLACE, summary="exporter now"))
    outcome = run.merge_pending(with_claude)
    after = SAMPLE.replace("- Ship the importer\n", "- Ship the exporter\n").encode()
    assert with_claude.memory.read_bytes() == after
    assert backups(with_claude) == [SAMPLE.encode()]
    assert outcome.sentence == "1 note merged: exporter now"
    wanted = targets.configured_targets(with_claude.config)
    states = targets.inspect_all(wanted, after, with_claude.memory)
    assert [(state.name, state.state) for state in states] == [
        ("claude", "in-sync"),
        ("codex", "in-sync"),
    ]
    assert run.merge_pending(with_claude).sentence == "no pending notes"
    assert len(claude.requests) == 1
    assert backups(with_claude) == [SAMPLE.encode()]


def test_a_memory_that_the_sync_client_brought_is_given_to_every_agent_without_a_note(
    with_claude, claude
):
    run.merge_pending(with_claude)
    brought = SAMPLE.replace("Turin", "Oslo")
    with_claude.memory.write_text(brought)
    outcome = run.merge_pending(with_claude)
    assert outcome.sentence == "no pending notes"
    assert [state.state for state in outcome.targets] == ["in-sync", "in-sync"]
    for target in targets.configured_targets(with_claude.config):
        assert brought in target.path.read_text()
    assert claude.requests == []


def unreachable(workspace: Workspace, claude: MessagesServer) -> Workspace:
    return reopened(workspace, api_base_url="http://127.0.0.1:1")


def key_refused(workspace: Workspace, claude: MessagesServer) -> Workspace:
    claude.script(http_error(401, "authentication_error", "invalid x-api-key"))
    return workspace


def budget_spent(workspace: Workspace, claude: MessagesServer) -> Workspace:
    return reopened(workspace, monthly_budget_usd=0.001)


@pytest.mark.parametrize("why", [unreachable, key_refused, budget_spent])
def test_a_refresh_that_cannot_call_the_model_gives_every_agent_what_was_brought(
    why, with_claude, claude
):
    run.merge_pending(with_claude)
    brought = SAMPLE.replace("Never push to main", "Never push to any branch")
    with_claude.memory.write_text(brought)
    take(with_claude, "hi")
    with pytest.raises(ApiError):
        run.merge_pending(why(with_claude, claude))
    for target in targets.configured_targets(with_claude.config):
        assert brought in target.path.read_text()
    assert pending(with_claude) == ["hi"]


def test_an_agent_that_cannot_be_given_the_memory_hides_no_spent_budget(with_claude, monkeypatch):
    limited = reopened(with_claude, monthly_budget_usd=0.001)
    take(limited, "hi")
    refuse_to_open(monkeypatch, lambda path: path.name.startswith(".report.toml"), errno.ENOSPC)
    with pytest.raises(BudgetError) as raised:
        run.merge_pending(limited)
    first, _, second = raised.value.message.partition("; besides, ")
    assert "budget" in first
    assert "not every agent or report" in second
    assert raised.value.exit_code == 5


@pytest.mark.parametrize("fails", [key_refused, lambda _, claude: claude.script(hang_up())])
def test_a_refresh_that_fails_half_way_says_what_it_did_and_which_notes_are_left(
    fails, with_claude, claude, monkeypatch
):
    monkeypatch.setattr(batches, "BATCH_NOTES", 1)
    log.append(with_claude, make_note("Ada lives in Oslo", NOON, CAPTURED))
    take(with_claude, "I like tea")
    claude.script(edits(ADD, summary="moved"))
    fails(with_claude, claude)
    with pytest.raises(ApiError) as raised:
        run.merge_pending(with_claude)
    assert raised.value.message.startswith("1 note merged: moved; but then: ")
    assert "the notes stay pending" not in raised.value.hint
    assert pending(with_claude) == ["I like tea"]
    with pytest.raises(ApiError) as raised:
        run.merge_pending(with_claude)
    assert "but then" not in raised.value.message


def test_a_note_taken_at_23_58_is_merged_by_the_next_nights_run_once(with_claude, claude):
    claude.script(edits(ADD), edits())
    with time_machine.travel(datetime(2026, 11, 23, 23, 55, tzinfo=ROME)):
        assert run.merge_pending(with_claude).notes == 0
    with time_machine.travel(datetime(2026, 11, 23, 23, 58, tzinfo=ROME)) as clock:
        take(with_claude, "I moved to Oslo", datetime.now(ROME))
        clock.move_to(datetime(2026, 11, 24, 23, 55, tzinfo=ROME))
        take(with_claude, "I like it here", datetime.now(ROME))
        assert run.merge_pending(with_claude).notes == 2
        clock.move_to(datetime(2026, 11, 25, 23, 55, tzinfo=ROME))
        assert run.merge_pending(with_claude).notes == 0
    assert [notes_asked(request) for request in claude.requests] == [
        ["I moved to Oslo", "I like it here"]
    ]


def test_a_note_forges_no_entry(with_claude, claude):
    text = "First\n\n---\n### 01:02:03\nSecond\n\n---\n### 01:02:04 (captured)\nThird"
    take(with_claude, text)
    take(with_claude, "An honest one", NOON + timedelta(seconds=1))
    assert pending(with_claude) == [text, "An honest one"]
    claude.script(edits())
    assert run.merge_pending(with_claude).notes == 2
    assert notes_asked(claude.requests[0]) == [text, "An honest one"]


@pytest.mark.parametrize(
    "bad", [[cut_off(text="I")], [edits({"op": "remove", "find": "- x"})] * 2], ids=["cut", "bad"]
)
def test_after_a_bad_answer_the_notes_wait_and_the_next_good_one_merges_them(
    bad, with_claude, claude
):
    take(with_claude, "I moved to Oslo")
    claude.script(*bad, edits(ADD))
    with pytest.raises(ApiError, match="cannot be used"):
        run.merge_pending(with_claude)
    assert store.read(with_claude).text == SAMPLE
    assert backups(with_claude) == []
    assert pending(with_claude) == ["I moved to Oslo"]
    run.merge_pending(with_claude)
    assert "- Lives in Oslo\n" in store.read(with_claude).text
    assert pending(with_claude) == []


def test_a_memory_that_moved_while_the_model_was_thinking_gets_the_edits_on_its_new_text(
    with_claude, claude
):
    moved = SAMPLE.replace("- Write the runbook", "- Write two runbooks")

    def meanwhile(request):
        with_claude.memory.write_text(moved)
        return edits(REPLACE)

    take(with_claude, "The importer is out")
    claude.script(meanwhile)
    run.merge_pending(with_claude)
    assert store.read(with_claude).text == moved.replace("Ship the importer", "Ship the exporter")
    assert backups(with_claude) == [moved.encode()]
    assert len(claude.requests) == 1


def test_a_memory_in_which_the_edits_no_longer_fit_stays_and_so_do_the_notes(with_claude, claude):
    moved = SAMPLE.replace("- Ship the importer\n", "")

    def meanwhile(request):
        with_claude.memory.write_text(moved)
        return edits(REPLACE)

    take(with_claude, "The importer is out")
    claude.script(meanwhile)
    with pytest.raises(MemoryMovedError, match="no longer fits"):
        run.merge_pending(with_claude)
    assert store.read(with_claude).text == moved
    assert pending(with_claude) == ["The importer is out"]


def test_a_memory_that_keeps_moving_leaves_the_notes_pending(with_claude, claude, monkeypatch):
    attempts = []

    def restless(workspace, text, based_on, **kwargs):
        attempts.append(text)
        with workspace.memory.open("a") as file:
            file.write(f"- Line {len(attempts)} of another program\n")
        return publish(workspace, text, based_on)

    publish = publishing.publish
    monkeypatch.setattr(publishing, "publish", restless)
    take(with_claude, "The importer is out")
    claude.script(edits(REPLACE))
    with pytest.raises(MemoryMovedError, match="kept changing"):
        run.merge_pending(with_claude)
    assert len(attempts) == publishing.TRIES
    assert "- Ship the importer" in store.read(with_claude).text
    assert f"- Line {publishing.TRIES} of another program" in store.read(with_claude).text
    assert pending(with_claude) == ["The importer is out"]
    assert len(claude.requests) == 1


def test_a_crash_between_memory_and_ledger_repeats_the_merge_and_doubles_no_line(
    with_claude, claude, monkeypatch
):
    def crash(workspace, merged):
        raise KeyboardInterrupt

    take(with_claude, "I moved to Oslo")
    claude.script(edits(ADD, REPLACE), edits(ADD))
    with monkeypatch.context() as patch:
        patch.setattr(ledger, "mark_merged", crash)
        with pytest.raises(KeyboardInterrupt):
            run.merge_pending(with_claude)
    merged = store.read(with_claude).text
    assert "- Lives in Oslo\n" in merged
    assert pending(with_claude) == ["I moved to Oslo"]
    assert run.merge_pending(with_claude).notes == 1
    assert store.read(with_claude).text == merged
    assert pending(with_claude) == []


def test_two_refreshes_at_once_merge_each_note_once(with_claude, claude):
    take(with_claude, "I moved to Oslo")
    claude.script(slow(edits(ADD), 0.2))
    found: list[int] = []

    def merge():
        found.append(run.merge_pending(with_claude).notes)

    threads = [threading.Thread(target=merge) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [0, 1]
    assert len(claude.requests) == 1


def test_many_notes_are_merged_in_batches_and_what_is_merged_stays_merged(with_claude, claude):
    for number in range(4):
        take(with_claude, f"{number} {'x' * 60_000}", NOON + timedelta(seconds=number))
    refused = http_error(400, "invalid_request_error", "No")
    claude.script(edits(ADD), refused, edits(REPLACE))
    with pytest.raises(ApiError):
        run.merge_pending(with_claude)
    assert "- Lives in Oslo" in store.read(with_claude).text
    assert [text[0] for text in pending(with_claude)] == ["2", "3"]
    assert run.merge_pending(with_claude).notes == 2
    assert [[t[0] for t in notes_asked(request)] for request in claude.requests] == [
        ["0", "1"],
        ["2", "3"],
        ["2", "3"],
    ]


def test_five_megabytes_of_notes_are_merged_in_batches_that_a_call_can_hold(with_claude, claude):
    for number in range(20):
        text = f"{number:02} " + "x" * (MAX_BYTES - 3)
        log.append(with_claude, make_note(text, NOON + timedelta(seconds=number)))
    claude.script(edits())
    assert run.merge_pending(with_claude).notes == 20
    assert [notes_asked(request)[0][:2] for request in claude.requests] == [
        f"{number:02}" for number in range(20)
    ]
    assert pending(with_claude) == []


def test_every_call_has_its_line_in_the_usage_log_the_bad_ones_too(with_claude, claude):
    model = settings.load().model
    take(with_claude, "I moved to Oslo")
    bad = edits({"op": "remove", "find": "- x"}, input_tokens=1000, output_tokens=50)
    claude.script(
        bad,
        http_error(400, "invalid_request_error", "No"),
        bad,
        edits(ADD, input_tokens=2000, output_tokens=60, cache_read=7),
    )
    with pytest.raises(ApiError, match="No"):
        run.merge_pending(with_claude)
    run.merge_pending(with_claude)
    lines = usage_lines(with_claude)
    assert [(line["input_tokens"], line["output_tokens"], line["changed"]) for line in lines] == [
        (1000, 50, False),
        (1000, 50, False),
        (2000, 60, True),
    ]
    assert lines[2]["cache_read_tokens"] == 7
    assert {(line["command"], line["model"]) for line in lines} == {("refresh", model)}
    assert all(line["cost_usd"] > 0 for line in lines)


def test_a_spent_budget_makes_no_call(with_claude, claude):
    workspace = reopened(with_claude, monthly_budget_usd=0.5)
    take(workspace, "I moved to Oslo")
    claude.script(edits(ADD, input_tokens=10_000_000))
    run.merge_pending(workspace)
    take(workspace, "It rains", NOON + timedelta(minutes=1))
    with pytest.raises(ApiError, match="budget of"):
        run.merge_pending(workspace)
    assert len(claude.requests) == 1
    assert pending(workspace) == ["It rains"]


def test_a_call_is_not_made_where_it_could_cost_more_than_is_left(with_claude, claude):
    take(with_claude, "I moved to Oslo")
    most = batches.estimate(with_claude).most_usd
    assert most is not None
    short = reopened(with_claude, monthly_budget_usd=most - 1e-6)
    for act in (run.merge_pending, partial(run.preview, allow_shrink=False)):
        with pytest.raises(BudgetError, match="does not cover a call of up to"):
            act(short)
    assert claude.requests == []
    assert pending(short) == ["I moved to Oslo"]
    claude.script(edits(ADD))
    run.merge_pending(reopened(with_claude, monthly_budget_usd=most))
    assert len(claude.requests) == 1


def test_a_preview_writes_nothing_but_what_the_call_cost(with_claude, claude):
    take(with_claude, "I moved to Oslo")
    claude.script(edits(ADD))
    extra = make_note("It rains", NOON)
    outcome = run.preview(with_claude, [extra], allow_shrink=False)
    assert outcome.after == SAMPLE.replace("in Turin\n", "in Turin\n- Lives in Oslo\n")
    assert store.read(with_claude).text == SAMPLE
    assert pending(with_claude) == ["I moved to Oslo"]
    assert [line["command"] for line in usage_lines(with_claude)] == ["preview"]
    assert notes_asked(claude.requests[0]) == ["I moved to Oslo", "It rains"]


def test_without_a_model_notes_stand_under_recent_notes_and_are_done(workspace):
    take(workspace, "I moved to Oslo\n# Not a heading")
    assert run.merge_pending(workspace).changed
    text = store.read(workspace).text
    assert (
        text == f"{SAMPLE}\n## Recent notes\n\n- 2026-11-23: I moved to Oslo\n  \\# Not a heading\n"
    )
    assert not run.merge_pending(workspace).changed


def test_a_memory_the_notes_cannot_go_into_says_so_and_keeps_them(workspace):
    marks = ("", " (memsync)", *(f" (memsync {number})" for number in range(2, 10)))
    workspace.memory.write_text("".join(f"## Recent notes{mark}\n\n" for mark in marks) * 2)
    take(workspace, "I moved to Oslo")
    with pytest.raises(RefusedError, match="could not be put into the memory"):
        run.merge_pending(workspace)
    assert pending(workspace) == ["I moved to Oslo"]


@pytest.mark.parametrize("damage", [b"", b"\0" * 64, b"\xff\xfe", None], ids=repr)
def test_a_damaged_memory_is_not_asked_about(damage, with_claude, claude):
    take(with_claude, "I moved to Oslo")
    if damage is None:
        with_claude.memory.unlink()
    else:
        with_claude.memory.write_bytes(damage)
    with pytest.raises(DamagedMemoryError):
        run.merge_pending(with_claude)
    assert claude.requests == []
    assert pending(with_claude) == ["I moved to Oslo"]


def test_a_run_that_ended_between_the_memory_and_the_agents_is_made_good_by_the_next(
    workspace, home
):
    take(workspace, "I like tea")
    before = (home / ".claude" / "CLAUDE.md", home / ".codex" / "AGENTS.md")
    result = refresh_memory_content(
        pending_notes(workspace), store.read(workspace).text, workspace.config
    )
    store.replace(workspace, result["updated_content"], None)  # and then the power went
    outcome = run.merge_pending(workspace)
    assert not outcome.changed
    assert all("I like tea" in path.read_text() for path in before)
    assert pending_notes(workspace) == []
