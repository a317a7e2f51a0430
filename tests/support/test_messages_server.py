"""The stand-in for the Messages API, asked by the real SDK."""

import json
import threading
import time
from collections.abc import Iterator

import anthropic
import pytest

from .messages_server import (
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
    slow,
    stream_error,
    thinking_then,
    tool,
)

ADD = {"op": "add", "section": "Current priorities", "text": '- Ship "the importer" ö 日本語 🚢'}
REMOVE = {"op": "remove", "find": "- old\n- lines"}
QUESTION = {
    "model": "claude-test",
    "max_tokens": 1024,
    "system": "Keep the memory.",
    "messages": [{"role": "user", "content": "Here are the notes."}],
}

MESSAGES = {
    "edits": edits(ADD, REMOVE),
    "no edits": edits(),
    "edits with counts": edits(ADD, input_tokens=1200, output_tokens=34, cache_read=900),
    "another tool": tool("look_up", {"what": {"deep": [1, 2.5, None, True]}}, "end_turn"),
    "a tool without input": tool("look_up", {}),
    "prose": prose("Nothing to change.\n\nNothing at all: ö 日本語 🚢"),
    "a stop sequence": prose("Enough", "stop_sequence"),
    "empty prose": prose(""),
    "thinking and edits": thinking_then(edits(ADD)),
    "thinking alone": thinking_then(cut_off()),
    "refusal": refusal(),
    "late refusal": refusal("The notes", category="cyber"),
    "cut off before the call": cut_off(text="Let me see"),
    "cut off in the call": cut_off({"summary": "Merged", "edits": [ADD, {"op": "add"}]}),
    "cut off in a list": cut_off({"summary": "Ends in }]", "edits": []}, text="So:"),
    "cut off at once": cut_off({}),
    "raw": raw(
        {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "claude-test",
            "content": [
                {"type": "tool_use", "id": "toolu_1", "name": "edit_memory", "input": {"edits": 7}},
                {"type": "text", "text": "Done"},
            ],
            "stop_reason": "tool_use",
            "usage": {"input_tokens": 1, "output_tokens": 2},
        }
    ),
}


@pytest.fixture
def server() -> Iterator[MessagesServer]:
    with MessagesServer() as running:
        yield running


@pytest.fixture
def client(server: MessagesServer) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(api_key="test", base_url=server.url, max_retries=0) as opened:
        yield opened


def streamed(client: anthropic.Anthropic) -> anthropic.types.Message:
    with client.messages.stream(**QUESTION) as stream:
        return stream.get_final_message()


def content_of(message: anthropic.types.Message) -> list[dict]:
    return [block.model_dump(exclude_none=True) for block in message.content]


@pytest.mark.parametrize("answer", MESSAGES.values(), ids=MESSAGES.keys())
def test_a_streamed_answer_adds_up_to_the_plain_one(server, client, answer):
    server.script(answer)
    plain = client.messages.create(**QUESTION)
    whole = streamed(client)
    assert content_of(whole) == content_of(plain)
    assert whole.stop_reason == plain.stop_reason
    assert whole.stop_details == plain.stop_details
    assert whole.usage == plain.usage
    if isinstance(answer, Message):
        assert plain.stop_reason == answer.stop_reason
        assert len(plain.content) == len(answer.content)


def test_edits_arrive_as_a_call_of_the_edit_memory_tool(server, client):
    server.script(edits(ADD, REMOVE, summary="Two edits"))
    [block] = client.messages.create(**QUESTION).content
    assert (block.type, block.name) == ("tool_use", "edit_memory")
    assert block.input == {"summary": "Two edits", "edits": [ADD, REMOVE]}


def test_a_refusal_names_its_category(server, client):
    server.script(refusal(category="bio"))
    answer = streamed(client)
    assert (answer.stop_reason, answer.content) == ("refusal", [])
    assert answer.stop_details.category == "bio"


def test_given_token_counts_are_reported(server, client):
    server.script(edits(ADD, input_tokens=1200, output_tokens=34, cache_read=900))
    usage = streamed(client).usage
    counts = (usage.input_tokens, usage.output_tokens, usage.cache_read_input_tokens)
    assert counts == (1200, 34, 900)


def test_token_counts_not_given_are_a_quarter_of_the_json(server, client):
    server.script(prose("Nothing to change."))
    usage = client.messages.create(**QUESTION).usage
    asked = len(json.dumps(QUESTION["messages"])) + len(json.dumps(QUESTION["system"]))
    said = len(json.dumps([{"type": "text", "text": "Nothing to change."}]))
    assert (usage.input_tokens, usage.output_tokens) == (asked // 4, said // 4)


def test_a_stream_sends_the_events_in_the_order_of_the_api(server, client):
    server.script(thinking_then(edits(ADD)))
    with client.messages.create(**QUESTION, stream=True) as stream:
        events = list(stream)
    block = ["content_block_start", "content_block_delta", "content_block_stop"]
    kinds = [event.type for event in events]
    collapsed = [
        kind for kind, before in zip(kinds, [None, *kinds], strict=False) if kind != before
    ]
    assert collapsed == ["message_start", *block, *block, "message_delta", "message_stop"]
    deltas = [event.delta.type for event in events if event.type == "content_block_delta"]
    assert deltas.count("thinking_delta") > 1
    assert deltas.count("signature_delta") == 1
    assert deltas.count("input_json_delta") > 2


def test_a_call_cut_off_in_a_stream_is_not_whole_json(server, client):
    server.script(cut_off({"summary": "Merged", "edits": [ADD]}))
    with client.messages.create(**QUESTION, stream=True) as stream:
        deltas = [event.delta for event in stream if event.type == "content_block_delta"]
    text = "".join(delta.partial_json for delta in deltas)
    assert text.startswith('{"summary": "Merged", "edits": [{')
    with pytest.raises(json.JSONDecodeError):
        json.loads(text)


def test_a_tool_call_has_a_new_id_in_each_turn_of_a_conversation(server, client):
    server.script(edits(ADD))
    first = client.messages.create(**QUESTION)
    [block] = first.content
    result = {"type": "tool_result", "tool_use_id": block.id, "is_error": True, "content": "No."}
    turns = [
        *QUESTION["messages"],
        {"role": "assistant", "content": first.content},
        {"role": "user", "content": [result]},
    ]
    second = client.messages.create(**{**QUESTION, "messages": turns})
    assert second.content[0].id != block.id
    assert server.requests[1]["messages"][1]["content"][0]["id"] == block.id


@pytest.mark.parametrize("ask", ["plain", "streamed"])
@pytest.mark.parametrize(
    ("status", "kind", "raised"),
    [
        (400, "invalid_request_error", anthropic.BadRequestError),
        (401, "authentication_error", anthropic.AuthenticationError),
        (403, "permission_error", anthropic.PermissionDeniedError),
        (404, "not_found_error", anthropic.NotFoundError),
        (413, "request_too_large", anthropic.APIStatusError),
        (429, "rate_limit_error", anthropic.RateLimitError),
        (500, "api_error", anthropic.InternalServerError),
        (529, "overloaded_error", anthropic.InternalServerError),
    ],
)
def test_an_http_error_raises_the_exception_of_its_status(
    server, client, ask, status, kind, raised
):
    server.script(http_error(status, kind, "Not now", {"retry-after": "7"}))
    with pytest.raises(raised, match="Not now") as caught:
        streamed(client) if ask == "streamed" else client.messages.create(**QUESTION)
    assert caught.value.status_code == status
    assert caught.value.body["type"] == "error"
    assert caught.value.body["error"] == {"type": kind, "message": "Not now"}
    assert caught.value.body["request_id"] == caught.value.request_id
    assert caught.value.response.headers["retry-after"] == "7"


def test_a_stream_can_break_off_with_an_error(server, client):
    server.script(stream_error("overloaded_error", "Too busy", before=edits(ADD)))
    seen = []
    with (
        pytest.raises(anthropic.APIStatusError, match="Too busy") as caught,
        client.messages.stream(**QUESTION) as stream,
    ):
        seen.extend(event.type for event in stream)
    assert caught.value.type == "overloaded_error"
    assert caught.value.status_code == 200
    assert "content_block_delta" in seen
    assert "content_block_stop" not in seen


def test_a_stream_error_is_an_http_error_to_a_plain_request(server, client):
    server.script(stream_error("overloaded_error", "Too busy"))
    with pytest.raises(anthropic.InternalServerError, match="Too busy") as caught:
        client.messages.create(**QUESTION)
    assert caught.value.status_code == 529


@pytest.mark.parametrize("ask", ["plain", "streamed"])
def test_hanging_up_raises_a_connection_error_and_the_next_request_is_answered(server, client, ask):
    server.script(prose("Before"), hang_up(), prose("After"))
    assert client.messages.create(**QUESTION).content[0].text == "Before"
    with pytest.raises(anthropic.APIConnectionError):
        streamed(client) if ask == "streamed" else client.messages.create(**QUESTION)
    assert client.messages.create(**QUESTION).content[0].text == "After"
    assert len(server.requests) == 3


def test_the_sdk_asks_again_after_a_passing_error_when_it_may_retry(server):
    server.script(
        http_error(529, "overloaded_error", "Busy", {"retry-after-ms": "1"}), prose("Now")
    )
    with anthropic.Anthropic(api_key="test", base_url=server.url, max_retries=1) as client:
        assert client.messages.create(**QUESTION).content[0].text == "Now"
    assert len(server.requests) == 2


def test_garbage_is_sent_as_it_is(server, client):
    server.script(
        garbage(b'{"type": "mess'),
        garbage(b"<html>Log in to the hotel</html>", "text/html"),
        garbage(b"<html>Bad gateway</html>", "text/html", 502),
    )
    with pytest.raises(json.JSONDecodeError):
        client.messages.create(**QUESTION)
    assert client.messages.create(**QUESTION) == "<html>Log in to the hotel</html>"
    with pytest.raises(anthropic.InternalServerError, match="Bad gateway"):
        client.messages.create(**QUESTION)


def test_raw_json_that_is_no_message_is_sent_as_it_is(server, client):
    server.script(raw({"surprise": ["ü"]}), raw([1, 2]))
    assert client.messages.create(**QUESTION).model_dump()["surprise"] == ["ü"]
    assert client.messages.with_raw_response.create(**QUESTION).http_response.json() == [1, 2]


def test_a_slow_answer_comes_no_sooner_than_it_should(server, client):
    server.script(slow(prose("At last"), 0.05))
    asked = time.monotonic()
    assert client.messages.create(**QUESTION).content[0].text == "At last"
    assert time.monotonic() - asked >= 0.05


def test_a_slow_answer_runs_into_the_clients_timeout_and_does_not_hold_up_the_server():
    began = time.monotonic()
    with MessagesServer() as server:
        server.script(slow(prose("Too late"), 600))
        with (
            anthropic.Anthropic(
                api_key="test", base_url=server.url, max_retries=0, timeout=0.05
            ) as client,
            pytest.raises(anthropic.APITimeoutError),
        ):
            client.messages.create(**QUESTION)
    assert time.monotonic() - began < 60


def test_answers_come_in_order_and_the_last_one_repeats(server, client):
    server.script(prose("one"), prose("two"))
    said = [client.messages.create(**QUESTION).content[0].text for _ in range(4)]
    assert said == ["one", "two", "two", "two"]
    server.script(prose("three"))
    said = [client.messages.create(**QUESTION).content[0].text for _ in range(2)]
    assert said == ["three", "three"]


def test_a_callable_sees_the_request_and_chooses_the_answer(server, client):
    server.script(lambda request: prose(f"{request['system']} {request.get('stream', False)}"))
    assert client.messages.create(**QUESTION).content[0].text == "Keep the memory. False"
    assert streamed(client).content[0].text == "Keep the memory. True"


def test_requests_and_headers_are_kept_in_order(server, client):
    server.script(prose("Fine"))
    client.messages.create(**QUESTION)
    streamed(client)
    assert server.requests == [QUESTION, {**QUESTION, "stream": True}]
    for headers in server.headers:  # which of the two depends on the SDK's version
        assert headers.get("authorization") == "Bearer test" or headers["x-api-key"] == "test"
    assert all("anthropic-version" in headers for headers in server.headers)


def test_requests_at_the_same_time_are_all_answered(server, client):
    together = threading.Barrier(4)

    def wait_for_all(request: dict) -> Message:
        together.wait(timeout=30)
        return prose("Together")

    server.script(wait_for_all)
    said: list[str] = []

    def ask() -> None:
        said.append(client.messages.create(**QUESTION).content[0].text)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said == ["Together"] * 4


def test_other_paths_are_not_found(server, client):
    server.script(prose("Fine"))
    with pytest.raises(anthropic.NotFoundError):
        client.messages.count_tokens(model="claude-test", messages=QUESTION["messages"])
    assert server.requests == []


def ask_once(server: MessagesServer, retries: int = 2) -> None:
    with anthropic.Anthropic(api_key="test", base_url=server.url, max_retries=retries) as client:
        client.messages.create(**QUESTION)


def test_a_request_without_a_script_fails_the_test():
    with pytest.raises(anthropic.InternalServerError) as caught, MessagesServer() as server:
        ask_once(server)
    assert any("no answer was scripted" in note for note in caught.value.__notes__)
    assert len(server.requests) == 1


@pytest.mark.parametrize("fail", [lambda _: pytest.fail("Not like this"), lambda _: 1 / 0])
def test_a_callable_that_fails_fails_the_test_even_if_the_client_swallows_it(fail):
    server = MessagesServer()
    server.script(fail)
    with (
        pytest.raises((pytest.fail.Exception, ZeroDivisionError)),
        server,
        pytest.raises(anthropic.InternalServerError, match="In the test's script"),
    ):
        ask_once(server)


def test_what_is_no_answer_fails_the_test():
    server = MessagesServer()
    server.script("nonsense")
    with (
        pytest.raises(TypeError, match="not an answer: 'nonsense'"),
        server,
        pytest.raises(anthropic.APIConnectionError),
    ):
        ask_once(server, retries=0)


def test_the_server_closes_while_a_client_still_holds_its_connection():
    with MessagesServer() as server:
        server.script(prose("Fine"))
        client = anthropic.Anthropic(api_key="test", base_url=server.url, max_retries=0)
        client.messages.create(**QUESTION)
    with client, pytest.raises(anthropic.APIConnectionError):
        client.messages.create(**QUESTION)
