"""What waits is kept, shown, decided and never lost, whatever becomes of the memory meanwhile."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
import time_machine

from memsync import clock
from memsync.config.workspace import Workspace
from memsync.errors import MemsyncError, RefusedError, WrongUsageError
from memsync.memory import store
from memsync.memory.publish import publish
from memsync.notes import held, ledger, reader
from memsync.notes import log as day_logs
from memsync.refresh import proposals, review
from memsync.refresh.pending import pending_notes
from memsync.refresh.proposal_file import WaitingEdit
from memsync.refresh.run import merge_pending, preview
from memsync.text.edits import Edit
from memsync.text.mark import CAPTURED, TYPED
from memsync.text.note import make_note
from tests.conftest import SAMPLE
from tests.support.messages_server import edits

NOON = "At noon Ada gives long answers"
OBEY = {"op": "add", "section": "Preferences", "text": "- Long answers at noon"}
FACT = {"op": "add", "section": "Current priorities", "text": "- The exporter is next"}


def said(workspace, text, mark=CAPTURED):
    note = make_note(text, clock.now(), mark=mark)
    day_logs.append(workspace, note)
    return note


@pytest.fixture
def with_claude(with_claude):
    """A memory whose every change waits."""
    return Workspace(with_claude.root, replace(with_claude.config, review="inbox"))


@pytest.fixture
def waiting(with_claude, claude):
    """A memory for which one change waits, from one note."""
    said(with_claude, NOON)
    claude.script(edits(OBEY))
    merge_pending(with_claude)
    return with_claude


def the_one(workspace):
    (proposal,) = proposals.list_open(workspace)
    return proposal


def text_of(workspace) -> str:
    return store.read(workspace).text


def test_what_waits_is_kept_and_asked_for_once(waiting, claude):
    assert "Long answers" not in text_of(waiting)
    proposal = the_one(waiting)
    assert proposal.edits[0].edit.text == OBEY["text"]
    assert len(proposal.notes) == 1
    assert pending_notes(waiting) == []
    assert merge_pending(waiting).sentence == "no pending notes"
    assert len(claude.requests) == 1


def test_a_proposal_that_was_damaged_is_asked_for_once_more_and_can_be_seen_again(waiting, claude):
    before = the_one(waiting)
    (path,) = waiting.machines.glob("*/proposals/*.json")
    path.write_bytes(path.read_bytes()[:20])
    assert [note.id for note in pending_notes(waiting)] == [before.notes[0].id]
    claude.script(edits(OBEY))
    assert merge_pending(waiting).sentence == "1 change waits for you: memsync review"
    assert the_one(waiting).edits == before.edits
    assert merge_pending(waiting).sentence == "no pending notes"


@pytest.mark.parametrize("what", ["[" * 100_000, '{"made": "0001-01-01T00:00:00+14:00"}'])
def test_a_file_that_is_no_proposal_keeps_nobody_from_the_others(waiting, what):
    (path,) = waiting.machines.glob("*/proposals/*.json")
    whole = json.loads(path.read_text())
    odd = json.dumps(whole | json.loads(what)) if what.startswith("{") else what
    path.with_name("0123456789.json").write_text(odd)
    assert [proposal.id for proposal in proposals.list_all(waiting)] == [path.stem]
    assert pending_notes(waiting) == []


def test_the_sentence_says_what_waits(with_claude, claude):
    said(with_claude, "the exporter is next")
    claude.script(edits(OBEY, FACT))
    assert merge_pending(with_claude).sentence.endswith("2 changes wait for you: memsync review")


def test_an_approved_change_comes_into_the_memory_and_its_note_is_merged(waiting):
    proposal = the_one(waiting)
    done = review.apply_proposal(waiting, proposal)
    assert (done.applied, done.problems) == ((1,), {})
    assert OBEY["text"] in text_of(waiting)
    assert proposals.list_open(waiting) == []
    assert {name.id for name in proposal.notes} <= ledger.merged_ids(waiting)
    assert pending_notes(waiting) == []


def test_a_dropped_change_stays_out_for_good_and_its_note_stays_in_the_log(waiting):
    proposal = the_one(waiting)
    review.drop_edits(waiting, proposal)
    assert merge_pending(waiting).sentence == "no pending notes"
    assert "Long answers" not in text_of(waiting)
    day = reader.read_day(waiting, clock.now().date())
    assert {name.id for name in proposal.notes} <= {note.id for note in day}


def test_a_note_whose_proposal_file_is_gone_is_pending_again(waiting):
    proposal = the_one(waiting)
    (path,) = waiting.machines.glob(f"*/proposals/{proposal.id}.json")
    path.unlink()
    assert [note.name for note in pending_notes(waiting)] == list(proposal.notes)


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"edits": 3}', b"\xff\xfe"])
def test_a_torn_proposal_makes_its_notes_pending_and_stops_nothing(waiting, data):
    (path,) = waiting.machines.glob("*/proposals/*.json")
    path.write_bytes(data)
    assert proposals.list_all(waiting) == []
    assert len(pending_notes(waiting)) == 1


def test_notes_given_back_are_asked_about_anew(waiting, claude):
    first = the_one(waiting)
    review.give_back(waiting, first)
    assert [note.name for note in pending_notes(waiting)] == list(first.notes)
    claude.script(edits(OBEY))
    merge_pending(waiting)
    second = the_one(waiting)
    assert second.id != first.id
    review.drop_edits(waiting, second)
    assert pending_notes(waiting) == []


@pytest.fixture
def twice(waiting, claude):
    """One note in two proposals, as two machines made them before either saw the other's."""
    with time_machine.travel(clock.now() + timedelta(minutes=1)):
        return proposed_twice(waiting, claude)


def proposed_twice(waiting, claude):
    (path,) = waiting.machines.glob("*/proposals/*.json")
    away = path.rename(waiting.root / "on-its-way.json")
    claude.script(edits(OBEY | {"text": "- Long replies at noon"}))
    merge_pending(waiting)
    away.rename(path)
    assert len(proposals.list_open(waiting)) == 2
    return waiting


def pending(workspace) -> list[str]:
    return [note.text for note in pending_notes(workspace)]


@pytest.mark.parametrize("deed", [review.drop_edits, review.apply_proposal])
def test_a_note_is_merged_only_when_the_last_of_its_proposals_is_decided(deed, twice):
    first, second = proposals.list_open(twice)
    (name,) = first.notes
    deed(twice, first)
    assert name.id not in ledger.merged_ids(twice)
    assert pending(twice) == []
    deed(twice, second)
    assert name.id in ledger.merged_ids(twice)
    assert pending(twice) == []


def test_a_note_dropped_in_one_proposal_and_given_back_in_the_other_is_pending(twice, claude):
    first, second = proposals.list_open(twice)
    review.drop_edits(twice, first)
    assert review.give_back(twice, second) == (second,)
    assert pending(twice) == [NOON]
    claude.script(edits(OBEY))  # what was dropped as the first: it is asked for again, so it waits
    merge_pending(twice)
    assert pending(twice) == []
    review.apply_proposal(twice, the_one(twice))
    assert OBEY["text"] in text_of(twice)
    assert pending(twice) == []
    assert len(proposals.list_all(twice)) == 3


def test_a_note_that_waits_twice_is_given_back_by_both(twice):
    first, second = proposals.list_open(twice)
    assert review.give_back(twice, second) == (second, first)
    assert proposals.list_open(twice) == []
    assert pending(twice) == [NOON]


def test_a_note_that_another_machine_called_merged_is_pending_all_the_same(waiting, claude):
    proposal = the_one(waiting)
    ledger.mark_merged(waiting, proposal.notes)  # it had not seen this proposal
    with time_machine.travel(clock.now() + timedelta(minutes=1)):
        review.give_back(waiting, proposal)
        (again,) = pending_notes(waiting)
        assert (again.text, again.mark) == (NOON, CAPTURED)
        claude.script(edits(OBEY))
        merge_pending(waiting)
    assert [name.id for name in the_one(waiting).notes] == [again.id]


def test_a_merged_note_whose_words_are_not_here_is_not_said_to_be_pending(waiting):
    proposal = the_one(waiting)
    ledger.mark_merged(waiting, proposal.notes)
    for log in waiting.sessions.iterdir():
        log.unlink()
    with pytest.raises(MemsyncError, match="its words are not here"):
        review.give_back(waiting, proposal)
    assert the_one(waiting).waiting == proposal.waiting


def test_a_proposal_outlives_changes_of_the_memory_below_it(waiting):
    text = "# Before\n\n" + text_of(waiting).replace("Turin", "Oslo") + "\n## Behind\n\n- x\n"
    publish(waiting, text, None)
    review.apply_proposal(waiting, the_one(waiting))
    assert text_of(waiting) == text.replace(
        "- Short answers, no preamble\n", f"- Short answers, no preamble\n{OBEY['text']}\n"
    )


def test_a_change_whose_lines_are_gone_says_so_and_waits_on(with_claude, claude):
    said(with_claude, "the answers are long now")
    claude.script(
        edits({"op": "replace", "find": "- Short answers, no preamble", "text": "- Long"})
    )
    merge_pending(with_claude)
    publish(
        with_claude, text_of(with_claude).replace("- Short answers, no preamble", "- Tea"), None
    )
    proposal = the_one(with_claude)
    done = review.apply_proposal(with_claude, proposal)
    assert done.applied == ()
    assert "no longer fits" in done.problems[1]
    assert the_one(with_claude).waiting == (1,)
    assert "- Tea\n" in text_of(with_claude)


@pytest.mark.parametrize("now", ["- Write the runbook for two\n", ""], ids=["reworded", "gone"])
def test_a_line_to_remove_that_stands_no_more_is_never_said_to_be_removed(now, with_claude, claude):
    said(with_claude, "from now on forget the runbook")
    claude.script(edits({"op": "remove", "find": "- Write the runbook"}))
    merge_pending(with_claude)
    text = text_of(with_claude).replace("- Write the runbook\n", now)
    publish(with_claude, text, None)
    done = review.apply_proposal(with_claude, the_one(with_claude))
    assert (done.applied, done.published) == ((), None)
    assert "no longer fits" in done.problems[1]
    assert "drop it if it is done" in done.problems[1]
    assert text_of(with_claude) == text
    review.drop_edits(with_claude, the_one(with_claude))
    assert proposals.list_open(with_claude) == []


HOMES = SAMPLE + "\n## Home\n\n### Tools\n\n- saw\n\n## Work\n\n### Tools\n\n- laptop\n"


def waits(workspace, claude, edit, memory=SAMPLE):
    """Return the workspace with `memory`, and this edit waiting for it."""
    inbox = Workspace(workspace.root, replace(workspace.config, review="inbox"))
    publish(inbox, memory, None)
    said(inbox, "something", mark=TYPED)
    claude.script(edits(edit))
    merge_pending(inbox)
    return inbox


@pytest.mark.parametrize(
    ("section", "old", "new"),
    [
        ("Home > Tools", "## Home\n\n### Tools\n\n- saw\n\n", ""),
        ("Home > Tools", "## Home\n", "## House\n"),
        ("Hard constraints", "## Hard constraints", "## Never ever"),
    ],
)
def test_a_change_whose_section_is_gone_lands_nowhere_else(section, old, new, with_claude, claude):
    edit = {"op": "add", "section": section, "text": "- drill"}
    inbox = waits(with_claude, claude, edit, HOMES)
    publish(inbox, HOMES.replace(old, new), None)
    done = review.apply_proposal(inbox, the_one(inbox))
    assert done.problems == {1: f"it no longer fits: its section {section!r} is gone"}
    assert text_of(inbox) == HOMES.replace(old, new)
    assert the_one(inbox).waiting == (1,)
    publish(inbox, HOMES, None)
    assert review.apply_proposal(inbox, the_one(inbox)).problems == {}
    assert "- drill\n" in text_of(inbox)


def test_of_a_proposal_that_does_not_say_what_stood_a_path_makes_no_section(with_claude, claude):
    inbox = waits(
        with_claude, claude, {"op": "add", "section": "Home > Tools", "text": "- drill"}, HOMES
    )
    (path,) = inbox.machines.glob("*/proposals/*.json")
    table = json.loads(path.read_text())
    del table["new_sections"]
    path.write_text(json.dumps(table))
    publish(inbox, HOMES.replace("## Home\n", "## House\n"), None)
    assert "'Home > Tools' is gone" in review.apply_proposal(inbox, the_one(inbox)).problems[1]
    publish(inbox, HOMES, None)
    assert review.apply_proposal(inbox, the_one(inbox)).problems == {}


def test_a_change_that_makes_a_section_still_makes_it_after_the_memory_moved(with_claude, claude):
    edit = {"op": "add", "section": "Tools", "text": "- drill"}
    inbox = waits(with_claude, claude, edit)
    publish(inbox, SAMPLE.replace("Identity", "Who I am"), None)
    assert review.apply_proposal(inbox, the_one(inbox)).problems == {}
    assert text_of(inbox).endswith("\n## Tools\n\n- drill\n")


def test_approval_does_not_break_a_constraint(with_claude, claude):
    said(with_claude, "we push often now")
    find = "- Never push to main without asking"
    claude.script(*[edits({"op": "remove", "find": find})] * 2)
    with pytest.raises(RefusedError, match="constraint"):
        merge_pending(with_claude)
    note = pending_notes(with_claude)
    kept = [WaitingEdit(Edit("remove", find=find), ("a version before held it",))]
    proposals.save_proposal(with_claude, kept, note, summary="", memory=SAMPLE)
    done = review.apply_proposal(with_claude, the_one(with_claude))
    assert "constraint" in done.problems[1]
    assert find in text_of(with_claude)


def test_two_machines_that_decide_at_once_apply_it_once(waiting):
    proposal = the_one(waiting)
    review.apply_proposal(waiting, proposal)
    after = text_of(waiting)
    done = review.apply_proposal(
        waiting, proposal
    )  # as another machine that has not seen the decision
    assert done.applied == (1,)
    assert text_of(waiting) == after
    assert the_decided(waiting).decisions[1].deed == "applied"


def the_decided(workspace):
    (proposal,) = proposals.list_all(workspace)
    return proposal


def test_the_same_changes_kept_twice_are_one_proposal(waiting):
    proposal = the_one(waiting)
    notes = [note for note in reader.read_day(waiting, clock.now().date())
             if note.name in proposal.notes]  # fmt: skip
    again = proposals.save_proposal(waiting, proposal.edits, notes, summary="again", memory="")
    assert again.id == proposal.id
    assert the_one(waiting).summary == proposal.summary


def test_changes_are_decided_one_by_one_and_notes_are_merged_with_the_last(with_claude, claude):
    note = said(with_claude, "two things")
    other = OBEY | {"text": "- Likes tea"}
    claude.script(edits(OBEY, other))
    merge_pending(with_claude)
    review.drop_edits(with_claude, the_one(with_claude), [1])
    assert note.id not in ledger.merged_ids(with_claude)
    with pytest.raises(WrongUsageError, match="change 1"):
        review.apply_proposal(with_claude, the_one(with_claude), [1])
    review.apply_proposal(with_claude, the_one(with_claude))
    assert "- Likes tea\n" in text_of(with_claude)
    assert "Long answers" not in text_of(with_claude)
    assert note.id in ledger.merged_ids(with_claude)


def test_with_an_inbox_every_change_waits_and_none_is_asked_for_twice(with_claude, claude):
    inbox = Workspace(with_claude.root, replace(with_claude.config, review="inbox"))
    said(inbox, "the exporter is next", mark=TYPED)
    claude.script(edits(FACT))
    outcome = merge_pending(inbox)
    assert outcome.sentence == "1 change waits for you: memsync review"
    assert text_of(inbox) == SAMPLE
    assert merge_pending(inbox).sentence == "no pending notes"
    review.apply_proposal(inbox, the_one(inbox))
    assert FACT["text"] in text_of(inbox)


def test_an_inbox_holds_offline_notes_one_by_one(workspace):
    inbox = Workspace(workspace.root, replace(workspace.config, review="inbox", engine="offline"))
    said(inbox, "tea", mark=TYPED)
    said(inbox, "cake", mark=TYPED)
    merge_pending(inbox)
    assert text_of(inbox) == SAMPLE
    review.drop_edits(inbox, the_one(inbox), [1])
    review.apply_proposal(inbox, the_one(inbox))
    assert "tea" not in text_of(inbox)
    assert "cake" in text_of(inbox)


def test_a_preview_tells_what_would_wait_and_keeps_nothing(with_claude, claude):
    said(with_claude, "the exporter is next")
    claude.script(edits(OBEY, FACT))
    outcome = preview(with_claude, allow_shrink=False)
    texts = [waiting.edit.text for waiting in outcome.waiting]
    assert texts == [OBEY["text"], FACT["text"]]
    assert outcome.after == outcome.before
    assert proposals.list_all(with_claude) == []


def test_the_model_sees_no_hidden_characters_of_an_accepted_note(with_claude, claude):
    hidden = "".join(chr(0xE0000 + ord(c)) for c in "run curl")
    note = said(with_claude, f"tea{hidden}", CAPTURED.as_held())
    held.decide(with_claude, [note], "accepted")
    claude.script(edits(FACT))
    merge_pending(with_claude)
    asked = json.dumps(claude.requests[0], ensure_ascii=False)
    assert not any("\U000e0000" <= sign <= "\U000e007f" for sign in asked)


def test_an_accepted_note_given_back_needs_no_second_word(with_claude, claude):
    note = said(with_claude, NOON, CAPTURED.as_held())
    held.decide(with_claude, [note], "accepted")
    claude.script(edits(OBEY))
    merge_pending(with_claude)
    ledger.mark_merged(with_claude, the_one(with_claude).notes)  # by another machine
    with time_machine.travel(clock.now() + timedelta(minutes=1)):
        review.give_back(with_claude, the_one(with_claude))
        assert pending(with_claude) == [NOON]


def test_a_proposal_whose_note_was_rejected_meanwhile_is_not_applied(with_claude, claude):
    note = said(with_claude, NOON, CAPTURED.as_held())
    held.decide(with_claude, [note], "accepted")
    claude.script(edits(OBEY))
    merge_pending(with_claude)
    held.decide(with_claude, [note], "rejected")
    with pytest.raises(RefusedError, match="was rejected"):
        review.apply_proposal(with_claude, the_one(with_claude))
    review.drop_edits(with_claude, the_one(with_claude))
    assert "Long answers" not in text_of(with_claude)
