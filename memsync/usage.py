"""What the model's calls cost: one line a call in this machine's own folder, sums over all."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from memsync import clock
from memsync.config import Config
from memsync.errors import ApiError
from memsync.files import append_line
from memsync.state import own_folder
from memsync.workspace import Workspace

LOG_NAME = "usage.jsonl"
PRICES_AS_OF = "2026-11-23"
# US dollars per million tokens: input, output. Anthropic's price list; prompts here stay far
# below the length at which some models cost more. Cached input is counted as a tenth.
PRICES: dict[str, tuple[float, float]] = {
    "claude-fable-5": (10.0, 50.0),
    "claude-mythos-5": (10.0, 50.0),
    "claude-opus-5-5": (4.0, 20.0),
    "claude-opus": (5.0, 25.0),
    "claude-sonnet-5": (2.0, 10.0),
    "claude-sonnet": (3.0, 15.0),
    "claude-haiku-5-5": (0.1, 0.5),
    "claude-haiku": (1.0, 5.0),
}
CACHED_SHARE = 0.1


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


@dataclass(frozen=True)
class Total:
    """Sums over some calls."""

    calls: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cost_usd: float


def cost(model: str, input_tokens: int, output_tokens: int, cache_read_tokens: int = 0) -> float:
    """Return US dollars by the price of the longest known beginning of `model`; 0 if unknown."""
    known = sorted((name for name in PRICES if model.startswith(name)), key=len)
    if not known:
        return 0.0
    price_in, price_out = PRICES[known[-1]]
    cached = cache_read_tokens * price_in * CACHED_SHARE
    return round((input_tokens * price_in + cached + output_tokens * price_out) / 1e6, 6)


def record(
    workspace: Workspace, command: str, model: str, tokens: tuple[int, int, int], *, changed: bool
) -> Call:
    """Write down one call: `tokens` are input, output and cache reads.

    Raises:
        OSError: the line could not be written.
    """
    call = Call(
        time=clock.now().isoformat(timespec="seconds"),
        command=command,
        model=model,
        input_tokens=tokens[0],
        output_tokens=tokens[1],
        cache_read_tokens=tokens[2],
        cost_usd=cost(model, *tokens),
        changed=changed,
    )
    append_line(own_folder(workspace.machines) / LOG_NAME, json.dumps(asdict(call)))
    return call


def read_all(workspace: Workspace) -> dict[str, list[Call]]:
    """Return every machine's calls by machine name; lines that cannot be read are left out."""
    found: dict[str, list[Call]] = {}
    for path in sorted(workspace.machines.glob(f"*/{LOG_NAME}")):
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
        )
    except (ValueError, TypeError, KeyError, OverflowError):
        return None
    return call if math.isfinite(call.cost_usd) else None


def total(calls: Iterable[Call]) -> Total:
    """Return the sums over `calls`."""
    listed = list(calls)
    return Total(
        len(listed),
        sum(call.input_tokens for call in listed),
        sum(call.output_tokens for call in listed),
        sum(call.cache_read_tokens for call in listed),
        round(sum(call.cost_usd for call in listed), 6),
    )


def check_budget(workspace: Workspace, config: Config) -> None:
    """Refuse a call where this month's calls of all machines have used up the budget.

    Raises:
        ApiError: the budget is spent; the notes stay pending.
    """
    if not config.monthly_budget_usd:
        return
    month = clock.now().strftime("%Y-%m")
    calls = (call for calls in read_all(workspace).values() for call in calls)
    spent = total(call for call in calls if call.time.startswith(month)).cost_usd
    if spent >= config.monthly_budget_usd:
        raise ApiError(
            f"the budget of ${config.monthly_budget_usd:.2f} for {month} is spent (${spent:.2f})",
            hint="memsync config set core.monthly_budget_usd AMOUNT; the notes stay pending",
        )
