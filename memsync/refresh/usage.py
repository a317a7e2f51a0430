"""What the model's calls cost: one line a call in this machine's own folder, sums over all."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable
from dataclasses import asdict, astuple, dataclass

from memsync import clock
from memsync.config import Config
from memsync.config.state import own_folder
from memsync.config.workspace import Workspace
from memsync.errors import BudgetError
from memsync.files.append import append_line
from memsync.files.listing import list_in_subfolders
from memsync.refresh.llm import prices
from memsync.refresh.llm.prices import Tokens, in_dollars

LOG_NAME = "usage.jsonl"


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
    append_line(own_folder(workspace.machines) / LOG_NAME, json.dumps(asdict(call)))
    return call


def read_calls(workspace: Workspace) -> dict[str, list[Call]]:
    """Return every machine's calls by machine name; lines that cannot be read are left out."""
    found: dict[str, list[Call]] = {}
    for path in list_in_subfolders(workspace.machines, LOG_NAME):
        calls = [_parse(line) for line in path.read_text("utf-8", "replace").splitlines()]
        found[path.parent.name] = [call for call in calls if call is not None]
    return found


def _parse(line: str) -> Call | None:
    try:
        raw = json.loads(line)
        call = Call(
            time=str(raw["time"]),
            command=str(raw["command"]),
            model=str(raw["model"]),
            input_tokens=int(raw["input_tokens"]),
            output_tokens=int(raw["output_tokens"]),
            cache_read_tokens=int(raw["cache_read_tokens"]),
            cost_usd=float(raw["cost_usd"]),
            changed=bool(raw["changed"]),
            cache_write_tokens=int(raw.get("cache_write_tokens", 0)),  # older lines have none
        )
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None
    sums = total_of([call])
    # A line that gives money or tokens back would widen every machine's budget.
    has_sense = math.isfinite(sums.cost_usd) and min(astuple(sums)) >= 0
    return call if has_sense else None


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


def spent_in_month(workspace: Workspace, month: str) -> float:
    """Return what the calls of all machines in a month, such as ``2026-11``, count as."""
    calls = (call for calls in read_calls(workspace).values() for call in calls)
    return round(sum(call.most_usd for call in calls if call.time.startswith(month)), 6)


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
    gone = spent_in_month(workspace, month)
    if gone < budget and gone + upper <= budget:
        return
    words = "is spent" if gone >= budget else f"does not cover a call of up to ${upper:.4f}"
    way_out = "memsync config set core.monthly_budget_usd AMOUNT"
    if prices.price_of(config.model) is None:
        way_out += f" (0 where {config.model} costs nothing: its price is not known and counts"
        way_out += " as the dearest)"
    raise BudgetError(
        f"the budget of {in_dollars(budget)} for {month} {words} ({in_dollars(gone)} spent)",
        hint=f"{way_out}; the notes stay pending",
    )
