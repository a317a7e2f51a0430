"""What the model's calls cost: one line a call in this machine's own folder, sums over all.

Whoever can write the sync folder can write such lines. So a line counts for no more tokens than one
call can use, and for no more money than these tokens cost; and who is refused hears who spent.
"""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass

from memsync import clock
from memsync.config import KEYS, Config
from memsync.config.credentials import has_model
from memsync.config.machine_log import MachineLog
from memsync.config.state import machine_name
from memsync.config.state_file import StateFile
from memsync.config.workspace import Workspace
from memsync.errors import BudgetError
from memsync.refresh.llm import prices
from memsync.refresh.llm.prices import Tokens, in_dollars

LOG = MachineLog("usage.jsonl", must_be_read=True)
BUDGET = KEYS["core.monthly_budget_usd"]
NAMED_MACHINES = 3
"""How many other machines a refusal names; the rest is a number."""

_TOLD = StateFile("told.json")


@dataclass(frozen=True)
class Call:
    """One call of the model, as ``usage.jsonl`` has it."""

    time: str
    command: str
    model: str
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cost_usd: float
    changed: bool
    cache_write_tokens: int = 0

    @property
    def tokens(self) -> Tokens:
        """What the call used."""
        return Tokens(
            self.input_tokens, self.output_tokens, self.cache_read_tokens, self.cache_write_tokens
        )

    @property
    def most_usd(self) -> float:
        """What the call counts as against a budget: no call of an unknown model is free."""
        return self.cost_usd or prices.at_most(self.model, self.tokens)


@dataclass(frozen=True)
class Total:
    """Sums over some calls."""

    calls: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    cost_usd: float


def record_call(
    workspace: Workspace, command: str, model: str, tokens: Tokens, *, changed: bool
) -> Call:
    """Write down one call.

    Raises:
        OSError: the line could not be written.
    """
    call = Call(
        time=clock.now().isoformat(timespec="seconds"),
        command=command,
        model=model,
        input_tokens=tokens.input,
        output_tokens=tokens.output,
        cache_read_tokens=tokens.cache_read,
        cost_usd=prices.cost(model, tokens),
        changed=changed,
        cache_write_tokens=tokens.cache_write,
    )
    LOG.append(workspace, json.dumps(asdict(call)))
    return call


def read_calls(workspace: Workspace, month: str = "") -> dict[str, list[Call]]:
    """Return every machine's calls by machine name; lines that cannot be read are left out.

    Args:
        workspace: where the machines' logs are.
        month: only the calls of this month, such as ``2026-11``; "" for all.
    """
    found: dict[str, list[Call]] = {}
    for machine, line in LOG.lines(workspace):
        listed = found.setdefault(machine, [])
        call = _parse(line) if month in line else None
        if call is not None and call.time.startswith(month):
            listed.append(call)
    return found


def _parse(line: str) -> Call | None:
    try:
        raw = json.loads(line)
        model = str(raw["model"])
        written = raw.get("cache_write_tokens", 0)  # older lines have none
        used = (raw["input_tokens"], raw["output_tokens"], raw["cache_read_tokens"], written)
        tokens = Tokens(*(min(int(n), most) for n, most in zip(used, prices.MOST, strict=True)))
        cost = float(raw["cost_usd"])
        call = Call(
            time=str(raw["time"]),
            command=str(raw["command"]),
            model=model,
            input_tokens=tokens.input,
            output_tokens=tokens.output,
            cache_read_tokens=tokens.cache_read,
            cost_usd=min(cost, prices.at_most(model, tokens)),
            changed=bool(raw["changed"]),
            cache_write_tokens=tokens.cache_write,
        )
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return None
    # A line that gives money or tokens back would widen every machine's budget.
    return call if math.isfinite(cost) and min(cost, *tokens) >= 0 else None


def total_of(calls: Iterable[Call]) -> Total:
    """Return the sums over `calls`."""
    listed = list(calls)
    return Total(
        len(listed),
        sum(call.input_tokens for call in listed),
        sum(call.output_tokens for call in listed),
        sum(call.cache_read_tokens for call in listed),
        sum(call.cache_write_tokens for call in listed),
        round(sum(call.cost_usd for call in listed), 6),
    )


def group_calls(key: Callable[[Call], str], calls: Iterable[Call]) -> dict[str, list[Call]]:
    """Return the calls in groups, sorted by what `key` says of each."""
    found: dict[str, list[Call]] = {}
    for call in calls:
        found.setdefault(key(call), []).append(call)
    return dict(sorted(found.items()))


def unpriced_models(calls: Iterable[Call]) -> dict[str, int]:
    """Return the models whose price is not known, with how many of `calls` each had."""
    found = group_calls(lambda call: call.model, calls)
    return {model: len(listed) for model, listed in found.items() if prices.price_of(model) is None}


def spent_in_month(workspace: Workspace, month: str) -> dict[str, float]:
    """Return what each machine's calls of a month, such as ``2026-11``, count as, in US dollars."""
    return {
        machine: round(sum(call.most_usd for call in calls), 6)
        for machine, calls in read_calls(workspace, month).items()
        if calls
    }


def check_budget(workspace: Workspace, config: Config, upper: float = 0.0) -> None:
    """Refuse a call that may take this month's calls of all machines over the budget.

    Args:
        workspace: where the machines' logs are.
        config: the budget; 0 is none.
        upper: what the call may cost at most, in US dollars.

    Raises:
        BudgetError: the budget does not cover the call; the notes stay pending.
    """
    budget = config.monthly_budget_usd
    if not budget:
        return
    month = clock.now().strftime("%Y-%m")
    spent = spent_in_month(workspace, month)
    gone = round(sum(spent.values()), 6)
    if gone < budget and gone + upper <= budget:
        return
    words = "is spent" if gone >= budget else f"does not cover a call of up to ${upper:.4f}"
    way_out = f"memsync config set {BUDGET.dotted} AMOUNT"
    if prices.price_of(config.model) is None:
        way_out += f" (0 where {config.model} costs nothing: its price is not known and counts"
        way_out += " as the dearest)"
    raise BudgetError(
        f"the budget of {in_dollars(budget)} for {month} {words}"
        f" ({in_dollars(gone)} spent{_by_whom(spent)})",
        hint=f"{way_out}; the notes stay pending",
    )


def _by_whom(spent: dict[str, float]) -> str:
    """Return who spent it, in words: this machine first; empty if it was this machine alone."""
    here = machine_name()
    others = sorted((name for name in spent if name != here), key=lambda name: -spent[name])
    if not others:
        return ""
    shares = [f"{in_dollars(spent[name])} by {name}" for name in others[:NAMED_MACHINES]]
    rest = [spent[name] for name in others[NAMED_MACHINES:]]
    if rest:
        shares.append(f"{in_dollars(round(sum(rest), 6))} by {len(rest)} more")
    return ": " + ", ".join([f"{in_dollars(spent.get(here, 0.0))} here", *shares])


def budget_notice(workspace: Workspace, reader: str) -> str:
    """Return what to say, once, of a budget that nobody set; "" if there is nothing to say.

    It is said where this machine has called the model before: earlier versions had no limit then.

    Args:
        workspace: the budget, and what this machine called.
        reader: who reads it: ``person`` or ``daemon``; each is told once on this machine.
    """
    config = workspace.config
    budget = config.monthly_budget_usd
    if BUDGET.dotted in config.given or not budget or not has_model(config):
        return ""
    told: list[str] = _TOLD.load(lambda table: list(map(str, table["budget"])), [])
    if reader in told:
        return ""
    called = machine_name() in read_calls(workspace)
    with contextlib.suppress(OSError):  # it is said once more
        _TOLD.save({"budget": [*told, reader]})
    words = f"All machines together now spend at most {in_dollars(budget)} a month on the model."
    way_out = f"To change that: memsync config set {BUDGET.dotted} AMOUNT (0 for no limit)"
    return f"{words} {way_out}" if called else ""
