"""Each call is written down with what it cost, and a spent budget stops the next one."""

import json
import re

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from memsync import config as settings
from memsync.config import Config, writer
from memsync.config.state import machine_name
from memsync.config.sync_folder import own_folder
from memsync.config.workspace import Workspace
from memsync.errors import BudgetError
from memsync.refresh import usage
from memsync.refresh.llm import prices
from memsync.refresh.llm.prices import MOST, PRICES, Tokens
from memsync.refresh.usage import Total

NOON = "2026-11-23T12:00:00+00:00"
LINE = {
    "time": NOON,
    "command": "refresh",
    "model": "claude-opus-4-0",
    "input_tokens": 400_000,  # 6 dollars
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


@time_machine.travel(NOON, tick=False)
def test_a_call_is_a_line_in_this_machines_own_log(workspace):
    used = Tokens(10_000, 200, 50, 30)
    call = usage.record_call(workspace, "refresh", "claude-haiku-5-5", used, changed=True)
    usage.record_call(workspace, "digest", "claude-haiku-5-5", Tokens(1, 2, 3), changed=False)
    log = own_folder(workspace.machines) / "usage.jsonl"
    first, second = [json.loads(line) for line in log.read_text().splitlines()]
    assert set(first) == {*LINE, "cache_write_tokens"}
    assert (first["cache_read_tokens"], first["cache_write_tokens"]) == (50, 30)
    assert first["cost_usd"] == call.cost_usd == pytest.approx(0.001104, abs=1e-6)
    assert (second["command"], second["changed"]) == ("digest", False)
    assert first["time"].startswith("2026-11-23T")
    assert usage.read_calls(workspace)[log.parent.name][0] == call


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
        with_(cost_usd=float("inf")),
        with_(cost_usd=float("nan")),
        with_(cost_usd=-5.0),
        with_(output_tokens=-1),
        with_(from_a_newer_version=1),
    )
    log_of(workspace, "laptop-0002", with_(cost_usd=1))
    found = usage.read_calls(workspace)
    assert {machine: len(calls) for machine, calls in found.items()} == {
        "pi-0001": 2,
        "laptop-0002": 1,
    }
    every = [call for calls in found.values() for call in calls]
    assert usage.total_of(every) == Total(3, 1_200_000, 300, 0, 0, 2.0)
    assert usage.total_of([]) == Total(0, 0, 0, 0, 0, 0)


def test_a_call_after_a_torn_line_is_whole(workspace):
    log = own_folder(workspace.machines) / "usage.jsonl"
    log.write_text('{"time": "2026-')
    call = usage.record_call(
        workspace, "refresh", "claude-haiku-5-5", Tokens(1, 1, 1), changed=True
    )
    assert usage.read_calls(workspace) == {log.parent.name: [call]}


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
    with pytest.raises(BudgetError, match=r"\$1\.00 for 2026-11 is spent") as raised:
        usage.check_budget(workspace, config)
    assert raised.value.exit_code == 5
    assert "monthly_budget_usd" in raised.value.hint


@time_machine.travel(NOON, tick=False)
def test_a_call_that_may_go_over_the_budget_is_refused_before_it_is_made(workspace):
    log_of(workspace, "pi-0001", with_(cost_usd=0.75))
    log_of(workspace, "laptop-0002", with_(cost_usd=0.125))
    config = Config(monthly_budget_usd=1)
    usage.check_budget(workspace, config, upper=0.125)
    with pytest.raises(BudgetError, match=r"does not cover a call of up to \$0\.1251 \(\$0\.88"):
        usage.check_budget(workspace, config, upper=0.1251)


@time_machine.travel(NOON, tick=False)
def test_a_call_whose_price_is_not_known_is_not_free_to_a_budget(workspace):
    log_of(workspace, "pi-0001", with_(model="llama3.3", cost_usd=0, output_tokens=100_000))
    assert usage.spent_in_month(workspace, "2026-11") == {"pi-0001": 13.5}
    calls = usage.read_calls(workspace)["pi-0001"]
    assert usage.unpriced_models(calls) == {"llama3.3": 1}
    with pytest.raises(BudgetError) as raised:
        usage.check_budget(workspace, Config(monthly_budget_usd=10, model="llama3.3"))
    assert "0 where llama3.3 costs nothing" in raised.value.hint


def test_lines_of_older_versions_have_written_nothing_to_a_cache(workspace):
    log_of(workspace, "pi-0001", with_(), with_(cache_write_tokens=7))
    old, new = usage.read_calls(workspace)["pi-0001"]
    assert (old.cache_write_tokens, new.cache_write_tokens) == (0, 7)
    assert usage.group_calls(lambda call: call.command, [new, old]) == {"refresh": [new, old]}


AMOUNTS = st.integers(0, 10**400) | st.floats() | st.integers(-5, 5)
MODELS = st.sampled_from([*PRICES, "llama3.3", ""])


@given(AMOUNTS, AMOUNTS, AMOUNTS, AMOUNTS, AMOUNTS, MODELS)
def test_a_line_costs_at_most_what_its_tokens_cost_and_no_line_has_more_than_a_call(
    read, written, cached, kept, cost, model
):
    values = {"input_tokens": read, "output_tokens": written, "cache_read_tokens": cached}
    line = with_(**values, cache_write_tokens=kept, cost_usd=cost, model=model)
    call = usage._parse(line)
    if call is not None:
        assert all(0 <= n <= most for n, most in zip(call.tokens, MOST, strict=True))
        assert 0 <= call.cost_usd <= prices.at_most(model, call.tokens) <= 100
        assert call.most_usd <= 100


@pytest.mark.parametrize("cost", [1e308, 10**300])
@time_machine.travel(NOON, tick=False)
def test_a_machine_that_writes_a_vast_sum_spends_what_its_tokens_cost(workspace, cost):
    log_of(workspace, "pi-0001", with_(cost_usd=cost, input_tokens=1000))
    assert usage.spent_in_month(workspace, "2026-11") == {"pi-0001": 0.0225}
    usage.check_budget(workspace, Config())


@time_machine.travel(NOON, tick=False)
def test_who_is_refused_hears_which_machine_spent_and_what_this_one_did(workspace):
    spent = Tokens(100_000, 0)
    usage.record_call(workspace, "refresh", "claude-opus-4-0", spent, changed=True)
    for number in range(1, 6):
        log_of(workspace, f"pi-000{number}", with_(cost_usd=number), with_(cost_usd=1e308))
    with pytest.raises(BudgetError) as raised:
        usage.check_budget(workspace, Config())
    assert raised.value.message == (
        "the budget of $5.00 for 2026-11 is spent ($46.54 spent: $1.50 here, $11.01 by pi-0005,"
        " $10.01 by pi-0004, $9.01 by pi-0003, $15.02 by 2 more)"
    )
    assert machine_name() not in raised.value.message


@time_machine.travel(NOON, tick=False)
def test_a_machine_alone_reads_no_names(workspace):
    used = Tokens(400_000, 0)
    usage.record_call(workspace, "refresh", "claude-opus-4-0", used, changed=True)
    with pytest.raises(BudgetError, match=re.escape("2026-11 is spent ($6.00 spent)")):
        usage.check_budget(workspace, Config())


@time_machine.travel(NOON, tick=False)
def test_a_month_is_read_without_the_others(workspace):
    log_of(workspace, "pi-0001", with_(time="2026-10-01T00:00:00+00:00"), with_(), "2026-11 {")
    found = usage.read_calls(workspace, "2026-11")
    assert [call.time for call in found["pi-0001"]] == [NOON]
    text = with_(time="2026-10-01T00:00:00+00:00", command="2026-11")
    log_of(workspace, "laptop-0002", text)
    assert usage.read_calls(workspace, "2026-11")["laptop-0002"] == []


def called_before(workspace):
    used = Tokens(1, 1)
    usage.record_call(workspace, "refresh", "claude-haiku-5-5", used, changed=False)


def test_after_an_upgrade_a_budget_that_nobody_set_is_said_once_to_each_reader(with_claude):
    called_before(with_claude)
    assert with_claude.config.monthly_budget_usd == 5
    first = usage.budget_notice(with_claude, "person")
    assert first.startswith("All machines together now spend at most $5.00 a month on the model.")
    assert "memsync config set core.monthly_budget_usd AMOUNT (0 for no limit)" in first
    assert usage.budget_notice(with_claude, "person") == ""
    assert usage.budget_notice(with_claude, "daemon") == first
    assert usage.budget_notice(with_claude, "daemon") == ""
    assert usage.budget_notice(with_claude, "person") == ""


def test_where_the_model_was_never_called_nothing_changed_and_nothing_is_said(with_claude):
    assert usage.budget_notice(with_claude, "person") == ""
    called_before(with_claude)
    assert usage.budget_notice(with_claude, "person") == ""


@pytest.mark.parametrize("setting", [{"core.monthly_budget_usd": 5.0},
                                     {"core.monthly_budget_usd": 0.0}, {"core.engine": "offline"}])  # fmt: skip
def test_a_budget_that_was_set_or_that_nothing_spends_is_not_said(setting, with_claude):
    called_before(with_claude)
    path = settings.get_config_path()
    writer.change(path, setting)
    assert usage.budget_notice(Workspace.open(settings.load(path)), "person") == ""
