"""Whatever the model's server answers, a bad answer changes nothing and says what to do."""

from __future__ import annotations

from typing import Any

import anthropic._base_client
import pytest

from memsync import config as settings
from memsync.config import writer
from memsync.config.workspace import Workspace
from memsync.refresh import pending
from tests.conftest import SAMPLE
from tests.support.messages_server import (
    Message,
    MessagesServer,
    cut_off,
    edits,
    garbage,
    hang_up,
    http_error,
    prose,
    raw,
    refusal,
    thinking_then,
    tool,
)

KEY = "sk-ant-api03-this-key-is-never-shown"
MEMORY = SAMPLE.replace(
    "## Hard", "## Log\n\n- Ship the importer\n\n## Log\n\n- Ship the importer\n\n## Hard"
)
GOOD = {"op": "add", "section": "Identity", "text": "- Speaks Italian"}
PUSH = "- Never push to main without asking"
DELETE = "- Never delete data without a backup"
MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-test",
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": {"input_tokens": 9, "output_tokens": 9},
}
CALL = {
    "type": "tool_use",
    "id": "toolu_1",
    "name": "edit_memory",
    "input": {"summary": "", "edits": [GOOD]},
}


def replace(find: object, text: object, **more: object) -> dict[str, object]:
    return {"op": "replace", "find": find, "text": text, **more}


def remove(find: object) -> dict[str, object]:
    return {"op": "remove", "find": find}


def content(blocks: Any) -> Any:
    return raw({**MESSAGE, "content": blocks})


def status(code: int, kind: str, message: str = "No.") -> Any:
    return http_error(code, kind, message, {"x-should-retry": "false"})


UNUSABLE: dict[str, Any] = {
    # no call to work with
    "words": prose("Done, I have updated the memory."),
    "the call as words": prose('{"summary": "x", "edits": []}'),
    "no content": Message((), "end_turn"),
    "thinking only": thinking_then(Message((), "end_turn")),
    "another tool": tool("write_file", {"summary": "", "edits": [GOOD]}),
    "another case": tool("Edit_Memory", {"summary": "", "edits": [GOOD]}),
    "two tools": content([CALL, {**CALL, "id": "toolu_2", "name": "write_file"}]),
    "refused": refusal(),
    "refused in words": refusal("I cannot do that."),
    "refused behind a call": Message((CALL,), "refusal"),
    "cut off in words": cut_off(text="I will now"),
    "cut off in the call": cut_off({"summary": "", "edits": [GOOD]}),
    "context full": tool("edit_memory", {"edits": [GOOD]}, "model_context_window_exceeded"),
    "stop reason null": raw({**MESSAGE, "content": [CALL], "stop_reason": None}),
    # no message at all
    "content null": content(None),
    "content text": content("text"),
    "content object": content({"type": "text"}),
    "content of texts": content(["text"]),
    "content missing": raw(MESSAGE),
    "block without type": content([{"name": "edit_memory"}]),
    "name null": content([{**CALL, "name": None}]),
    "nothing": garbage(b""),
    "null": garbage(b"null"),
    "list": garbage(b"[]"),
    "text": garbage(b'"edit_memory"'),
    "error with 200": raw({"type": "error", "error": {"type": "api_error", "message": "No."}}),
    "half of JSON": garbage(b'{"id": "msg_1", "content": [{"ty'),
    "deep JSON": garbage(b"[" * 100_000),
    "HTML": garbage(b"<html>Sign in to the hotel's Wi-Fi</html>", "text/html"),
    "HTML called JSON": garbage(b"<html>Sign in</html>"),
    "not UTF-8": garbage(b'{"content": "\xff\xfe"}'),
    "no content status": garbage(b"", status=204),
    "redirect": garbage(b"", status=302),
    "hang up": hang_up(),
    # the service says no
    "400": status(400, "invalid_request_error"),
    "400 no credit": status(400, "invalid_request_error", "Your credit balance is too low"),
    "401": status(401, "authentication_error", f"invalid x-api-key {KEY}"),
    "402": status(402, "billing_error"),
    "403": status(403, "permission_error"),
    "404": status(404, "not_found_error", "model: claude-nonesuch"),
    "413": status(413, "request_too_large"),
    "422": status(422, "invalid_request_error", ""),
    "429": status(429, "rate_limit_error"),
    "500": status(500, "api_error", "a\x1b[2Jb"),
    "500 HTML": garbage(b"<html>" + KEY.encode() + b"</html>", "text/html", 501),
    "529": status(529, "overloaded_error"),
    # a call of the wrong shape, twice
    "input text": content([{**CALL, "input": "edits"}]),
    "input list": content([{**CALL, "input": [GOOD]}]),
    "input null": content([{**CALL, "input": None}]),
    "input missing": content([{k: v for k, v in CALL.items() if k != "input"}]),
    "id missing": content([{"type": "tool_use", "name": "edit_memory", "input": {}}]),
    "edits missing": tool("edit_memory", {"summary": "x"}),
    "edits null": tool("edit_memory", {"edits": None}),
    "edits text": tool("edit_memory", {"edits": "[]"}),
    "edits object": tool("edit_memory", {"edits": GOOD}),
    "edits of texts": tool("edit_memory", {"edits": ["- a line"]}),
    "edits of null": tool("edit_memory", {"edits": [None]}),
    "edits in a list": tool("edit_memory", {"edits": [[GOOD]]}),
    "one of two bad": edits(GOOD, {"op": "delete", "find": PUSH}),
    "op missing": edits({"section": "Identity", "text": "- x"}),
    "op null": edits({**GOOD, "op": None}),
    "op a number": edits({**GOOD, "op": 1}),
    "text a number": edits({**GOOD, "text": 7}),
    "text a list": edits({**GOOD, "text": ["- a", "- b"]}),
    "text null": edits({**GOOD, "text": None}),
    "text blank": edits(replace("- Write the runbook", " \n")),
    "find a list": edits(remove(["- Write the runbook"])),
    "find missing": edits({"op": "replace", "text": "- x"}),
    "find blank": edits(remove("\n")),
    "add nowhere": edits({"op": "add", "text": "- x"}),
    "section of two lines": edits({**GOOD, "section": "Identity\n## Hard constraints"}),
    "section of signs": edits({**GOOD, "section": "##"}),
    # lines that are not there, or more than once
    "unknown line": edits(replace("- Ship the exporter", "- x")),
    "part of a line": edits(replace("Ship the", "Ship a")),
    "another case of a line": edits(remove("- write the runbook")),
    "lines in another order": edits(remove("- Write the runbook\n- Ship the importer")),
    "unknown place": edits({"op": "add", "after": "- nowhere", "text": "- x"}),
    "the line of another section": edits(
        replace("- Write the runbook", "- x", section="Identity")
    ),
    "ambiguous line": edits(remove("- Ship the importer")),
    "ambiguous place": edits({"op": "add", "after": "- Ship the importer", "text": "- x"}),
    "ambiguous section": edits({"op": "add", "section": "Log", "text": "- x"}),
    # text that would swallow its neighbours, or stands in for them
    "fence left open": edits({**GOOD, "text": "```\ncode"}),
    "comment left open": edits(
        {**GOOD, "text": "<!--"}, {"op": "add", "section": "Log 2", "text": "-->"}
    ),
    "constraint in a fence": edits(
        {"op": "add", "after": "## Hard constraints", "text": "```"},
        {"op": "add", "after": PUSH, "text": "```"},
    ),
    "front matter": edits(
        replace("<!-- memsync v1 -->", "---"), {"op": "add", "after": DELETE, "text": "---"}
    ),
    "elision": edits(replace("- Write the runbook", "- [rest of the section unchanged]")),
    "elision in words": edits({**GOOD, "text": "... existing lines remain as is"}),
}  # fmt: skip

DANGEROUS: dict[str, Any] = {
    "constraint removed": edits(remove(PUSH)),
    "constraint reworded": edits(replace(PUSH, "- Avoid pushing to main")),
    "constraint given another bullet": edits(replace(PUSH, PUSH.replace("- ", "* "))),
    "constraint indented": edits(replace(PUSH, f"  {PUSH}")),
    "constraints made one": edits(replace(f"{PUSH}\n{DELETE}", "- Never push or delete")),
    "constraints turned round": edits(replace(f"{PUSH}\n{DELETE}", f"{DELETE}\n{PUSH}")),
    "constraint moved": edits(remove(PUSH), {"op": "add", "section": "Preferences", "text": PUSH}),
    "constraint struck out": edits(replace(PUSH, f"<!-- {PUSH} -->")),
    "constraints renamed": edits(replace("## Hard constraints", "## Old ideas")),
    "constraints without a heading": edits(remove("## Hard constraints")),
    "constraints behind a new heading": edits({"op": "add", "after": PUSH, "text": "## Other"}),
    "constraints behind an underlined heading": edits(
        replace(PUSH, f"{PUSH}\n\nOther\n===")
    ),
    "a third gone": edits(
        *(remove(line) for line in ("- Write the runbook", "- Ada, backend engineer in Turin")),
        *(remove(line) for line in ("## Preferences", "- Short answers, no preamble")),
    ),
    "much made little": edits(
        replace(
            "## Identity\n\n- Ada, backend engineer in Turin\n\n## Current priorities\n\n"
            "- Ship the importer\n- Write the runbook",
            "Ada ships the importer",
        )
    ),
    "all gone": edits(remove(MEMORY.strip("\n"))),
}  # fmt: skip


@pytest.fixture
def asked(
    with_claude: Workspace, claude: MessagesServer, monkeypatch: pytest.MonkeyPatch
) -> Workspace:
    """A machine with a memory, one pending note, and a key that must never be seen."""
    monkeypatch.setattr(anthropic._base_client, "INITIAL_RETRY_DELAY", 0.01)
    writer.change(settings.get_config_path(), {"core.api_key": KEY})
    with_claude.memory.write_bytes(MEMORY.encode())
    return with_claude


def assert_nothing_happened(workspace: Workspace, done: Any) -> None:
    assert workspace.memory.read_bytes() == MEMORY.encode()
    assert list(workspace.backups.iterdir()) == []
    assert [note.text for note in pending.pending_notes(workspace)] == ["I moved to Oslo"]
    assert "Error: " in done.err
    assert "Try: " in done.err
    assert "Traceback" not in done.err
    assert "\x1b" not in done.err
    assert done.out == ""
    assert KEY not in done.err


@pytest.mark.parametrize("answer", UNUSABLE.values(), ids=UNUSABLE)
def test_an_answer_that_cannot_be_used_changes_nothing(answer, asked, claude, call):
    claude.script(answer)
    done = call("refresh", "--notes", "I moved to Oslo")
    assert done.code == 5, done.err
    assert_nothing_happened(asked, done)


@pytest.mark.parametrize("answer", DANGEROUS.values(), ids=DANGEROUS)
def test_an_answer_that_would_harm_the_memory_changes_nothing(answer, asked, claude, call):
    claude.script(answer)
    done = call("refresh", "--notes", "I moved to Oslo")
    assert done.code == 6, done.err
    assert_nothing_happened(asked, done)


def test_the_table_is_wide():
    assert len(UNUSABLE) + len(DANGEROUS) >= 60


def test_a_server_that_is_not_there_changes_nothing(asked, call):
    writer.change(settings.get_config_path(), {"core.api_base_url": "http://127.0.0.1:9"})
    done = call("refresh", "--notes", "I moved to Oslo")
    assert done.code == 5
    assert "cannot be reached" in done.err
    assert_nothing_happened(asked, done)
