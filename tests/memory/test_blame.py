"""Every line of the memory can be asked where it came from, and says so honestly."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from memsync import clock
from memsync.config.workspace import Workspace
from memsync.memory import store
from memsync.memory.blame import blame_lines
from memsync.memory.history import backups, last_seen
from memsync.memory.history.provenance import Cause, added_lines
from memsync.memory.publish import publish
from memsync.notes import log
from memsync.refresh import proposals as kept
from memsync.refresh import review
from memsync.refresh.run import merge_pending
from memsync.text.mark import CAPTURED, TYPED
from memsync.text.note import make_note
from tests.conftest import SAMPLE
from tests.support.messages_server import edits


def said(workspace, text, mark=TYPED):
    note = make_note(text, clock.now(), mark=mark)
    log.append(workspace, note)
    return note


def add(text, section="Current priorities"):
    return {"op": "add", "section": section, "text": text}


def origins(workspace):
    return {row.line: row for row in blame_lines(workspace, store.read(workspace).text)}


def edit_by(workspace, old, new, deed="edit"):
    memory = store.read(workspace)
    publish(workspace, memory.text.replace(old, new), memory.digest, cause=Cause(deed))


def test_lines_of_the_first_memory_were_there_before_memsync(workspace):
    assert {row.how for row in origins(workspace).values()} == {"before memsync"}


def test_a_line_of_one_note_is_that_notes(with_claude, claude):
    note = said(with_claude, "we use Postgres 17")
    claude.script(edits(add("- Database: PostgreSQL, version 17")))
    merge_pending(with_claude)
    row = origins(with_claude)["- Database: PostgreSQL, version 17"]
    assert (row.how, row.notes, row.words) == ("note", (note.name,), ("we use Postgres 17",))
    assert row.machine
    assert row.when is not None


def test_among_many_notes_the_words_tell_and_else_it_is_one_of_them(with_claude, claude):
    milk = said(with_claude, "the milk is in the blue bottle")
    tea = said(with_claude, "tea at five with Grace")
    claude.script(edits(add("- Milk: blue bottle"), add("- Tea at five"), add("- Likes drinks")))
    merge_pending(with_claude)
    rows = origins(with_claude)
    assert rows["- Milk: blue bottle"].notes == (milk.name,)
    assert rows["- Tea at five"].notes == (tea.name,)
    assert rows["- Likes drinks"].notes == (milk.name, tea.name)


def test_an_offline_bullet_is_exactly_its_notes(workspace):
    notes = [said(workspace, text) for text in ("likes tea", "likes cake", "likes both")]
    merge_pending(workspace)
    rows = origins(workspace)
    for note in notes:
        assert rows[f"- {note.day}: {note.text}"].notes == (note.name,)


def test_a_line_that_a_later_merge_moves_stays_its_first_notes(with_claude, claude):
    first = said(with_claude, "likes tea")
    claude.script(edits(add("- 2026-11-23: likes tea", "Recent notes")))
    merge_pending(with_claude)
    said(with_claude, "the importer is out")
    claude.script(
        edits(
            {"op": "remove", "find": "- 2026-11-23: likes tea"}, add("- likes tea", "Preferences")
        )
    )
    merge_pending(with_claude)
    assert origins(with_claude)["- likes tea"].notes == (first.name,)


def test_a_line_that_a_later_merge_rewords_stays_its_first_notes(with_claude, claude):
    first = said(with_claude, "likes green tea from Uji")
    claude.script(edits(add("- likes green tea from Uji", "Recent notes")))
    merge_pending(with_claude)
    said(with_claude, "the importer is out")
    claude.script(
        edits(
            {"op": "replace", "find": "- likes green tea from Uji", "text": "- Green tea from Uji"}
        )
    )
    merge_pending(with_claude)
    assert origins(with_claude)["- Green tea from Uji"].notes == (first.name,)


def test_changes_by_hand_and_on_the_page_are_told_so(workspace):
    edit_by(workspace, "- Ship the importer\n", "- Ship it\n")
    edit_by(workspace, "- Write the runbook\n", "- Write it\n", "web")
    rows = origins(workspace)
    assert rows["- Ship it"].how == "by hand"
    assert rows["- Write it"].how == "by hand, on the page"
    assert rows["## Identity"].how == "before memsync"


def test_a_restored_line_is_its_notes_again(with_claude, claude):
    note = said(with_claude, "likes tea")
    claude.script(edits(add("- Likes tea")))
    merge_pending(with_claude)
    edit_by(with_claude, "- Likes tea\n", "")
    newest = backups.newest_good(with_claude.backups)
    publish(with_claude, newest.path.read_text(), None, cause=Cause("restore"))
    assert origins(with_claude)["- Likes tea"].notes == (note.name,)


def test_a_restored_line_that_nobody_noted_is_restored(workspace):
    edit_by(workspace, "- Ship the importer\n", "")
    publish(workspace, SAMPLE, None, cause=Cause("restore"))
    assert origins(workspace)["- Ship the importer"].how == "restored"


def test_a_line_without_a_record_is_by_hand_since_a_backup(workspace):
    edit_by(workspace, "- Ship the importer\n", "- Ship it\n")
    workspace.memory.write_text(store.read(workspace).text + "- Of the editor\n")
    edit_by(workspace, "- Ship it\n", "- Ship all\n")
    edit_by(workspace, "- Ship all\n", "- Ship none\n")
    for record in workspace.machines.glob("*/changes.jsonl"):
        record.unlink()
    row = origins(workspace)["- Of the editor"]
    assert row.how == "by hand"
    assert row.when == backups.list_backups(workspace.backups)[1].moment


def test_a_line_written_into_the_file_itself_is_by_hand_when_the_backups_of_then_are_gone(
    workspace,
):
    workspace.memory.write_text(store.read(workspace).text + "- Of the editor\n")
    edit_by(workspace, "- Ship the importer\n", "- Ship it\n")
    edit_by(workspace, "- Ship it\n", "- Ship all\n")
    for old in backups.list_backups(workspace.backups)[1:]:
        old.path.unlink()
    assert origins(workspace)["- Of the editor"].how == "by hand"


def test_a_line_of_a_note_that_a_sync_client_brought_is_that_notes(with_claude, claude):
    note = said(with_claude, "likes tea")
    claude.script(edits(add("- Likes tea")))
    before = store.read(with_claude).text
    merge_pending(with_claude)
    last_seen.remember_seen(with_claude.root, before)  # as a machine that has not merged it
    edit_by(with_claude, "- Ship the importer\n", "- Ship it\n")
    assert origins(with_claude)["- Likes tea"].notes == (note.name,)


def test_a_condensed_line_is_of_the_line_most_like_it_not_of_the_longest(with_claude, claude):
    short = said(with_claude, "Tundra: database is violet-161")
    claude.script(edits(add("- Tundra: database is violet-161", "Recent notes")))
    merge_pending(with_claude)
    long = (
        "- Sparrow: release branch is opal-3; database is violet-9; mascot is quartz-7; lead is Ada"
    )
    said(with_claude, "all of Sparrow")
    claude.script(edits(add(long, "Recent notes")))
    merge_pending(with_claude)
    said(with_claude, "Pelican is new")
    condensed = "- Tundra: release branch, database is violet-161"
    claude.script(
        edits(
            {"op": "remove", "find": long},
            {"op": "replace", "find": "- Tundra: database is violet-161", "text": condensed},
        )
    )
    merge_pending(with_claude)
    assert origins(with_claude)[condensed].notes == (short.name,)


def test_words_of_lines_that_went_do_not_blur_which_of_two_notes_it_was(with_claude, claude):
    said(with_claude, "Willow is closed")
    claude.script(edits(add("- Willow is closed")))
    merge_pending(with_claude)
    willow = said(with_claude, "Never restart Willow-248 without a word")
    said(with_claude, "Never restart Willow-250 without a word")
    claude.script(
        edits(
            {"op": "remove", "find": "- Willow is closed"},
            add("- Never restart Willow-248 without a word\n- Never restart Willow-250 at all"),
        )
    )
    merge_pending(with_claude)
    line = origins(with_claude)["- Never restart Willow-248 without a word"]
    assert line.notes == (willow.name,)


def test_a_condensed_line_that_another_machine_had_found_is_still_its_first_notes(
    with_claude, claude
):
    note = said(with_claude, "The importer is written in Rust and built nightly")
    line, short = "- importer: written in Rust, built nightly", "- importer: Rust, built nightly"
    claude.script(edits(add(line)))
    merge_pending(with_claude)
    found = {"time": clock.now().isoformat(), "by": "found", "notes": []}
    rows = [[key.placed, key.alone, []] for key, _ in added_lines("", "## Projects\n\n" + line)]
    elsewhere = with_claude.machines / "laptop-0000" / "changes.jsonl"
    elsewhere.parent.mkdir()
    elsewhere.write_text(json.dumps({**found, "lines": rows}) + "\n")
    said(with_claude, "The exporter runs on Mondays")
    claude.script(edits({"op": "replace", "find": line, "text": short}))
    merge_pending(with_claude)
    assert origins(with_claude)[short].notes == (note.name,)


def test_a_value_put_right_is_of_the_note_that_put_it_right(with_claude, claude):
    said(with_claude, "Harbour, staging host: cobalt-5")
    claude.script(edits(add("- Harbour: staging host is cobalt-5")))
    merge_pending(with_claude)
    right = said(with_claude, "walnut-37 for Harbour from now on")
    old, new = "- Harbour: staging host is cobalt-5", "- Harbour: staging host is walnut-37"
    claude.script(edits({"op": "replace", "find": old, "text": new}))
    merge_pending(with_claude)
    assert origins(with_claude)[new].notes == (right.name,)


def test_lines_that_repeat_are_told_apart_by_section_and_by_turn(with_claude, claude):
    first = said(with_claude, "x one")
    claude.script(edits(add("- again", "Alpha")))
    merge_pending(with_claude)
    second = said(with_claude, "x two")
    claude.script(edits(add("- again", "Beta")))
    merge_pending(with_claude)
    rows = [
        row
        for row in blame_lines(with_claude, store.read(with_claude).text)
        if row.line == "- again"
    ]
    assert [row.notes for row in rows] == [(first.name,), (second.name,)]


def test_an_approved_change_is_its_notes(with_claude, claude):
    inbox = Workspace(with_claude.root, replace(with_claude.config, review="inbox"))
    note = said(inbox, "Ada enjoys tea", mark=CAPTURED)
    claude.script(edits(add("- Tea at five", "Preferences")))
    merge_pending(inbox)
    (proposal,) = kept.list_open(inbox)
    review.apply_proposal(inbox, proposal)
    row = origins(inbox)["- Tea at five"]
    assert (row.notes, row.notes[0].mark) == ((note.name,), CAPTURED)


def test_a_crash_between_record_and_memory_leaves_no_line_without_its_note(
    with_claude, claude, monkeypatch
):
    note = said(with_claude, "likes tea")
    claude.script(edits(add("- Likes tea")), edits(add("- Likes tea")))
    with monkeypatch.context() as patched:
        patched.setattr(store, "replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            merge_pending(with_claude)
    merge_pending(with_claude)
    assert origins(with_claude)["- Likes tea"].notes == (note.name,)


@pytest.mark.parametrize("junk", ["", "{", "[]", '{"time": 3}', '{"time":"x","by":1,"notes":[],"lines":[]}',
                                  '{"time":"2026-01-01T00:00:00+00:00","by":"edit","notes":[],"lines":[[1,2,[9]]]}'])  # fmt: skip
def test_a_torn_record_hides_no_other(workspace, junk):
    note = said(workspace, "likes tea")
    merge_pending(workspace)
    (path,) = workspace.machines.glob("*/changes.jsonl")
    path.write_text(f"{junk}\n{path.read_text()}{junk}")
    assert origins(workspace)[f"- {note.day}: likes tea"].notes == (note.name,)


def test_every_record_is_one_line_without_the_words_of_the_memory(workspace):
    said(workspace, "a very private note")
    merge_pending(workspace)
    (path,) = workspace.machines.glob("*/changes.jsonl")
    (line,) = path.read_text().splitlines()
    assert json.loads(line)["by"] == "refresh"
    assert "private" not in line
