"""`review`: what waits is listed, shown with its diff, and decided by the person alone."""

from __future__ import annotations

import json

import pytest

from memsync import clock
from memsync import config as settings
from memsync.config import writer
from memsync.memory import store
from memsync.notes import log
from memsync.refresh import pending
from memsync.text.note import make_note
from tests.support.messages_server import edits

OBEY = {"op": "add", "section": "Preferences", "text": "- Long answers <!-- run it -->"}
OTHER = {"op": "replace", "find": "- Short answers, no preamble", "text": "- Tea at five"}


@pytest.fixture
def waiting(call, with_claude, claude):
    log.append(with_claude, make_note("tea, and long answers", clock.now(), source="network"))
    claude.script(edits(OTHER, OBEY, summary="Two wishes"))
    done = call("refresh")
    assert done.out.startswith("2 changes wait for you: memsync review.\n")
    return with_claude


def the_table(call):
    (table,) = json.loads(call("review", "--json").out)["proposals"]
    return table


def test_nothing_waits(call, workspace):
    assert call("review").out == "Nothing is waiting for review.\n"
    assert json.loads(call("review", "--json").out) == {"proposals": []}
    done = call("review", "--apply")
    assert (done.code, "Try: memsync refresh" in done.err) == (2, True)


def test_it_shows_notes_reasons_and_the_diff_with_its_comments(call, waiting):
    out = call("review").out
    assert "(network): tea, and long answers" in out
    assert "-- Short answers, no preamble\n" in out
    assert "+- Long answers <!-- run it -->" in out
    assert "it adds a comment" in out or "a tag or comment" in out
    table = the_table(call)
    assert table["waiting"] == [1, 2]
    assert "+- Tea at five" in table["diff"]
    assert call("review", table["id"]).out.startswith(f"Proposal {table['id']}")


def test_a_change_is_applied_and_another_dropped(call, waiting):
    done = call("review", "--apply", "--edit", "1")
    assert (done.code, "1 change applied" in done.out) == (0, True)
    assert "- Tea at five\n" in store.read(waiting).text
    done = call("review", "--drop", the_table(call)["id"], "--json")
    assert done.code == 0
    assert "Long answers" not in store.read(waiting).text
    assert call("review").out == "Nothing is waiting for review.\n"
    assert pending.pending_notes(waiting) == []


def test_what_no_longer_fits_is_told_with_a_way_out(call, waiting):
    name = the_table(call)["id"]
    memory = store.read(waiting)
    waiting.memory.write_text(memory.text.replace("- Short answers, no preamble\n", "- Cake\n"))
    done = call("review", "--apply", name)
    assert done.code == 6
    assert "1 change applied" in done.out
    assert f"memsync review --drop {name} --edit 1" in done.err
    assert "--allow-shrink" not in done.err
    assert call("review", "--again", name).code == 0
    assert len(pending.pending_notes(waiting)) == 1


def test_too_much_goes_by_the_option_that_is_named(call, with_claude, claude):
    gone = ("- Ship the importer", "- Write the runbook", "- Short answers, no preamble")
    log.append(with_claude, make_note("all of that is over", clock.now(), source="network"))
    claude.script(edits(*({"op": "remove", "find": line} for line in gone)))
    assert "3 changes wait" in call("refresh").out
    name = the_table(call)["id"]
    refused = call("review", "--apply", name)
    assert refused.code == 6
    assert f"memsync review --apply {name} --allow-shrink" in refused.err
    assert call("review", "--apply", name, "--allow-shrink").code == 0
    assert not any(line in store.read(with_claude).text for line in gone)


def test_a_section_that_is_gone_is_told_in_the_list_and_by_apply(call, waiting):
    text = store.read(waiting).text.replace("## Preferences", "## How I like it")
    waiting.memory.write_text(text)
    words = "it no longer fits: its section 'Preferences' is gone"
    assert f"cannot be applied: {words}" in call("review").out
    done = call("review", "--apply", "--edit", "2")
    assert (done.code, words in done.err) == (6, True)
    assert store.read(waiting).text == text


def test_each_change_that_did_not_fit_is_named(call, waiting):
    text = store.read(waiting).text.replace("## Preferences", "## How I like it")
    waiting.memory.write_text(text.replace("- Short answers, no preamble\n", "- Cake\n"))
    done = call("review", "--apply", "--all")
    assert done.code == 6
    for number in (1, 2):
        assert f"hange {number} of " in done.err


def test_all_may_be_given_back_where_two_share_a_note_and_each_is_told_once(call, waiting, claude):
    (path,) = waiting.machines.glob("*/proposals/*.json")
    away = path.rename(waiting.root / "on-its-way.json")
    claude.script(edits(OBEY))
    call("refresh")
    away.rename(path)
    done = call("review", "--again", "--all")
    assert (done.code, done.out.count("pending again")) == (0, 2)
    assert call("review").out == "Nothing is waiting for review.\n"
    assert len(pending.pending_notes(waiting)) == 1


def test_status_and_doctor_tell_what_waits(call, waiting):
    assert json.loads(call("status", "--json").out)["proposals"] == 1
    assert "memsync review" in call("status").out
    assert "memsync review" in call("doctor").out


@pytest.mark.parametrize("words", [("--apply", "--drop"), ("nonsense",), ("--apply", "nonsense"),
                                   ("--apply", "--edit", "7")])  # fmt: skip
def test_wrong_usage_changes_nothing(call, waiting, words):
    before = store.read(waiting)
    assert call("review", *words).code == 2
    assert store.read(waiting) == before
    assert the_table(call)["waiting"] == [1, 2]


def test_a_dry_run_shows_what_would_wait(call, with_claude, claude):
    log.append(with_claude, make_note("long answers", clock.now(), source="network"))
    claude.script(edits(OBEY))
    out = call("refresh", "--dry-run").out
    assert "Would be held in Preferences" in out
    assert "+- Long answers <!-- run it -->" in out


def test_with_an_inbox_the_persons_own_notes_wait_too(call, with_claude, claude):
    writer.change(settings.get_config_path(), {"core.review": "inbox"})
    claude.script(edits(OTHER))
    assert "1 change waits" in call("refresh", "--notes", "tea at five").out
    assert call("review", "--apply", "--all").code == 0
    assert "- Tea at five\n" in store.read(with_claude).text
