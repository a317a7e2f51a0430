"""`status`, `doctor`, `usage`, `machines` and `prune`: how things stand, for people and programs."""

from __future__ import annotations

import json
import os

import pytest
import time_machine

from memsync import __version__, machines, sessions, store
from memsync import config as settings
from memsync.publish import bring_in_step, publish
from tests.conftest import SAMPLE

CALL = {
    "time": "2026-10-02T10:00:00+02:00",
    "command": "refresh",
    "model": "claude-haiku-5-5",
    "input_tokens": 1000,
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
    bring_in_step(workspace)
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
    assert "Pending:     1 notes\n" in done.out
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
    bring_in_step(workspace)
    done = run("doctor", "--json")
    assert done.code == 0, done.out
    checks = done.json["checks"]
    assert all(set(check) == {"name", "ok", "advice"} and check["ok"] for check in checks)
    assert {"config", "sync folder", "memory", "target claude"} <= {c["name"] for c in checks}
    assert "ok    memory: " in run("doctor").out


def test_doctor_fails_with_advice_where_something_is_wrong(call, home, workspace):
    bring_in_step(workspace)
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
        "input_tokens": 3000,
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
    assert last.split() == ["total", "3", "calls", "3,000", "in", "300", "out", "$1.0000"]


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
    assert "No price is known for llama3.3; against a budget it counts as the dearest.\n" in said
    assert "$0.2500 of this month's $2.00 are spent.\n" in said


def test_usage_of_nothing_is_nothing(call, workspace):
    assert call("usage", "--json").json["total"]["calls"] == 0
    assert call("usage").out.split() == ["total", *["0", "calls", "0", "in", "0", "out", "$0.0000"]]


def test_machines_tells_which_has_this_memory_and_which_is_silent(call, workspace):
    with time_machine.travel("2026-11-01T10:00:00+00:00"):
        bring_in_step(workspace)
    own = machines.this_machine()
    other = workspace.machines / "pi-3c4d"
    other.mkdir()
    report = (workspace.machines / own / "report.toml").read_text()
    (other / "report.toml").write_text(report.replace(store.read(workspace).digest, "0" * 64))
    (workspace.machines / "torn").mkdir()
    (workspace.machines / "torn" / "report.toml").write_text("version = ")
    with time_machine.travel("2026-11-02T10:00:00+00:00"):
        rows = {row["machine"]: row for row in call("machines", "--json").json["machines"]}
        assert f"{own} (this one): has this memory" in call("machines").out
    assert rows[own]["this"] is True
    assert rows[own]["version"] == __version__
    assert rows[own]["memory_digest"] == store.read(workspace).digest
    assert rows[own]["targets"][0]["state"] == "in-sync"
    assert rows["pi-3c4d"]["state"].startswith("has another memory, reported 2026-11-01T")
    assert rows["torn"]["state"] == "unknown: its report cannot be read"
    with time_machine.travel("2026-11-20T10:00:00+00:00"):
        assert "unknown since 2026-11-01" in call("machines").out


@pytest.fixture
def grown(workspace):
    """Backups of the 1st, 10th and 20th of November."""
    for day in (1, 10, 20):
        with time_machine.travel(f"2026-11-{day:02}T10:00:00+00:00"):
            publish(workspace, f"{SAMPLE}- day {day}\n", store.read(workspace).digest)
    return workspace


def days_of(workspace) -> list[str]:
    return sorted(path.name[20:22] for path in workspace.backups.iterdir())


@time_machine.travel("2026-12-05T10:00:00+00:00")
def test_prune_removes_old_backups_and_a_dry_run_only_names_them(call, grown):
    dry = call("prune", "--dry-run")
    assert dry.out.endswith("1 backup would go.\n")
    assert days_of(grown) == ["01", "10", "20"]
    done = call("prune")
    assert done.out.endswith("1 backup removed.\n")
    assert days_of(grown) == ["10", "20"]
    assert call("prune", "--keep-days", "1").out.endswith("1 backup removed.\n")
    assert days_of(grown) == ["20"], "the newest good one always stays"
    assert call("prune", "--keep-days", "1").out == "0 backups removed.\n"


@pytest.mark.parametrize("days", ["0", "-3", "many"])
def test_prune_by_nonsense_is_wrong_usage(days, call, grown):
    assert call("prune", "--keep-days", days).code == 2
    assert days_of(grown) == ["01", "10", "20"]


def test_prune_never_touches_notes(call, workspace):
    with time_machine.travel("2020-01-01T10:00:00+00:00"):
        call("note", "an old one")
    call("prune", "--keep-days", "1")
    assert [note.text for note in sessions.pending(workspace)] == ["an old one"]


def test_control_characters_of_other_machines_reach_no_terminal(at_terminal, workspace):
    bring_in_step(workspace)
    report = next(workspace.machines.glob("*/report.toml"))
    report.write_text(report.read_text().replace('"claude"', '"cl\\u001b[2Jaude"'))
    seen = at_terminal("machines").out
    assert "cl�[2Jaude: in-sync" in seen
    assert "\x1b" not in seen
    assert os.linesep in seen
