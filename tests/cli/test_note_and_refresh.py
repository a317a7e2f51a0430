"""`note` and `refresh`: what a person says goes in, and comes out at every agent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import time_machine

from memsync import clock
from memsync import config as settings
from memsync.config import writer
from memsync.config.state import lock_path, state_folder
from memsync.files.locks import exclusive_lock
from memsync.notes import spool
from memsync.refresh import pending as batches
from memsync.refresh.prompt import EDIT_TOOL
from memsync.text.mark import SCRIPT
from memsync.text.note import MAX_BYTES, make_note
from tests.conftest import SAMPLE
from tests.support.messages_server import cut_off, edits

REPLACE = {"op": "replace", "find": "- Ship the importer", "text": "- Ship the exporter"}
AFTER = SAMPLE.replace("- Ship the importer\n", "- Ship the exporter\n")
TOO_LONG = b"five megabytes, more or less\n" * 180_000


def pending(workspace) -> list[str]:
    return [note.text for note in batches.pending_notes(workspace)]


def log_of(workspace) -> str:
    return "".join(path.read_text() for path in workspace.sessions.iterdir())


def test_a_note_goes_in_and_a_merge_comes_out_at_every_agent(call, home, with_claude, claude):
    claude.script(edits(REPLACE, summary="The exporter is next"))
    noted = call("note", "the importer is out,", "now the exporter")
    assert (noted.code, noted.err) == (0, "")
    assert noted.out.startswith("Noted at ")
    done = call("refresh")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("1 note merged: The exporter is next.\n  claude: in-sync  ")
    assert call("show").out == AFTER
    assert with_claude.memory.read_bytes() == AFTER.encode()
    for file in (".claude/CLAUDE.md", ".codex/AGENTS.md"):
        assert AFTER in (home / file).read_text()
    (backup,) = with_claude.backups.iterdir()
    assert backup.read_text() == SAMPLE
    assert f"Backup: {backup.name}. memsync diff shows the change." in done.out
    (request,) = claude.requests
    assert request["tools"] == [EDIT_TOOL]
    assert "the importer is out, now the exporter" in request["messages"][0]["content"]
    again = call("refresh")
    assert (again.code, again.out.splitlines()[0]) == (0, "No pending notes.")
    assert len(claude.requests) == 1


@time_machine.travel("2026-11-23T10:20:30+00:00", tick=False)
def test_a_note_comes_as_words_or_by_standard_input(call, workspace):
    assert call("note", "in", "words").code == 0
    assert call("note", stdin="über\r\nzwei Zeilen\n".encode()).code == 0
    assert pending(workspace) == ["in words", "über\nzwei Zeilen"]
    table = call("note", "--json", "third").json
    assert set(table) == {"day", "time", "id", "came_by", "held"}
    ways = [note.mark for note in batches.pending_notes(workspace)]
    assert ways == [SCRIPT, SCRIPT, SCRIPT]
    assert batches.pending_notes(workspace)[-1].id == table["id"]
    assert call("note", "--", "--json").code == 0
    assert pending(workspace)[-1] == "--json"


def test_a_note_with_a_credential_says_so_and_is_kept_as_it_was_said(call, workspace):
    said = "the wifi password is " + "Xk29" + "fLq77b"
    done = call("note", said)
    assert done.code == 0
    assert "looks like a credential (password)" in done.out.splitlines()[1]
    assert call("note", "--json", f"{said}!").json["credential"] is True
    assert pending(workspace) == [said, f"{said}!"]
    assert len(call("note", "I moved to Oslo").out.splitlines()) == 1


@pytest.mark.parametrize(
    "words", [("note",), ("note", ""), ("note", " \n"), ("refresh", "--notes", "")]
)
def test_an_empty_note_is_wrong_usage(words, call, workspace):
    done = call(*words)
    assert done.code == 2
    assert "Try: memsync note" in done.err
    assert pending(workspace) == []


@pytest.mark.parametrize("words", [("note",), ("refresh",), ("refresh", "--dry-run")], ids=" ".join)
def test_a_note_of_five_megabytes_is_refused_by_standard_input(words, call, with_claude, claude):
    done = call(*words, stdin=TOO_LONG)
    assert done.code == 2
    assert f"a note may have {MAX_BYTES:,}" in done.err
    assert "Try: take down what matters" in done.err
    assert log_of(with_claude) == ""
    assert claude.requests == []


def test_a_note_of_five_megabytes_is_refused_from_a_file(call, home, with_claude, claude):
    (home / "long.md").write_bytes(TOO_LONG)
    done = call("refresh", "--file", "long.md")
    assert done.code == 2
    assert "Try: " in done.err
    assert pending(with_claude) == []
    assert claude.requests == []


@pytest.mark.parametrize("how", ["--notes", "--file", "stdin"])
def test_refresh_writes_its_own_note_to_the_log_before_it_merges(
    how, call, home, with_claude, claude
):
    (home / "note.md").write_text("I moved to Oslo\n")
    given = {
        "--notes": (["--notes", "I moved to Oslo"], b""),
        "--file": (["--file", str(home / "note.md")], b""),
        "stdin": ([], b"I moved to Oslo\n"),
    }
    words, stdin = given[how]
    claude.script(cut_off(), edits())
    call("note", "An older one")
    assert call("refresh", *words, stdin=stdin).code == 5
    assert pending(with_claude) == ["An older one", "I moved to Oslo"]
    assert call("refresh").code == 0
    assert pending(with_claude) == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--file", "nowhere.md"), "cannot read"),
        (("--file", "."), "cannot read"),
        (("--file", "binary"), "is not UTF-8"),
        (("--file", "binary", "--notes", "x"), "cannot be used together"),
        (("--bogus",), "No such option"),
        (("extra",), "unexpected extra argument"),
    ],
    ids=str,
)
def test_a_note_that_cannot_be_taken_is_wrong_usage(
    words, message, call, home, workspace, monkeypatch
):
    monkeypatch.chdir(home)
    Path("binary").write_bytes(b"\xff\xfe")
    done = call("refresh", *words)
    assert done.code == 2
    assert message in done.err
    assert "Try: " in done.err
    assert log_of(workspace) == ""


def test_a_dry_run_shows_the_change_and_writes_nothing(call, home, with_claude, claude):
    claude.script(edits(REPLACE))
    done = call("refresh", "--dry-run", "--notes", "The importer is out")
    assert done.code == 0
    assert "-- Ship the importer\n+- Ship the exporter\n" in done.out
    assert "tokens in" in done.err
    assert with_claude.memory.read_text() == SAMPLE
    assert log_of(with_claude) == ""
    assert list(with_claude.backups.iterdir()) == []
    assert not (home / ".claude" / "CLAUDE.md").exists()
    claude.script(edits())
    assert call("refresh", "--dry-run", "--notes", "x").out == "Nothing would change.\n"


def test_refresh_as_json_says_what_changed_and_what_it_cost(call, with_claude, claude):
    claude.script(edits(REPLACE, summary="exporter", input_tokens=2000, output_tokens=50))
    table = call("refresh", "--json", "--notes", "The importer is out").json
    assert table["changed"] is True
    assert table["dry_run"] is False
    assert (table["notes"], table["given"]) == (1, 1)
    assert table["summary"] == "1 note merged: exporter"
    assert "+- Ship the exporter" in table["diff"]
    assert Path(table["backup"]).read_text() == SAMPLE
    assert (table["input_tokens"], table["output_tokens"]) == (2000, 50)
    assert table["cost_usd"] > 0
    assert [target["state"] for target in table["targets"]] == ["in-sync", "in-sync"]
    empty = call("refresh", "--json").json
    assert (empty["changed"], empty["notes"], empty["summary"]) == (False, 0, "no pending notes")


def test_another_model_is_asked_for_once(call, with_claude, claude):
    claude.script(edits())
    call("refresh", "--notes", "one", "--model", "claude-of-the-day")
    call("refresh", "--notes", "two")
    assert [request["model"] for request in claude.requests] == [
        "claude-of-the-day",
        settings.load().model,
    ]


def test_much_goes_only_with_allow_shrink(call, with_claude, claude):
    gone = ("- Ship the importer", "- Write the runbook", "- Short answers, no preamble")
    claude.script(edits(*({"op": "remove", "find": line} for line in gone)))
    refused = call("refresh", "--notes", "Holidays")
    assert refused.code == 6
    assert "3 of the memory's" in refused.err
    assert "--allow-shrink" in refused.err
    assert pending(with_claude) == ["Holidays"]
    assert call("refresh", "--allow-shrink").code == 0
    assert not any(line in with_claude.memory.read_text() for line in gone)


def test_a_refused_constraint_is_no_matter_of_allow_shrink(call, with_claude, claude):
    claude.script(edits({"op": "remove", "find": "- Never push to main without asking"}))
    refused = call("refresh", "--notes", "Push as you like")
    assert refused.code == 6
    assert "a line under constraints" in refused.err
    assert "--allow-shrink" not in refused.err
    assert "memsync edit changes lines by hand" in refused.err


def test_a_spent_budget_ends_with_5_and_no_call(call, with_claude, claude):
    (with_claude.machines / "pi").mkdir()
    with time_machine.travel("2026-11-23T10:00:00+00:00"):
        line = {
            "time": "2026-11-01T00:00:00+00:00", "command": "refresh", "model": "m",
            "input_tokens": 200_000, "output_tokens": 1, "cache_read_tokens": 0,
            "cost_usd": 2.5, "changed": True,
        }  # fmt: skip
        (with_claude.machines / "pi" / "usage.jsonl").write_text(json.dumps(line) + "\n")
        assert call("config", "set", "monthly_budget_usd", "2").code == 0
        done = call("refresh", "--notes", "x")
    assert done.code == 5
    assert "the budget of $2.00 for 2026-11 is spent" in done.err
    assert claude.requests == []
    assert pending(with_claude) == ["x"]


def test_a_dry_run_says_before_the_call_what_it_may_cost(call, with_claude, claude):
    call("note", "I moved to Oslo")
    claude.script(edits(REPLACE))
    done = call("refresh", "--dry-run")
    first, last = done.err.splitlines()
    assert first.startswith("Estimate: 1 note, about $0.00")
    assert "at most $0.0" in first
    assert "tokens in" in last
    expected = call("refresh", "--dry-run", "--json").json["estimate"]
    assert 0 < expected["about_usd"] < expected["most_usd"] < 0.1
    done = call("refresh", "--dry-run", "--model", "llama3.3")
    assert done.err.startswith("Estimate: 1 note; the price of llama3.3 is not known\n")


def test_a_dry_run_without_a_model_says_that_it_costs_nothing(call, workspace):
    call("note", "I moved to Oslo")
    done = call("refresh", "--dry-run")
    assert done.err == "Estimate: 1 note, free: merged offline\n"


def test_a_dry_run_that_may_go_over_the_budget_is_refused_and_says_the_estimate(
    call, with_claude, claude
):
    call("config", "set", "monthly_budget_usd", "0.01")
    done = call("refresh", "--dry-run", "--notes", "I moved to Oslo")
    assert done.code == 5
    assert done.err.startswith("Estimate: 1 note, about")
    assert "does not cover a call of up to" in done.err
    assert claude.requests == []


def test_without_a_key_the_note_stands_under_recent_notes(call, home, workspace):
    assert call("refresh", stdin=b"I moved to Oslo").code == 0
    assert ": I moved to Oslo\n" in (home / ".claude" / "CLAUDE.md").read_text()
    assert call("refresh").out.startswith("No pending notes.\n  claude: in-sync ")


def test_claude_without_a_key_ends_with_5(call, workspace):
    writer.change(settings.get_config_path(), {"core.engine": "claude"})
    done = call("refresh", "--notes", "x")
    assert done.code == 5
    assert "Try: set ANTHROPIC_API_KEY" in done.err
    assert pending(workspace) == ["x"]


@pytest.mark.parametrize("words", [("note", "not lost"), ("refresh", "--notes", "not lost")])
def test_a_note_for_a_folder_that_is_away_is_kept_and_goes_in_by_the_next_command(
    words, call, workspace
):
    away = workspace.root.rename(workspace.root.with_name("unplugged"))
    for _ in range(2):  # the second time because the first one said Error
        done = call(*words)
        assert done.code == 4
        error, hint = done.err.splitlines()
        assert error.endswith("the note is kept on this machine")
        assert "writes the note to the log" in hint
    assert not workspace.root.exists()
    away.rename(workspace.root)
    assert call("status").code == 0
    (note,) = batches.pending_notes(workspace)
    assert (note.text, note.mark) == ("not lost", SCRIPT)
    assert "not lost" in call("refresh", "--json").out


def test_no_command_waits_to_deliver_a_note_while_the_log_is_being_carried(
    call, workspace, monkeypatch
):
    spool.keep_aside(make_note("taken meanwhile", clock.now()))

    def waited(_seconds: float) -> None:
        raise AssertionError("it waited for the lock")

    with exclusive_lock(lock_path(workspace.root, "sessions"), "the day's log"):
        monkeypatch.setattr("time.sleep", waited)
        assert call("status").code == 0
        assert batches.pending_notes(workspace) == []
    assert call("status").code == 0
    assert pending(workspace) == ["taken meanwhile"]


def test_a_dry_run_for_a_folder_that_is_away_keeps_nothing(call, workspace):
    away = workspace.root.rename(workspace.root.with_name("unplugged"))
    done = call("refresh", "--dry-run", "--notes", "just asking")
    assert done.code == 4
    assert "kept" not in done.err
    away.rename(workspace.root)
    assert call("status").code == 0
    assert batches.pending_notes(workspace) == []


def test_a_note_that_can_be_kept_nowhere_says_so(call, workspace, monkeypatch):
    workspace.root.rename(workspace.root.with_name("unplugged"))
    (state_folder() / "spool").write_text("no folder")
    done = call("note", "lost")
    assert done.code == 4
    assert "the note cannot be kept here either" in done.err
