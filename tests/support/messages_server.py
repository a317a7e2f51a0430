"""A scripted stand-in for the Anthropic Messages API, for tests that use the real SDK.

    with MessagesServer() as server:
        server.script(http_error(529, "overloaded_error", "Busy"), edits({"op": "add", ...}))
        client = anthropic.Anthropic(api_key="test", base_url=server.url, max_retries=0)

The server answers POST /v1/messages on 127.0.0.1, as one JSON body or, if the request says
`"stream": true`, as server-sent events. What goes wrong on the server's side (no script, a
callable that raises, a bug in here) is raised again when the `with` block ends.
"""

import contextlib
import hashlib
import itertools
import json
import socket
import socketserver
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

JSON = "application/json"

STATUS_OF = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}


# --- answers -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Message:
    """An assistant message; token counts left at None are reckoned from the texts."""

    content: tuple[dict[str, Any], ...]
    stop_reason: str
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read: int = 0
    cache_write: int = 0
    stop_details: dict[str, Any] | None = None


@dataclass(frozen=True)
class HttpError:
    """An error status with the API's JSON error body, streamed request or not."""

    status: int
    kind: str
    message: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class StreamError:
    """A stream that begins like `before` and breaks off with an `event: error`."""

    kind: str
    message: str
    before: Message


@dataclass(frozen=True)
class Garbage:
    """Any bytes at all."""

    body: bytes
    content_type: str = JSON
    status: int = 200


@dataclass(frozen=True)
class Raw:
    """Any JSON; a message is streamed if the request asks for a stream."""

    payload: Any


@dataclass(frozen=True)
class HangUp:
    """The connection closes and no byte was sent."""


@dataclass(frozen=True)
class Slow:
    """Another answer, later; cut short when the server closes."""

    answer: "Answer"
    seconds: float


Answer = Message | HttpError | StreamError | Garbage | Raw | HangUp | Slow
Scripted = Answer | Callable[[dict[str, Any]], Answer]


def tool(
    name: str,
    input: dict[str, Any],  # noqa: A002
    stop_reason: str = "tool_use",
    *,
    input_tokens: int | None = None,
    output_tokens: int | None = None,
    cache_read: int = 0,
) -> Message:
    """One tool call; its id is made from the request and the call, see `_with_ids`."""
    block = {"type": "tool_use", "name": name, "input": input}
    return Message((block,), stop_reason, input_tokens, output_tokens, cache_read)


def edits(
    *edits: dict[str, Any],
    summary: str = "Merged the notes",
    input_tokens: int | None = None,
    output_tokens: int | None = None,
    cache_read: int = 0,
    cache_write: int = 0,
) -> Message:
    """A call of memsync's own tool, `edit_memory`."""
    called = tool(
        "edit_memory",
        {"summary": summary, "edits": list(edits)},
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        cache_read=cache_read,
    )
    return replace(called, cache_write=cache_write)


def prose(
    text: str,
    stop_reason: str = "end_turn",
    *,
    input_tokens: int | None = None,
    output_tokens: int | None = None,
    cache_read: int = 0,
) -> Message:
    """Words and no tool call."""
    block = {"type": "text", "text": text}
    return Message((block,), stop_reason, input_tokens, output_tokens, cache_read)


def thinking_then(
    answer: Message,
    thinking: str = "Which of these notes are new, and where do they belong?",
    signature: str = "EqQBCgIYAhIkMTIzNDU2Nzg5MGFiY2RlZg==",
) -> Message:
    """The same message with a signed thinking block before it."""
    block = {"type": "thinking", "thinking": thinking, "signature": signature}
    return replace(answer, content=(block, *answer.content))


def refusal(text: str = "", *, category: str | None = None) -> Message:
    """A refusal; with `text`, one that came after the model had begun to speak."""
    details = {"type": "refusal", "category": category, "explanation": None}
    content = ({"type": "text", "text": text},) if text else ()
    return Message(content, "refusal", stop_details=details)


def cut_off(
    partial: dict[str, Any] | None = None,
    *,
    name: str = "edit_memory",
    text: str = "",
    input_tokens: int | None = None,
    output_tokens: int | None = None,
) -> Message:
    """A message that ran into max_tokens.

    Args:
        partial: as much of a tool's input as the model got out, if it came that far. It reads like
            a whole call; streamed, its JSON lacks the closing brackets.
        name: the tool's name.
        text: words before the call.
        input_tokens: tokens read.
        output_tokens: tokens written.
    """
    blocks: list[dict[str, Any]] = []
    if text:
        blocks.append({"type": "text", "text": text})
    if partial is not None:
        blocks.append({"type": "tool_use", "name": name, "input": partial})
    return Message(tuple(blocks), "max_tokens", input_tokens, output_tokens)


def http_error(
    status: int,
    type: str,  # noqa: A002
    message: str,
    headers: Mapping[str, str] | None = None,
) -> HttpError:
    """An API error, such as `http_error(429, "rate_limit_error", "…", {"retry-after": "1"})`."""
    return HttpError(status, type, message, dict(headers or {}))


def ollama_error(status: int, message: str) -> Garbage:
    """An error in the older words of Ollama, whose `error` is a text."""
    return Garbage(json.dumps({"error": message}).encode(), JSON, status)


def litellm_error(status: int, message: str, kind: str = "None") -> Garbage:
    """An error of the LiteLLM proxy, whose codes are texts and whose types are often none."""
    error = {"message": message, "type": kind, "param": "None", "code": str(status)}
    return Garbage(json.dumps({"error": error}).encode(), JSON, status)


def stream_error(type: str, message: str, before: Message | None = None) -> StreamError:  # noqa: A002
    """An error in mid-stream; to a request without a stream, the HTTP error of that type."""
    return StreamError(type, message, before or prose("The notes say that"))


def garbage(body: bytes, content_type: str = JSON, status: int = 200) -> Garbage:
    """These bytes, whatever the request asked for."""
    return Garbage(body, content_type, status)


def raw(payload: Any) -> Raw:
    """This JSON, as it stands."""
    return Raw(payload)


def hang_up() -> HangUp:
    """No answer: the connection closes."""
    return HangUp()


def slow(answer: Answer, seconds: float) -> Slow:
    """The answer, after so many seconds."""
    return Slow(answer, seconds)


# --- wire format ---------------------------------------------------------------------------------


def _dumps(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _with_ids(content: tuple[dict[str, Any], ...], request: dict[str, Any]) -> list[dict[str, Any]]:
    """Give each tool call an id.

    Made from the conversation so far and the call: the same for a plain and a streamed request,
    another one in each later turn, as the API's are.
    """
    blocks = []
    for place, block in enumerate(content):
        if block["type"] == "tool_use" and "id" not in block:
            seed = json.dumps([request.get("messages"), place, block])
            digest = hashlib.sha256(seed.encode()).hexdigest()[:24]
            caller = {"type": "direct"}
            blocks.append({"id": f"toolu_{digest}", "caller": caller, **block})
        else:
            blocks.append(block)
    return blocks


def _message_body(answer: Message, request: dict[str, Any], number: int) -> dict[str, Any]:
    content = _with_ids(answer.content, request)
    read, written = answer.input_tokens, answer.output_tokens
    if read is None:
        parts = (request[key] for key in ("messages", "system") if key in request)
        read = sum(len(_dumps(part)) for part in parts) // 4
    if written is None:
        written = len(_dumps(content)) // 4
    return {
        "id": f"msg_{number:024d}",
        "type": "message",
        "role": "assistant",
        "model": request.get("model", "claude-test"),
        "content": content,
        "stop_reason": answer.stop_reason,
        "stop_sequence": None,
        "stop_details": answer.stop_details,
        "usage": {
            "input_tokens": read,
            "cache_creation_input_tokens": answer.cache_write,
            "cache_read_input_tokens": answer.cache_read,
            "output_tokens": written,
            "service_tier": "standard",
        },
    }


def _error_body(kind: str, message: str, request_id: str) -> dict[str, Any]:
    error = {"type": kind, "message": message}
    return {"type": "error", "error": error, "request_id": request_id}


def _pieces(text: str, count: int = 4) -> list[str]:
    size = max(1, -(-len(text) // count))
    return [text[start : start + size] for start in range(0, len(text), size)]


def _opening_and_deltas(
    block: dict[str, Any], *, whole: bool
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Split a content block into what starts it and what the deltas add."""
    match block:
        case {"type": "text", "text": str(text)}:
            deltas = [{"type": "text_delta", "text": piece} for piece in _pieces(text)]
            return {**block, "text": ""}, deltas
        case {"type": "thinking", "thinking": str(thinking), "signature": str(signature)}:
            deltas = [{"type": "thinking_delta", "thinking": piece} for piece in _pieces(thinking)]
            deltas.append({"type": "signature_delta", "signature": signature})
            return {**block, "thinking": "", "signature": ""}, deltas
        case {"type": "tool_use", "input": dict(given)}:
            text = _dumps(given) if whole else _dumps(given).rstrip("]}")
            pieces = ["", *_pieces(text)]
            deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
            return {**block, "input": {}}, deltas
        case _:
            return block, []


def _events(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the events that add up to this message, in the API's order."""
    usage = message["usage"] if isinstance(message.get("usage"), dict) else {}
    empty = {"content": [], "stop_reason": None, "stop_sequence": None, "stop_details": None}
    begun = {**usage, "output_tokens": 1}
    yield {"type": "message_start", "message": {**message, **empty, "usage": begun}}
    last = len(message["content"]) - 1
    for index, block in enumerate(message["content"]):
        whole = index < last or message.get("stop_reason") != "max_tokens"
        opening, deltas = _opening_and_deltas(block, whole=whole)
        yield {"type": "content_block_start", "index": index, "content_block": opening}
        if index == 0:
            yield {"type": "ping"}
        for delta in deltas:
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    final = {key: message.get(key) for key in ("stop_reason", "stop_sequence", "stop_details")}
    counted = {key: value for key, value in usage.items() if key.endswith("_tokens")}
    yield {"type": "message_delta", "delta": final, "usage": counted}
    yield {"type": "message_stop"}


def _until_error(events: Iterator[dict[str, Any]], error: dict[str, Any]) -> Iterator[dict]:
    """Let the stream run to its first words, then break it."""
    for event in events:
        if event["type"] == "content_block_stop":
            break
        yield event
    yield error


# --- the server ----------------------------------------------------------------------------------


class MessagesServer:
    """A local Messages API that says what the test told it to say."""

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.errors: list[BaseException] = []
        self.closing = threading.Event()
        self._answers: list[Scripted] = []
        self._next = 0
        self._lock = threading.Lock()

    def script(self, *answers: Scripted) -> None:
        """Add answers to the queue; the last one repeats for ever."""
        with self._lock:
            self._answers.extend(answers)

    def answer_always(self, answer: Scripted) -> None:
        """Forget the queue and give this answer from now on."""
        with self._lock:
            self._answers, self._next = [answer], 0

    def take(self, request: dict[str, Any], headers: dict[str, str]) -> Answer:
        """Record a request and choose its answer."""
        with self._lock:
            self.requests.append(request)
            self.headers.append(headers)
            if not self._answers:
                raise LookupError("a request came and no answer was scripted")
            scripted = self._answers[min(self._next, len(self._answers) - 1)]
            self._next = min(self._next + 1, len(self._answers))
        return scripted(request) if callable(scripted) else scripted

    def __enter__(self) -> Self:
        self._http = _Server(self)
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(
            target=self._http.serve_forever, args=(0.01,), name="messages-server", daemon=True
        )
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.closing.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()
        if error is None and self.errors:
            raise self.errors[0]
        for own in self.errors:
            error.add_note(f"and in the messages server: {own!r}")


class _Server(socketserver.ThreadingMixIn, HTTPServer):
    request_queue_size = 64

    def __init__(self, owner: MessagesServer) -> None:
        self.owner = owner
        self.numbers = itertools.count(1)
        self.connections: list[tuple[socket.socket, threading.Thread]] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    def server_bind(self) -> None:
        # HTTPServer's own asks the resolver for a name, which can take seconds
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]

    def process_request(self, request: socket.socket, client_address: Any) -> None:
        thread = threading.Thread(
            target=self.process_request_thread, args=(request, client_address), daemon=True
        )
        self.connections.append((request, thread))
        thread.start()

    def server_close(self) -> None:
        """Close what clients left open, too, and wait for every handler to be gone."""
        super().server_close()
        for connection, thread in self.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            thread.join(timeout=10)

    def handle_error(self, request: Any, client_address: Any) -> None:
        error = sys.exception()
        # a client may leave in the middle of an answer; anything else is a fault
        if isinstance(error, Exception) and not isinstance(error, OSError):
            self.owner.errors.append(error)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, *args: Any) -> None:
        """Keep quiet."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.number = next(self.server.numbers)
        self.request_id = f"req_{self.number:024d}"
        if urlsplit(self.path).path != "/v1/messages":
            self._send_error(404, "not_found_error", f"Not found: {self.path}")
            return
        try:
            request = json.loads(body)
        except ValueError:
            request = None
        if not isinstance(request, dict):
            self._send_error(400, "invalid_request_error", "The body is not a JSON object.")
            return
        try:
            answer = self.server.owner.take(request, self._lower_cased_headers())
        except BaseException as error:  # a failed assertion, or pytest.fail(), in a callable
            self.server.owner.errors.append(error)
            final = {"x-should-retry": "false"}
            self._send_error(500, "api_error", f"In the test's script: {error!r}", final)
            return
        self._give(answer, request)

    def _lower_cased_headers(self) -> dict[str, str]:
        return {name.lower(): value for name, value in self.headers.items()}

    def _give(self, answer: Answer, request: dict[str, Any]) -> None:
        streamed = request.get("stream") is True
        match answer:
            case Slow(later, seconds):
                if self.server.owner.closing.wait(seconds):
                    self.close_connection = True
                else:
                    self._give(later, request)
            case HangUp():
                self.close_connection = True
            case Garbage(body, content_type, status):
                self._send(status, body, content_type)
            case HttpError(status, kind, message, headers):
                self._send_error(status, kind, message, headers)
            case StreamError(kind, message, before) if streamed:
                events = _events(_message_body(before, request, self.number))
                self._stream(_until_error(events, _error_body(kind, message, self.request_id)))
            case StreamError(kind, message):
                self._send_error(STATUS_OF.get(kind, 500), kind, message)
            case Message():
                self._send_json(_message_body(answer, request, self.number), streamed=streamed)
            case Raw(payload):
                self._send_json(payload, streamed=streamed)
            case _:
                raise TypeError(f"not an answer: {answer!r}")

    def _send_json(self, payload: Any, *, streamed: bool) -> None:
        match payload:
            case {"type": "message", "content": list()} if streamed:
                self._stream(_events(payload))
            case _:
                self._send(200, _dumps(payload).encode(), JSON)

    def _send_error(
        self, status: int, kind: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        body = _dumps(_error_body(kind, message, self.request_id)).encode()
        self._send(status, body, JSON, headers)

    def _send(
        self,
        status: int,
        body: bytes,
        content_type: str,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.send_response(status)
        self.send_header("content-type", content_type)
        self.send_header("content-length", str(len(body)))
        self.send_header("request-id", self.request_id)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, events: Iterator[dict[str, Any]]) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream; charset=utf-8")
        self.send_header("cache-control", "no-cache")
        self.send_header("transfer-encoding", "chunked")
        self.send_header("request-id", self.request_id)
        self.end_headers()
        for event in events:
            self._send_chunk(f"event: {event['type']}\ndata: {_dumps(event)}\n\n".encode())
        self._send_chunk(b"")

    def _send_chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
