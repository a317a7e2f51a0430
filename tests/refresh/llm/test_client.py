"""The Claude API through the real SDK: what is sent, what comes back, what every failure says."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import anthropic._base_client
import pytest

from memsync.config import Config
from memsync.errors import ApiError
from memsync.refresh.llm import client
from memsync.refresh.llm.prices import Tokens
from tests.support.messages_server import (
    MessagesServer,
    edits,
    http_error,
    prose,
    raw,
    slow,
    stream_error,
    thinking_then,
)

QUESTION = [{"role": "user", "content": "What is new?"}]
TOOLS = [{"name": "edit_memory", "input_schema": {"type": "object"}}]
KEY = "sk-ant-api03-only-in-the-header"
MESSAGE_START = (
    b'event: message_start\ndata: {"type":"message_start","message":{"id":"m","type":"message",'
    b'"role":"assistant","content":[],"model":"m","stop_reason":null,"stop_sequence":null,'
    b'"usage":{"input_tokens":1,"output_tokens":1}}}\n\n'
)


@pytest.fixture(autouse=True)
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(anthropic._base_client, "INITIAL_RETRY_DELAY", 0.01)


@pytest.fixture
def asking(claude: MessagesServer) -> Config:
    return Config(api_base_url=claude.url, api_key=KEY, model="claude-of-the-test")


def ask(config: Config, tools=TOOLS):
    return client.ask(config, "Keep the memory.", QUESTION, tools)


def key_in(headers: dict[str, str]) -> str:
    """Return the key, which versions of the SDK put into different headers."""
    return headers.get("x-api-key") or headers["authorization"].removeprefix("Bearer ")


@pytest.fixture
def speaking() -> Iterator[Callable[[bytes], str]]:
    """Start servers that answer one request with these bytes and hang up; gives their URL."""
    sockets = []

    def speak(answer: bytes) -> str:
        listening = socket.create_server(("127.0.0.1", 0))
        sockets.append(listening)

        def serve() -> None:
            try:
                while True:
                    connection, _ = listening.accept()
                    with connection:
                        connection.recv(65536)
                        connection.sendall(answer)
            except OSError:
                return

        threading.Thread(target=serve, daemon=True).start()
        return f"http://127.0.0.1:{listening.getsockname()[1]}"

    yield speak
    for each in sockets:
        each.close()


def test_the_request_names_the_model_of_the_config_and_carries_the_key_in_its_header(
    asking, claude
):
    claude.script(edits())
    ask(asking)
    (request,), (headers,) = claude.requests, claude.headers
    assert key_in(headers) == KEY
    assert request["model"] == "claude-of-the-test"
    assert request["system"] == "Keep the memory."
    assert request["messages"] == QUESTION
    assert request["tools"] == TOOLS
    assert request["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}
    assert request["max_tokens"] == client.MAX_TOKENS
    assert "stream" not in request
    assert "cache_control" not in json.dumps(request)
    assert KEY not in json.dumps(request)


def test_prose_is_streamed_and_comes_back_whole(asking, claude):
    claude.script(thinking_then(prose("A quiet week: näher an Oslo. 🚢")))
    reply = ask(asking, tools=())
    assert claude.requests[0]["stream"] is True
    assert "tools" not in claude.requests[0]
    assert reply.text == "A quiet week: näher an Oslo. 🚢"
    assert reply.tool_uses == []
    assert reply.stop_reason == "end_turn"


def test_the_key_of_the_environment_comes_before_that_of_the_config(asking, claude, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", " sk-of-the-environment\n")
    claude.script(edits())
    ask(asking)
    assert key_in(claude.headers[0]) == "sk-of-the-environment"


def test_a_server_of_ones_own_needs_no_key(asking, claude):
    claude.script(edits())
    assert ask(replace(asking, api_key="")).tool_uses[0]["name"] == "edit_memory"


def test_without_a_key_nothing_is_asked_and_the_error_names_the_variable():
    with pytest.raises(ApiError, match="no Anthropic API key") as error:
        ask(Config(engine="claude"))
    assert "ANTHROPIC_API_KEY" in error.value.hint
    assert error.value.exit_code == 5


@pytest.mark.parametrize("key", ["ключ", "sk-with\na-line", "sk-\x00"])
def test_a_key_that_no_header_can_carry_is_told_as_such(asking, key):
    with pytest.raises(ApiError, match="characters that no key can have") as error:
        ask(replace(asking, api_key=key))
    assert key not in f"{error.value.message}{error.value.hint}"


def test_tokens_are_counted_with_those_written_to_and_read_from_a_cache(asking, claude):
    claude.script(edits(input_tokens=120, output_tokens=30, cache_read=900, cache_write=60))
    assert ask(asking).tokens == Tokens(120, 30, 900, 60)


@pytest.mark.parametrize(
    "usage",
    [None, [], {}, {"input_tokens": "many", "output_tokens": None}, {"input_tokens": -5}],
    ids=str,
)
def test_a_server_that_counts_nothing_costs_nothing(usage, asking, claude):
    block = {"type": "text", "text": "Hello."}
    claude.script(
        raw({"type": "message", "content": [block], "stop_reason": "end_turn", "usage": usage})
    )
    reply = ask(asking)
    assert reply.text == "Hello."
    assert reply.tokens == Tokens(0, 0, 0, 0)


@pytest.mark.parametrize(
    ("status", "kind", "message", "advice"),
    [
        (400, "invalid_request_error", "Your credit balance is too low", "add credit"),
        (400, "invalid_request_error", "max_tokens: too large", "core.model"),
        (401, "authentication_error", "invalid x-api-key", "ANTHROPIC_API_KEY"),
        (403, "permission_error", "not for you", "core.model"),
        (404, "not_found_error", "model: claude-nonesuch", "core.model"),
        (413, "request_too_large", "too large", "shorten the memory"),
        (429, "rate_limit_error", "slow down", "wait for the limit"),
        (500, "api_error", "internal", "the notes stay pending"),
        (529, "overloaded_error", "overloaded", "memsync refresh later"),
    ],
)
def test_each_refusal_of_the_service_says_what_it_said_and_what_to_do(
    status, kind, message, advice, asking, claude
):
    claude.script(http_error(status, kind, message, {"x-should-retry": "false"}))
    with pytest.raises(ApiError) as error:
        ask(asking)
    assert error.value.message == f"{asking.api_base_url} refused ({status}): {message}"
    assert advice in error.value.hint


def test_a_busy_service_is_asked_again_before_giving_up(asking, claude):
    claude.script(http_error(529, "overloaded_error", "Busy", {"retry-after-ms": "5"}), edits())
    assert ask(asking).tool_uses
    assert len(claude.requests) == 2


def test_a_server_that_repeats_the_key_does_not_make_us_repeat_it(asking, claude):
    said = f"bad key {KEY} or sk-ant-api03-some-other-key-of-yours"
    claude.script(http_error(401, "authentication_error", said))
    with pytest.raises(ApiError) as error:
        ask(asking)
    assert "refused (401): bad key … or [redacted: Anthropic key]" in error.value.message


def test_the_password_in_a_base_url_is_not_repeated(asking):
    with pytest.raises(ApiError) as error:
        ask(replace(asking, api_base_url="http://ada:s3cret-pass@127.0.0.1:9"))
    assert "s3cret-pass" not in error.value.message
    assert "core.api_base_url" in error.value.hint


@pytest.mark.parametrize("url", ["not a url", "http://[::bad", "ftp://example.org", "http://"])
def test_a_base_url_that_is_none_is_an_error_with_a_hint(url, asking):
    with pytest.raises(ApiError) as error:
        ask(replace(asking, api_base_url=url))
    assert "core.api_base_url" in error.value.hint


def test_a_stream_that_ends_in_an_error_is_no_answer(asking, claude):
    claude.script(stream_error("overloaded_error", "Overloaded"))
    with pytest.raises(ApiError, match="broke off: Overloaded"):
        ask(asking, tools=())


@pytest.mark.parametrize(
    "answer",
    [
        b"transfer-encoding: chunked\r\n\r\n%x\r\n%s\r\n" % (len(MESSAGE_START), MESSAGE_START),
        b"content-length: 9999\r\n\r\n" + MESSAGE_START,
        b"connection: close\r\n\r\n" + MESSAGE_START,
        b"connection: close\r\n\r\nevent: message_start\ndata: {nope\n\n",
        b"content-length: 0\r\n\r\n",
    ],
    ids=["chunks missing", "bytes missing", "events missing", "no JSON", "empty"],
)
def test_a_stream_that_breaks_off_is_no_answer(answer, asking, speaking):
    url = speaking(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n" + answer)
    with pytest.raises(ApiError) as error:
        ask(replace(asking, api_base_url=url), tools=())
    assert error.value.hint


@pytest.mark.parametrize("tools", [(), TOOLS], ids=["streamed", "whole"])
@pytest.mark.parametrize(
    "answer",
    [
        b"no HTTP at all\r\n\r\n",
        b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{"id',
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 5\r\n\r\nabcde",
        b"",
    ],
    ids=["no HTTP", "half a body", "bad gzip", "nothing"],
)
def test_bytes_that_are_no_answer_are_an_error_of_the_service(answer, tools, asking, speaking):
    with pytest.raises(ApiError) as error:
        ask(replace(asking, api_base_url=speaking(answer)), tools)
    assert error.value.hint


@pytest.mark.parametrize(
    ("status", "kind", "headers", "requests"),
    [
        (429, "rate_limit_error", {"retry-after": "0.02"}, 3),
        (429, "rate_limit_error", {}, 3),
        (529, "overloaded_error", {"retry-after-ms": "5"}, 3),
        (503, "api_error", {}, 3),
        (500, "api_error", {}, 3),
        (429, "rate_limit_error", {"retry-after": "3600"}, 1),
        (529, "overloaded_error", {"retry-after": "Fri, 31 Dec 2199 23:59:59 GMT"}, 1),
        (400, "invalid_request_error", {}, 1),
        (401, "authentication_error", {}, 1),
        (402, "billing_error", {}, 1),
        (403, "permission_error", {}, 1),
        (404, "not_found_error", {}, 1),
    ],
)
@pytest.mark.parametrize("tools", [(), TOOLS], ids=["streamed", "whole"])
def test_what_may_pass_is_asked_again_and_what_will_not_is_asked_once(
    status, kind, headers, requests, tools, asking, claude
):
    claude.script(http_error(status, kind, "No", headers))
    with pytest.raises(ApiError, match=rf"refused \({status}\): No"):
        ask(asking, tools)
    assert len(claude.requests) == requests


@pytest.mark.parametrize(
    "said",
    [
        "You exceeded your current quota, please check your plan (insufficient_quota)",
        "Your credit balance is too low to access the API",
        "Budget has been exceeded! Current cost: 1.2, Max budget: 1.0",
    ],
)
def test_a_used_up_quota_is_not_asked_again_whatever_its_code(said, asking, claude):
    claude.script(http_error(429, "rate_limit_error", said))
    with pytest.raises(ApiError) as error:
        ask(asking)
    assert len(claude.requests) == 1
    assert "add credit" in error.value.hint


def test_a_server_that_takes_too_long_is_told_as_slow(asking, claude, monkeypatch):
    monkeypatch.setattr(client, "OWN_SERVER_SECONDS", 0.05)
    claude.script(slow(edits(), 5))
    with pytest.raises(ApiError, match="did not answer within") as error:
        ask(asking)
    assert "a smaller one" in error.value.hint


def test_a_server_that_is_not_running_is_told_as_that(asking):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    with pytest.raises(ApiError, match="cannot be reached") as error:
        ask(replace(asking, api_base_url=f"http://127.0.0.1:{port}"))
    assert "that the server is running (Ollama: ollama serve)" in error.value.hint
