"""Each call is written down with what it cost, and a spent budget stops the next one."""

import json

import pytest
import time_machine

from memsync import usage
from memsync.config import Config
from memsync.errors import ApiError
from memsync.state import own_folder
from memsync.usage import PRICES, Total

NOON = "2026-11-23T12:00:00+00:00"
LINE = {
    "time": NOON,
    "command": "refresh",
    "model": "claude-haiku-5-5",
    "input_tokens": 1000,
    "output_tokens": 100,
    "cache_read_tokens": 0,
    "cost_usd": 0.5,
    "changed": True,
}


def log_of(workspace, machine, *lines):
    folder = workspace.machines / machine
    folder.mkdir()
    folder.joinpath("usage.jsonl").write_text("".join(f"{line}\n" for line in lines))


def with_(**values):
    return json.dumps({**LINE, **values})


@pytest.mark.parametrize(
    ("model", "tokens", "dollars"),
    [
        ("claude-haiku-5-5", (1_000_000, 0, 0), 0.1),
        ("claude-haiku-5-5", (0, 1_000_000, 0), 0.5),
        ("claude-haiku-5-5-20261001", (2_000_000, 1_000_000, 0), 0.7),
        ("claude-haiku-4-5", (1_000_000, 1_000_000, 0), 6.0),
        ("claude-opus-5-5", (1_000_000, 1_000_000, 0), 24.0),
        ("claude-opus-4-1", (1_000_000, 1_000_000, 0), 30.0),
        ("claude-sonnet-4-5", (1_000_000, 0, 1_000_000), 3.3),
        ("claude-sonnet-5", (0, 0, 10_000_000), 2.0),
        ("claude-haiku-5-5", (1, 1, 0), 0.000001),
        ("llama3.3", (1_000_000, 1_000_000, 1_000_000), 0.0),
        ("", (1, 1, 1), 0.0),
    ],
)
def test_a_call_costs_what_the_price_list_says(model, tokens, dollars):
    assert usage.cost(model, *tokens) == pytest.approx(dollars, abs=1e-9)


def test_the_model_that_is_asked_by_default_has_a_price():
    assert usage.cost(Config().model, 1_000_000, 1_000_000) > 0
    assert all(0 < price_in < price_out for price_in, price_out in PRICES.values())


@time_machine.travel(NOON, tick=False)
def test_a_call_is_a_line_in_this_machines_own_log(workspace):
    call = usage.record(workspace, "refresh", "claude-haiku-5-5", (10_000, 200, 50), changed=True)
    usage.record(workspace, "digest", "claude-haiku-5-5", (1, 2, 3), changed=False)
    log = own_folder(workspace.machines) / "usage.jsonl"
    first, second = [json.loads(line) for line in log.read_text().splitlines()]
    assert set(first) == set(LINE)
    assert first["cost_usd"] == call.cost_usd == pytest.approx(0.0011005, abs=1e-6)
    assert (second["command"], second["changed"]) == ("digest", False)
    assert first["time"].startswith("2026-11-23T")
    assert usage.read_all(workspace)[log.parent.name][0] == call


def test_lines_that_cannot_be_read_are_left_out_and_hide_no_other(workspace):
    log_of(
        workspace,
        "pi-0001",
        with_(),
        '{"time": "2026-',
        "",
        "null",
        "5",
        "[]",
        "\0\0\0",
        "{}",
        with_(cost_usd="much"),
        with_(input_tokens=None),
        with_(input_tokens=float("inf")),
        with_(cost_usd=float("nan")),
        with_(from_a_newer_version=1),
    )
    log_of(workspace, "laptop-0002", with_(cost_usd=1))
    found = usage.read_all(workspace)
    assert {machine: len(calls) for machine, calls in found.items()} == {
        "pi-0001": 2,
        "laptop-0002": 1,
    }
    every = [call for calls in found.values() for call in calls]
    assert usage.total(every) == Total(3, 3000, 300, 0, 2.0)
    assert usage.total([]) == Total(0, 0, 0, 0, 0)


def test_a_call_after_a_torn_line_is_whole(workspace):
    log = own_folder(workspace.machines) / "usage.jsonl"
    log.write_text('{"time": "2026-')
    call = usage.record(workspace, "refresh", "claude-haiku-5-5", (1, 1, 1), changed=True)
    assert usage.read_all(workspace) == {log.parent.name: [call]}


@time_machine.travel(NOON, tick=False)
@pytest.mark.parametrize(
    ("budget", "lines", "spent"),
    [
        (0.0, [with_(cost_usd=1000)], False),
        (1.0, [], False),
        (1.0, [with_()], False),
        (1.0, [with_(), with_()], True),
        (1.0, [with_(cost_usd=1000, time="2026-10-31T23:59:59+00:00")], False),
        (1.0, [with_(cost_usd=2, time="2026-11-01T00:00:00+00:00")], True),
        (1.0, [with_(), with_(cost_usd=float("nan")), with_()], True),
    ],
)
def test_the_budget_of_a_month_counts_all_machines(workspace, budget, lines, spent):
    for number, line in enumerate(lines):
        log_of(workspace, f"machine-{number}", line)
    config = Config(monthly_budget_usd=budget)
    if not spent:
        usage.check_budget(workspace, config)
        return
    with pytest.raises(ApiError, match=r"\$1\.00 for 2026-11 is spent") as raised:
        usage.check_budget(workspace, config)
    assert raised.value.exit_code == 5
    assert "monthly_budget_usd" in raised.value.hint
