"""The door for programs: a mapping with the keys they know, and nothing written."""

from __future__ import annotations

import pytest

from memsync.config import Config
from memsync.errors import ApiError
from memsync.refresh.llm.prices import Tokens
from memsync.sync import RefreshResult, refresh_memory_content
from tests.conftest import SAMPLE
from tests.support.messages_server import MessagesServer, cut_off, edits, http_error, prose

OUT_OF_STEP = {"op": "replace", "find": "- Ship the exporter", "text": "- Ship it"}
IN_STEP = {"op": "replace", "find": "- Ship the importer", "text": "- Ship the exporter"}
FORBIDDEN = {"op": "remove", "find": "- Never push to main without asking"}
FLAGS = ("changed", "truncated", "malformed", "refused")


@pytest.fixture
def asking(claude: MessagesServer) -> Config:
    return Config(api_base_url=claude.url, api_key="sk-test", model="claude-of-the-test")


def test_a_text_is_one_note_and_the_mapping_has_every_key(asking, claude):
    claude.script(edits(IN_STEP, summary="It is out.", input_tokens=90, output_tokens=40))
    result = refresh_memory_content("The importer is out", SAMPLE, asking)
    assert set(result) == RefreshResult.__required_keys__
    assert [name for name in FLAGS if result[name]] == ["changed"]
    assert result["updated_content"] == SAMPLE.replace("Ship the importer", "Ship the exporter")
    assert result["calls"] == (Tokens(90, 40),)
    assert (result["input_tokens"], result["output_tokens"]) == (90, 40)
    assert (result["summary"], result["model"]) == ("It is out.", "claude-of-the-test")
    assert (result["problem"], result["hint"]) == ("", "")
    assert (len(result["edits"]), result["waiting"]) == (1, ())


@pytest.mark.parametrize(
    ("answers", "flag"),
    [
        ([edits(OUT_OF_STEP)], "malformed"),
        ([edits(FORBIDDEN)], "refused"),
        ([cut_off(text="I")], "truncated"),
        ([prose("Done.")], "malformed"),
        ([edits(OUT_OF_STEP), http_error(400, "invalid_request_error", "No")], "malformed"),
    ],
    ids=str,
)
def test_an_answer_that_may_not_be_written_has_one_flag_and_a_reason(answers, flag, asking, claude):
    claude.script(*answers)
    result = refresh_memory_content("The importer is out", SAMPLE, asking)
    assert [name for name in FLAGS if result[name]] == [flag]
    assert result["refused"] or result["problem"]
    assert result["updated_content"] == SAMPLE
    assert result["calls"]


def test_a_blank_text_is_no_note(asking, claude):
    assert not refresh_memory_content("  \n", SAMPLE, asking)["changed"]
    assert claude.requests == []


def test_a_service_that_cannot_be_asked_raises(asking, claude):
    claude.script(http_error(400, "invalid_request_error", "No"))
    with pytest.raises(ApiError, match="No"):
        refresh_memory_content("The importer is out", SAMPLE, asking)
