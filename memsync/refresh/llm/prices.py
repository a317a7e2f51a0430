"""What a model's tokens cost: one table, its date, and the price of an unknown model.

The price of a model is that of the longest name in the table with which its own name begins. So a
dated version costs what its family does, and a model newer than the table what its family did.
"""

from __future__ import annotations

import re
from typing import NamedTuple

PRICES_AS_OF = "2026-11-24"
CACHE_WRITE = 1.25
"""The price of writing to the five-minute cache, as a multiple of plain input."""


class Tokens(NamedTuple):
    """What one call used. No token is counted twice: `input` is what was not cached."""

    input: int
    output: int
    cache_read: int = 0
    cache_write: int = 0


class Price(NamedTuple):
    """US dollars per million tokens; `cached` is the share of `input` that a cached token costs.

    If `long_from` is set, a longer prompt multiplies the price of the call by `long_factor`.
    """

    input: float
    output: float
    cached: float = 0.1
    long_from: int = 0
    long_factor: float = 1.0


# Anthropic's price list.
PRICES: dict[str, Price] = {
    "claude-fable-5": Price(10.0, 50.0),
    "claude-fable-5-1": Price(10.0, 50.0, cached=0.025),
    "claude-mythos-5": Price(10.0, 50.0),
    "claude-mythos-5-1": Price(10.0, 50.0, cached=0.025),
    "claude-opus-5-5": Price(4.0, 20.0, cached=0.05),
    "claude-opus": Price(5.0, 25.0),
    "claude-opus-4-0": Price(15.0, 75.0),
    "claude-opus-4-1": Price(15.0, 75.0),
    "claude-opus-4-2025": Price(15.0, 75.0),
    "claude-sonnet-5-5": Price(2.0, 10.0, cached=0.05),
    "claude-sonnet-5": Price(2.0, 10.0),
    "claude-sonnet": Price(3.0, 15.0),
    "claude-haiku-5-5": Price(0.1, 0.5, long_from=100_000, long_factor=5.0),
    "claude-haiku": Price(1.0, 5.0),
}
DEAREST = max(PRICES.values(), key=lambda price: (price.output, price.input))

MOST = Tokens(1_000_000, 128_000, 1_000_000, 1_000_000)
"""What one call can use: the largest context and the longest answer of any model in the table."""

# Clouds and proxies put the vendor first: ``anthropic/claude-…``, ``eu.anthropic.claude-…``.
_NAME = re.compile(r"(?:.*[./])?(claude-.*)")


def price_of(model: str) -> Price | None:
    """Return the price of `model`, or None if it is not known."""
    named = _NAME.fullmatch(model.strip().lower())
    known = [name for name in PRICES if named and named[1].startswith(name)]
    return PRICES[max(known, key=len)] if known else None


def cost(model: str, tokens: Tokens) -> float:
    """Return what a call cost in US dollars; 0 if the price is not known, see `at_most`."""
    price = price_of(model)
    return _dollars(price, tokens) if price else 0.0


def at_most(model: str, tokens: Tokens) -> float:
    """Return the cost in US dollars; a model without a price counts as the dearest of the table.

    So a budget limits every model: a call of unknown price must not count as free.
    """
    return _dollars(price_of(model) or DEAREST, tokens)


def _dollars(price: Price, tokens: Tokens) -> float:
    prompt = tokens.input + tokens.cache_read + tokens.cache_write
    factor = price.long_factor if price.long_from and prompt > price.long_from else 1.0
    read = tokens.input + tokens.cache_read * price.cached + tokens.cache_write * CACHE_WRITE
    return round((read * price.input + tokens.output * price.output) * factor / 1e6, 6)


def most_tokens_of(text: str) -> int:
    """Return how many tokens `text` has at most: no tokenizer makes more tokens than bytes."""
    return len(text.encode("utf-8", "replace"))


def about_tokens_of(text: str) -> int:
    """Return roughly how many tokens `text` has: four ASCII characters, or one other, per token."""
    plain = sum(character.isascii() for character in text)
    return -(-plain // 4) + len(text) - plain


def in_dollars(amount: float) -> str:
    """Return an amount as text: to the cent, or below ten cents to its last digit."""
    if amount >= 0.1:
        return f"${amount:,.2f}"
    whole, _, parts = f"{amount:.6f}".partition(".")
    return f"${whole}.{parts.rstrip('0'):0<2}"
