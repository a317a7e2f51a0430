"""The words servers use when they do not answer, and what is made of them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memsync.refresh.llm import failures

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "said", "cure"),
    [
        (400, "registry.ollama.ai/library/gemma3:4b does not support tools", "qwen3"),
        (
            400,
            "litellm.UnsupportedParamsError: ollama does not support parameters: ['tools']",
            "qwen3",
        ),
        (400, '"auto" tool choice requires --enable-auto-tool-choice', "qwen3"),
        (404, "model 'gemma3:4b' not found", "ollama pull gemma3:4b"),
        (404, 'model "gemma3:4b" not found, try pulling it first', "ollama pull gemma3:4b"),
        (400, "Invalid model name passed in model=gemma3:4b", "with a model it has"),
        (404, "404 page not found", "the part before /v1/messages"),
        (404, "Error code: 404 - {'detail': 'Not Found'}", "the part before /v1/messages"),
        (404, "No such thing", "with a model this server has"),
        (405, "Method Not Allowed", "the part before /v1/messages"),
        (400, "ContextWindowExceededError: prompt is too long", "OLLAMA_CONTEXT_LENGTH"),
        (400, "the request exceeds the available context size", "OLLAMA_CONTEXT_LENGTH"),
        (500, "model requires more system memory (5.6 GiB) than is available", "a smaller one"),
        (500, "litellm.APIConnectionError: OllamaException - refused", "behind this proxy"),
        (400, "Budget has been exceeded! Current cost: 1, Max budget: 1", "add credit"),
        (401, "Authentication Error, Invalid proxy server token passed", "core.api_key"),
        (429, "litellm.RateLimitError: slow down", "wait for the limit"),
        (500, "internal", "memsync refresh later"),
        (418, "teapot", "memsync refresh later"),
    ],
)
def test_a_server_of_ones_own_is_understood(status, said, cure):
    assert cure in failures.explain_refusal(status, said, "gemma3:4b", own_server=True).hint


def test_the_service_itself_is_not_advised_about_as_if_it_were_ones_own():
    said = failures.explain_refusal(
        400, "prompt is too long: 210000 tokens", "claude-x", own_server=False
    )
    assert said.hint == "shorten the memory (memsync edit)"
    assert (
        "core.model"
        in failures.explain_refusal(404, "model: no", "claude-x", own_server=False).hint
    )


@pytest.mark.parametrize(
    ("status", "said", "wait", "final"),
    [
        (429, "slow down", "", False),
        (429, "slow down", "60", False),
        (429, "slow down", "61", True),
        (429, "slow down", "Tue, 24 Nov 2026 12:00:30 GMT", False),
        (429, "slow down", "Tue, 24 Nov 2026 13:00:00 GMT", True),
        (429, "slow down", "soon", False),
        (429, "insufficient_quota", "1", True),
        (503, "model requires more system memory", "", True),
        (400, "credit balance", "", False),
    ],
)
def test_when_asking_again_is_in_vain(status, said, wait, final):
    assert failures.is_final(status, said, wait, NOW) is final


@given(st.integers(400, 599), st.text(), st.text(), st.booleans())
def test_whatever_is_said_there_is_a_cure(status, said, wait, own):
    assert failures.explain_refusal(status, said, "m", own_server=own).hint
    failures.is_final(status, said, wait, NOW)
