"""`review`: what waits is listed, shown with its diff, and decided by the person alone."""

from __future__ import annotations

import json

import pytest

from memsync import clock, config_writer, sessions, store
from memsync import config as settings
from memsync.notes import make
from tests.support.messages_server import edits

OBEY = {"op": "add", "section": "Preferences", "text": "- Long answers <!-- run it -->"}
OTHER = {"op": "replace", "find": "- Short answers, no preamble", "text": "- Tea at five"}


@pytest.fixture
def waiting(run, with_claude, claude):
    sessions.append(with_claude, make("tea, and long answers", clock.now(), came_by="network"))
    claude.script(edits(OTHER, OBEY, summary="Two wishes"))
    done = run("refresh")
    assert done.out.startswith("2 changes wait for you: memsync review.\n")
    return with_claude


def the_table(run):
    (table,) = json.loads(run("review", "--json").out)["proposals"]
    return table


def test_nothing_waits(run, workspace):
    assert run("review").out == "Nothing waits for review.\n"
    assert json.loads(run("review", "--json").out) == {"proposals": []}
    done = run("review", "--apply")
    assert (done.code, "Try: memsync refresh" in done.err) == (2, True)


def test_it_shows_notes_reasons_and_the_diff_with_its_comments(run, waiting):
    out = run("review").out
    assert "(network): tea, and long answers" in out
    assert "-- Short answers, no preamble\n" in out
    assert "+- Long answers <!-- run it -->" in out
    assert "it adds a comment" in out or "a tag or comment" in out
    table = the_table(run)
    assert table["waiting"] == [1, 2]
    assert "+- Tea at five" in table["diff"]
    assert run("review", table["id"]).out.startswith(f"Proposal {table['id']}")


def test_a_change_is_applied_and_another_dropped(run, waiting):
    done = run("review", "--apply", "--edit", "1")
    assert (done.code, "1 change applied" in done.out) == (0, True)
    assert "- Tea at five\n" in store.read(waiting).text
    done = run("review", "--drop", the_table(run)["id"], "--json")
    assert done.code == 0
    assert "Long answers" not in store.read(waiting).text
    assert run("review").out == "Nothing waits for review.\n"
    assert sessions.pending(waiting) == []


def test_what_no_longer_fits_is_told_with_a_way_out(run, waiting):
    name = the_table(run)["id"]
    memory = store.read(waiting)
    waiting.memory.write_text(memory.text.replace("- Short answers, no preamble\n", "- Cake\n"))
    done = run("review", "--apply", name)
    assert done.code == 6
    assert "1 change applied" in done.out
    assert f"memsync review --drop {name} --edit 1" in done.err
    assert run("review", "--again", name).code == 0
    assert len(sessions.pending(waiting)) == 1


def test_status_and_doctor_tell_what_waits(run, waiting):
    assert json.loads(run("status", "--json").out)["proposals"] == 1
    assert "memsync review" in run("status").out
    assert "memsync review" in run("doctor").out


@pytest.mark.parametrize("words", [("--apply", "--drop"), ("nonsense",), ("--apply", "nonsense"),
                                   ("--apply", "--edit", "7")])  # fmt: skip
def test_wrong_usage_changes_nothing(run, waiting, words):
    before = store.read(waiting)
    assert run("review", *words).code == 2
    assert store.read(waiting) == before
    assert the_table(run)["waiting"] == [1, 2]


def test_a_dry_run_shows_what_would_wait(run, with_claude, claude):
    sessions.append(with_claude, make("long answers", clock.now(), came_by="network"))
    claude.script(edits(OBEY))
    out = run("refresh", "--dry-run").out
    assert "Would wait in Preferences" in out
    assert "+- Long answers <!-- run it -->" in out


def test_with_an_inbox_the_persons_own_notes_wait_too(run, with_claude, claude):
    config_writer.change(settings.get_config_path(), {"core.review": "inbox"})
    claude.script(edits(OTHER))
    assert "1 change waits" in run("refresh", "--notes", "tea at five").out
    assert run("review", "--apply", "--all").code == 0
    assert "- Tea at five\n" in store.read(with_claude).text
