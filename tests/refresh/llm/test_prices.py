"""What a call costs, by the price list, and what is said where there is no price."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memsync.config import Config
from memsync.refresh.llm import prices
from memsync.refresh.llm.prices import DEAREST, PRICES, Tokens

MILLION = 1_000_000


@pytest.mark.parametrize(
    ("model", "tokens", "dollars"),
    [
        ("claude-haiku-5-5", Tokens(100_000, 0), 0.01),
        ("claude-haiku-5-5", Tokens(0, MILLION), 0.5),
        ("claude-haiku-5-5-20261001", Tokens(50_000, MILLION), 0.505),
        ("claude-haiku-5-5", Tokens(MILLION, 1000), 0.5025),
        ("claude-haiku-5-5", Tokens(50_000, 0, 50_001), 0.0275003),
        ("claude-haiku-4-5", Tokens(MILLION, MILLION), 6.0),
        ("claude-opus-5-5", Tokens(MILLION, MILLION), 24.0),
        ("claude-opus-4-8", Tokens(MILLION, MILLION), 30.0),
        ("claude-opus-4-1", Tokens(MILLION, MILLION), 90.0),
        ("claude-sonnet-4-5", Tokens(MILLION, 0, MILLION), 3.3),
        ("claude-sonnet-5", Tokens(0, 0, 10 * MILLION), 2.0),
        ("claude-sonnet-5-5", Tokens(0, 0, 10 * MILLION), 1.0),
        ("claude-sonnet-5", Tokens(0, 0, 0, MILLION), 2.5),
        ("claude-haiku-5-5", Tokens(1, 1), 0.000001),
        ("anthropic/claude-opus-5", Tokens(MILLION, 0), 5.0),
        ("eu.anthropic.claude-haiku-4-5-20251001-v1:0", Tokens(MILLION, 0), 1.0),
        ("llama3.3", Tokens(MILLION, MILLION, MILLION), 0.0),
        ("not-claude-opus-5", Tokens(MILLION, MILLION), 0.0),
        ("", Tokens(1, 1, 1), 0.0),
    ],
)
def test_a_call_costs_what_the_price_list_says(model, tokens, dollars):
    assert prices.cost(model, tokens) == pytest.approx(dollars, abs=1e-6)


def test_the_model_that_is_asked_by_default_has_a_price():
    assert prices.price_of(Config().model)


def test_the_table_is_coherent():
    for name, price in PRICES.items():
        assert 0 < price.input < price.output <= DEAREST.output, name
        assert 0 < price.cached < 1 < prices.CACHE_WRITE, name
        assert prices.price_of(name) is price


def test_what_has_no_price_counts_as_the_dearest_against_a_budget():
    used = Tokens(MILLION, MILLION)
    assert prices.at_most("gpt-oss:20b", used) == DEAREST.input + DEAREST.output
    assert prices.at_most("claude-haiku-4-5", used) == prices.cost("claude-haiku-4-5", used)


@given(st.text())
def test_a_text_has_no_more_tokens_than_bytes_and_roughly_fewer(text):
    assert prices.most_tokens_of(text) >= len(text)
    assert prices.about_tokens_of(text) <= prices.most_tokens_of(text)


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        (0, "$0.00"),
        (0.001, "$0.001"),
        (0.000123, "$0.000123"),
        (0.05, "$0.05"),
        (0.875, "$0.88"),
        (2, "$2.00"),
        (1234.5, "$1,234.50"),
    ],
)
def test_an_amount_is_told_with_as_many_digits_as_it_needs(amount, words):
    assert prices.in_dollars(amount) == words
