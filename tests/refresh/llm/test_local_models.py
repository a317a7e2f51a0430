"""Models that are not Claude: each way they fail has its own words, and what can be used is used."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memsync.config import Config
from memsync.refresh.llm.local_models import call_in
from memsync.sync import refresh_memory_content
from tests.conftest import SAMPLE
from tests.support.messages_server import MessagesServer, edits, prose

IN_STEP = {"op": "replace", "find": "- Ship the importer", "text": "- Ship the exporter"}
CALL = {"summary": "The importer is out.", "edits": [IN_STEP]}
FORBIDDEN = {"op": "remove", "find": "- Never push to main without asking"}


@pytest.fixture
def llama(claude: MessagesServer) -> Config:
    return Config(api_base_url=claude.url, model="llama3.3")


def merge(config: Config, memory: str = SAMPLE):
    return refresh_memory_content("The importer is out", memory, config)


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(CALL),
        f"```json\n{json.dumps(CALL, indent=1)}\n```",
        f"<think>Which line?</think>\n{json.dumps(CALL)}",
        json.dumps({"name": "edit_memory", "arguments": CALL}),
        json.dumps({"name": "edit_memory", "parameters": CALL}),
        json.dumps({"name": "edit_memory", "arguments": json.dumps(CALL)}),
        f"<tool_call>\n{json.dumps({'name': 'edit_memory', 'arguments': CALL})}\n</tool_call>",
    ],
    ids=["bare", "fenced", "thought", "arguments", "parameters", "string", "tagged"],
)
def test_a_call_written_down_as_text_is_taken_for_one(text, llama, claude):
    claude.script(prose(text))
    result = merge(llama)
    assert "- Ship the exporter\n" in result["updated_content"]
    assert result["summary"] == "The importer is out."
    assert len(claude.requests) == 1


@pytest.mark.parametrize(
    "text",
    [
        f"Here is the call: {json.dumps(CALL)}",
        json.dumps({"name": "delete_memory", "arguments": CALL}),
        json.dumps({"summary": "x"}),
        json.dumps({"edits": "all"}),
        json.dumps([CALL]),
        json.dumps(CALL)[:-1],
        "",
        "{" * 5000,
    ],
    ids=["more", "other", "none", "words", "list", "torn", "empty", "deep"],
)
def test_what_is_not_wholly_a_call_is_none(text):
    assert call_in(text, "edit_memory") is None


@given(st.text())
def test_any_text_can_be_looked_at(text):
    call_in(text, "edit_memory")


def test_a_spoken_call_is_guarded_as_a_real_one(llama, claude):
    claude.script(prose(json.dumps({"summary": "x", "edits": [FORBIDDEN]})))
    result = merge(llama)
    assert result["refused"].startswith("a line under constraints")
    assert result["updated_content"] == SAMPLE
    assert len(claude.requests) == 2  # told why, and asked once more


def test_a_model_that_answers_in_words_twice_is_told_as_one_that_cannot_call_tools(llama, claude):
    claude.script(prose("Sure, I have noted that."))
    result = merge(llama)
    assert result["malformed"]
    assert result["problem"].startswith("llama3.3 cannot call tools")
    assert "choose a model that can, such as" in result["hint"]
    assert len(claude.requests) == 2
    assert "Answer by calling the tool edit_memory" in claude.requests[1]["messages"][2]["content"]


def test_a_model_that_answers_nothing_is_reminded_and_told_apart(llama, claude):
    claude.script(prose(""))
    result = merge(llama)
    assert result["problem"].startswith("llama3.3 answered nothing")
    assert "choose a model that can, such as" in result["hint"]
    assert len(claude.requests) == 2
    assert all(message["content"] for message in claude.requests[1]["messages"])


@pytest.mark.parametrize("model", ["qwen3", "qwen3:8b", "ollama/Qwen3-Coder"])
def test_no_model_is_advised_to_be_itself(model, claude):
    claude.script(prose("Sure!"))
    result = merge(Config(api_base_url=claude.url, model=model))
    assert "such as gpt-oss:" in result["hint"]


def test_a_model_that_calls_when_it_is_reminded_is_taken_at_its_word(llama, claude):
    claude.script(prose("Sure!"), edits(IN_STEP))
    result = merge(llama)
    assert result["changed"]
    assert (result["problem"], result["hint"]) == ("", "")


def test_one_that_calls_and_calls_wrongly_misbehaves_and_can_call_tools(llama, claude):
    claude.script(edits({"op": "remove", "find": "- no such line"}))
    result = merge(llama)
    assert "do not stand there" in result["problem"]
    assert "cannot call tools" not in result["problem"]


def test_claude_is_held_to_the_protocol(claude):
    claude.script(prose(json.dumps(CALL)))
    result = merge(Config(api_base_url=claude.url, api_key="sk-test"))
    assert (result["malformed"], result["problem"]) == (True, "the model did not call edit_memory")
    assert len(claude.requests) == 1


def test_a_server_that_cuts_the_request_is_noticed_though_the_answer_looks_well(llama, claude):
    memory = SAMPLE + "".join(f"- Fact number {number} of many\n" for number in range(900))
    claude.script(edits(input_tokens=2048))
    result = merge(llama, memory)
    assert result["truncated"]
    assert "read only 2,048 tokens of at least" in result["problem"]
    assert "OLLAMA_CONTEXT_LENGTH" in result["hint"]
    assert not result["changed"]


@pytest.mark.parametrize("tokens", [0, 5_000, 6_700])
def test_a_server_that_counts_nothing_or_enough_cut_nothing(tokens, llama, claude):
    memory = SAMPLE + "".join(f"- Fact number {number} of many\n" for number in range(900))
    claude.script(edits(input_tokens=tokens))
    assert not merge(llama, memory)["truncated"]


def test_rows_of_one_sign_are_not_counted_as_text(llama, claude):
    memory = SAMPLE + "| " + "-" * 30_000 + " |\n" + " " * 30_000 + "x\n"
    claude.script(edits(input_tokens=1_500))
    assert not merge(llama, memory)["truncated"]
