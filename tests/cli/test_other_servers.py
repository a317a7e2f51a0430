"""Ollama and LiteLLM behind `core.api_base_url`: what a person reads when one does not answer."""

from __future__ import annotations

import socket

import pytest

from memsync import config as settings
from memsync.config import writer
from memsync.refresh import pending
from tests.conftest import SAMPLE
from tests.support.messages_server import (
    edits,
    garbage,
    http_error,
    litellm_error,
    ollama_error,
    prose,
)

ADD = {"op": "add", "section": "Identity", "text": "- Lives in Oslo"}


@pytest.fixture
def local(with_claude):
    """A machine whose model is one of its own."""
    writer.change(settings.get_config_path(), {"core.model": "gemma3:4b", "core.api_key": ""})
    return with_claude


@pytest.mark.parametrize(
    ("answer", "error", "cure"),
    [
        (
            http_error(
                400,
                "invalid_request_error",
                "registry.ollama.ai/library/gemma3:4b does not support tools",
            ),
            "gemma3:4b cannot call tools, and memsync needs a tool call to edit the memory",
            "choose a model that can, such as qwen3",
        ),
        (
            litellm_error(
                400, "litellm.UnsupportedParamsError: ollama does not support parameters: ['tools']"
            ),
            "gemma3:4b cannot call tools",
            "choose a model that can",
        ),
        (prose("I have updated the memory for you!"), "gemma3:4b cannot call tools", "such as"),
        (ollama_error(404, "model 'gemma3:4b' not found"), "not found", "ollama pull gemma3:4b"),
        (
            garbage(b"404 page not found", "text/plain", 404),
            "there is no Messages API at this address",
            "the part before /v1/messages",
        ),
        (
            litellm_error(400, "litellm.ContextWindowExceededError: prompt is too long"),
            "prompt is too long",
            "OLLAMA_CONTEXT_LENGTH",
        ),
        (
            ollama_error(500, "model requires more system memory (9 GiB) than is available"),
            "more system memory",
            "a smaller one",
        ),
        (
            litellm_error(401, "Authentication Error, No api key passed in.", "auth_error"),
            "No api key",
            "core.api_key",
        ),
        (
            litellm_error(429, "Budget has been exceeded! Current cost: 2", "budget_exceeded"),
            "Budget has been exceeded",
            "add credit",
        ),
        (
            edits({"op": "remove", "find": "- no such line"}),
            "the model's answer cannot be used: edit 1",
            "try another model than gemma3:4b",
        ),
    ],
)
def test_what_goes_wrong_is_said_with_its_own_cure(answer, error, cure, call, local, claude):
    claude.script(answer)
    done = call("refresh", "--notes", "I moved to Oslo")
    said, tried = done.err.splitlines()
    assert done.code == 5
    assert error in said
    assert cure in tried
    assert local.memory.read_text() == SAMPLE
    assert [note.text for note in pending.pending_notes(local)] == ["I moved to Oslo"]
    assert len(claude.requests) <= 2


def test_a_server_that_is_not_there_is_said_to_be_not_running(call, local):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    writer.change(settings.get_config_path(), {"core.api_base_url": f"http://127.0.0.1:{port}"})
    done = call("refresh", "--notes", "I moved to Oslo")
    assert done.code == 5
    assert "cannot be reached" in done.err
    assert "ollama serve" in done.err


def test_a_model_of_ones_own_merges_without_a_key_and_costs_nothing_known(call, local, claude):
    claude.script(edits(ADD))
    done = call("refresh", "--json", "--notes", "I moved to Oslo")
    assert done.json["changed"] is True
    assert done.json["cost_usd"] == 0
    assert call("usage", "--json").json["unpriced"] == {"gemma3:4b": 1}
