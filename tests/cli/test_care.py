"""`status`, `doctor`, `usage`, `machines` and `prune`: how things stand, for people and programs."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime

import pytest
import time_machine

from memsync import __version__
from memsync import config as settings
from memsync.memory import machines, store
from memsync.memory.publish import publish, update_targets
from memsync.refresh import pending, usage
from memsync.refresh.llm.prices import Tokens
from tests.conftest import SAMPLE

CALL = {
    "time": "2026-10-02T10:00:00+02:00",
    "command": "refresh",
    "model": "claude-opus",
    "input_tokens": 100_000,
    "output_tokens": 100,
    "cache_read_tokens": 0,
    "cost_usd": 0.25,
    "changed": True,
}


def log_calls(workspace, machine: str, *calls: dict) -> None:
    folder = workspace.machines / machine
    folder.mkdir(exist_ok=True)
    lines = "".join(json.dumps(CALL | call) + "\n" for call in calls)
    (folder / "usage.jsonl").write_text(f"{lines}half a li")


def test_status_tells_where_everything_is_and_what_state_it_is_in(run, home, workspace):
    run("note", "one")
    update_targets(workspace)
    (home / ".codex" / "AGENTS.md").write_text("# Mine now\n")
    table = run("status", "--json").json
    assert table["root"] == str(workspace.root)
    assert table["memory"] == str(workspace.memory)
    assert table["config"] == str(settings.get_config_path())
    assert table["digest"] == store.read(workspace).digest
    assert (table["provider"], table["engine"]) == ("custom", "offline")
    assert (table["lines"], table["pending"], table["backups"]) == (SAMPLE.count("\n"), 1, 0)
    states = {target["name"]: target["state"] for target in table["targets"]}
    assert states == {"claude": "in-sync", "codex": "missing"}
    done = run("status")
    assert done.code == 0
    assert "Pending:     1 note\n" in done.out
    assert f"Target:      claude: in-sync  {home / '.claude' / 'CLAUDE.md'}\n" in done.out
    assert f"Machine:     {machines.this_machine()}\n" in done.out


def test_status_names_the_model_where_claude_is_asked(call, with_claude):
    table = call("status", "--json").json
    assert (table["engine"], table["model"]) == ("claude", settings.load().model)
    assert f"Claude ({settings.load().model})" in call("status").out


@pytest.mark.parametrize(("hidden", "code"), [("root", 4), ("memory", 6)])
def test_status_tells_what_it_can_and_then_what_is_wrong(hidden, code, call, workspace):
    path = getattr(workspace, hidden)
    path.rename(path.with_name("away"))
    done = call("status", "--json")
    assert done.code == code
    assert done.json["provider"] == "custom"
    assert done.json["problem"] in done.err
    assert "Try: " in done.err
    assert call("status").out.startswith("Config:")


def test_doctor_is_content_where_all_is_well(run, home, workspace):
    update_targets(workspace)
    done = run("doctor", "--json")
    assert done.code == 0, done.out
    checks = done.json["checks"]
    assert all(set(check) == {"name", "ok", "advice"} and check["ok"] for check in checks)
    assert {"config", "sync folder", "memory", "target claude"} <= {c["name"] for c in checks}
    assert "ok    memory: " in run("doctor").out


def test_doctor_fails_with_advice_where_something_is_wrong(call, home, workspace):
    update_targets(workspace)
    (home / ".claude" / "CLAUDE.md").unlink()
    done = call("doctor")
    assert done.code == 1
    assert done.err == ""
    assert "FAIL  target claude: missing. memsync targets sync\n" in done.out


def test_usage_sums_by_month_and_machine(call, workspace):
    log_calls(workspace, "laptop-1a2b", {}, {"time": "2026-11-02T10:00:00+01:00"})
    log_calls(workspace, "pi-3c4d", {"cost_usd": 0.5, "changed": False})
    table = call("usage", "--json").json
    assert table["total"] == {
        "calls": 3,
        "input_tokens": 300_000,
        "output_tokens": 300,
        "cache_read_tokens": 0,
        "cache_write_tokens": 0,
        "cost_usd": 1.0,
    }
    assert {name: sums["cost_usd"] for name, sums in table["months"].items()} == {
        "2026-10": 0.75,
        "2026-11": 0.25,
    }
    assert {name: sums["calls"] for name, sums in table["machines"].items()} == {
        "laptop-1a2b": 2,
        "pi-3c4d": 1,
    }
    assert table["prices_as_of"]
    *_, last = call("usage").out.splitlines()
    assert last.split() == ["total", "3", "calls", "300,000", "in", "300", "out", "$1.0000"]


def test_usage_tells_what_a_cache_was_used_for_where_one_was(call, workspace):
    cached = {"cache_read_tokens": 1200, "cache_write_tokens": 300, "command": "digest"}
    log_calls(workspace, "pi-3c4d", {}, cached)
    lines = {line.split()[0]: line for line in call("usage").out.splitlines()}
    assert lines["digest"].endswith("(cache: 1,200 read, 300 written)")
    assert lines["total"].endswith("(cache: 1,200 read, 300 written)")
    assert "cache" not in lines[CALL["command"]]


def test_a_budget_that_holds_notes_back_is_told_by_status_and_doctor(call, with_claude):
    call("config", "set", "monthly_budget_usd", "0.001")
    assert call("status", "--json").json["budget"] is None  # nothing to ask, nothing spent
    assert "ok    budget: within $0.001 a month" in call("doctor").out
    call("note", "one")
    refused = "the budget of $0.001 for "
    assert f"Budget:      {refused}" in call("status").out
    assert refused in call("status", "--json").json["budget"]
    done = call("doctor")
    assert (done.code, f"FAIL  budget: {refused}" in done.out) == (1, True)
    assert refused in call("refresh").err
    call("config", "set", "monthly_budget_usd", "0")
    assert "Budget:" not in call("status").out
    assert " budget: " not in call("doctor").out


def test_usage_tells_what_each_command_cost_and_how_the_budget_stands(call, workspace):
    with time_machine.travel("2026-11-23T10:00:00+00:00"):
        log_calls(
            workspace,
            "pi-3c4d",
            {"time": "2026-11-02T10:00:00+01:00"},
            {"command": "digest", "model": "llama3.3", "cost_usd": 0, "input_tokens": 100_000},
        )
        call("config", "set", "monthly_budget_usd", "2")
        table = call("usage", "--json").json
        assert {name: sums["calls"] for name, sums in table["commands"].items()} == {
            "digest": 1,
            CALL["command"]: 1,
        }
        assert table["unpriced"] == {"llama3.3": 1}
        assert (table["this_month_usd"], table["budget_usd"]) == (0.25, 2)
        said = call("usage").out
    assert "No price is known for llama3.3; the budget counts the highest price.\n" in said
    assert "$0.2500 of this month's budget of $2.00 spent.\n" in said


def test_usage_of_nothing_is_nothing(call, workspace):
    assert call("usage", "--json").json["total"]["calls"] == 0
    assert call("usage").out.split() == ["total", *["0", "calls", "0", "in", "0", "out", "$0.0000"]]


def report_of(workspace, machine: str, digest: str, moment: str, state: str = "in-sync") -> None:
    folder = workspace.machines / machine
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.toml").write_text(
        f'version = "0.0.9"\ntime = {moment}\nmemory_digest = "{digest}"\n'
        f'[[targets]]\nname = "claude"\npath = "/x/CLAUDE.md"\nmode = "block"\n'
        f'state = "{state}"\nsince = "2026-10-31T08:00:00+00:00"\n'
    )


def test_a_machine_whose_clock_was_ahead_can_be_forgotten_and_comes_back(call, workspace):
    now = store.read(workspace).digest
    with time_machine.travel("2026-11-02T10:00:00+00:00", tick=False):
        report_of(workspace, "ahead", now, "2027-11-02T09:00:00Z")
        assert "ahead: " not in call("machines", "--forget", "ahead").out
        report_of(workspace, "ahead", now, "2027-11-02T09:00:01Z")
        assert "ahead: unknown" in call("machines").out
        call("machines", "--forget", "ahead")
        report_of(workspace, "ahead", now, "2026-11-02T09:00:00Z")  # its clock was set
        assert "ahead: up to date" in call("machines").out
        assert "ahead: " not in call("machines", "--forget", "ahead").out


def test_a_clock_set_back_here_makes_this_machine_no_unknown_one(call, workspace):
    with time_machine.travel("2026-11-02T10:00:00+00:00", tick=False):
        update_targets(workspace)
    with time_machine.travel("2025-09-28T10:00:00+00:00", tick=False):
        (row,) = call("machines", "--json").json["machines"]
    assert (row["state"], row["clock_ahead"]) == ("in-sync", False)


def test_machines_tells_how_each_stands_and_since_when(call, workspace):
    now = store.read(workspace).digest
    changed = datetime(2026, 11, 1, 8, tzinfo=UTC).timestamp()
    os.utime(workspace.memory, (changed, changed))
    with time_machine.travel("2026-11-02T10:00:00+00:00", tick=False):
        update_targets(workspace)
        report_of(workspace, "well", now, "2026-11-02T09:00:00Z")
        report_of(workspace, "adrift", now, "2026-11-02T09:00:00Z", "edited")
        report_of(workspace, "behind", "0" * 64, "2026-11-01T10:00:00Z")
        report_of(workspace, "waiting", "0" * 64, "2026-11-01T09:59:59Z")
        report_of(workspace, "silent", now, "2026-10-26T09:59:59Z")
        report_of(workspace, "ahead", now, "2027-11-02T09:00:00Z")
        (workspace.machines / "torn").mkdir()
        (workspace.machines / "torn" / "report.toml").write_text("version = ")
        rows = {row["machine"]: row for row in call("machines", "--json").json["machines"]}
        told = call("machines").out
    own = machines.this_machine()
    assert {name: row["state"] for name, row in rows.items()} == {
        own: "in-sync",
        "well": "in-sync",
        "adrift": "adrift",
        "behind": "behind",
        "waiting": "waiting",
        "silent": "unknown",
        "ahead": "unknown",
        "torn": "unknown",
    }
    assert [name for name, row in rows.items() if row["this"]] == [own]
    assert rows[own]["version"] == __version__
    assert rows[own]["memory_digest"] == now
    assert rows["silent"]["since"] == "2026-10-26T09:59:59+00:00"
    assert rows["adrift"]["since"] == rows["adrift"]["targets"][0]["since"]
    assert f"{own} (this one): up to date" in told
    assert "silent: unknown since 2026-10-26T" in told
    assert "torn: unknown: its report cannot be read" in told
    ahead = "its report is dated 2027-11-02T09:00:00+00:00, ahead of the clock here"
    assert f"ahead: unknown: {ahead}, memsync 0.0.9\n" in told
    assert "Correct the clock there or here" in told
    assert [name for name, row in rows.items() if row["clock_ahead"]] == ["ahead"]
    assert "  claude: edited since 2026-10-31T08:00:00+00:00  /x/CLAUDE.md\n" in told


def test_any_command_keeps_the_report_of_a_machine_without_a_daemon_fresh(call, workspace):
    path = workspace.machines / machines.this_machine() / "report.toml"
    with time_machine.travel("2026-11-02T10:00:00+00:00", tick=False):
        update_targets(workspace)
        first = path.read_bytes()
    with time_machine.travel("2026-11-02T21:00:00+00:00", tick=False):
        call("log")
        assert path.read_bytes() == first
    with time_machine.travel("2026-11-02T23:00:00+00:00", tick=False):
        call("note", "hello")
        second = path.read_bytes()
        assert second != first
        workspace.memory.write_text(SAMPLE + "- from another machine\n")
        call("usage")
        third = path.read_bytes()
        assert third != second
        workspace.memory.write_text(SAMPLE + "- and again\n")
        call("doctor")
        assert path.read_bytes() != third


def test_a_report_that_cannot_be_written_fails_no_command(call, workspace):
    own = workspace.machines / machines.this_machine()
    call("usage")
    (own / "report.toml").unlink()
    (own / "report.toml").mkdir()
    assert call("usage").code == 0


def test_a_machine_that_is_no_more_can_be_left_out_until_it_speaks_again(call, workspace):
    now = store.read(workspace).digest
    report_of(workspace, "sold-1a2b", now, "2026-11-01T09:00:00Z")
    done = call("machines", "--forget", "sold-1a2b")
    assert done.code == 0
    assert "sold-1a2b" not in done.out
    assert (workspace.machines / "sold-1a2b" / "report.toml").exists()  # it is that machine's own
    assert call("machines", "--forget", "never-there").code == 2
    assert call("machines", "--forget", machines.this_machine()).code == 2
    report_of(workspace, "sold-1a2b", now, "2099-11-01T09:00:00Z")
    assert "sold-1a2b" in call("machines").out


@pytest.fixture
def grown(workspace):
    """Backups of the 1st, 10th and 20th of November."""
    for path in workspace.machines.glob("*/published.log"):
        path.unlink()  # of the day of this test run, before which nothing can have happened
    for day in (1, 10, 20):
        with time_machine.travel(f"2026-11-{day:02}T10:00:00+00:00"):
            publish(workspace, f"{SAMPLE}- day {day}\n", store.read(workspace).digest)
    return workspace


def days_of(workspace) -> list[str]:
    return sorted(path.name[20:22] for path in workspace.backups.iterdir())


@time_machine.travel("2026-12-05T10:00:00+00:00")
def test_prune_removes_old_backups_and_a_dry_run_only_names_them(call, grown):
    dry = call("prune", "--dry-run")
    assert dry.out.endswith("1 backup would be deleted.\n")
    assert days_of(grown) == ["01", "10", "20"]
    done = call("prune")
    assert done.out.endswith("1 backup deleted.\n")
    assert days_of(grown) == ["10", "20"]
    assert call("prune", "--keep-days", "1").out.endswith("1 backup deleted.\n")
    assert days_of(grown) == ["20"], "the newest good one always stays"
    assert call("prune", "--keep-days", "1").out == "0 backups deleted.\n"


def test_prune_keeps_what_a_clock_that_was_set_back_made_lately(call, grown):
    """By its name it is a year old, though its text was replaced on the 20th."""
    with time_machine.travel("2025-10-18T10:00:00+00:00"):
        publish(grown, f"{SAMPLE}- the last\n", store.read(grown).digest)
    named = next(path for path in grown.backups.iterdir() if "2025" in path.name)
    assert named.read_text().endswith("- day 20\n")
    with time_machine.travel("2026-12-05T10:00:00+00:00"):
        assert call("prune").out.endswith("\n1 backup deleted.\n")
        assert named.exists()
        assert days_of(grown) == ["10", "18", "20"]
    with time_machine.travel("2026-12-24T10:00:00+00:00"):
        assert call("prune").code == 0
    assert days_of(grown) == ["18", "20"], "the newest stays: by its name, and by what it holds"


@pytest.mark.parametrize("days", ["36501", "1000000", "0", "-3", "many"])
def test_prune_by_nonsense_is_wrong_usage(days, call, grown):
    assert call("prune", "--keep-days", days).code == 2
    assert days_of(grown) == ["01", "10", "20"]


def test_prune_never_touches_notes(call, workspace):
    with time_machine.travel("2020-01-01T10:00:00+00:00"):
        call("note", "an old one")
    call("prune", "--keep-days", "1")
    assert [note.text for note in pending.pending_notes(workspace)] == ["an old one"]


def test_control_characters_of_other_machines_reach_no_terminal(at_terminal, workspace):
    report_of(workspace, "other", "0" * 64, "2026-11-01T09:00:00Z")
    report = workspace.machines / "other" / "report.toml"
    report.write_text(report.read_text().replace('"claude"', '"cl\\u001b[2Jaude"'))
    seen = at_terminal("machines").out
    assert "cl�[2Jaude: in-sync" in seen
    assert "\x1b" not in seen
    assert os.linesep in seen


def test_after_an_upgrade_the_limit_that_nobody_set_is_said_once(call, with_claude, claude):
    used = Tokens(1, 1)
    usage.record_call(with_claude, "refresh", "claude-haiku-5-5", used, changed=True)
    said = "All machines together now spend at most $5.00 a month on the model. To change that: "
    assert said in call("refresh").err
    assert said not in call("refresh").err
    assert "ok    budget: within $5.00 a month, the default: memsync config" in call("doctor").out


def test_without_a_model_usage_speaks_of_no_limit_that_nobody_set(call, workspace):
    assert "budget" not in call("usage").out
    call("config", "set", "monthly_budget_usd", "3")
    assert "$0.0000 of this month's budget of $3.00 spent.\n" in call("usage").out
