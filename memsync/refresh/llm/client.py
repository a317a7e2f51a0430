"""Talking to the Claude API, or to any server that speaks its Messages protocol.

Only this module imports ``anthropic``, and it does so late: loading the SDK costs most of a second
and 54 MB, so it is loaded when a call is made. Every failure becomes an `ApiError` that says what
to do about it. Answers come back as plain dictionaries, because a server may answer anything.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from memsync import clock
from memsync.config import Config
from memsync.config.credentials import api_key
from memsync.errors import ApiError
from memsync.refresh.llm import failures
from memsync.refresh.llm.prices import Tokens, most_tokens_of
from memsync.text.redaction import redact

MAX_TOKENS = 16_000
"""The longest answer; newer models count their thinking as part of it."""

OVERHEAD_TOKENS = 1_000
"""More than a service adds to a request with tools, or memsync to an answer that it sends back."""

TIMEOUT_SECONDS = 300.0
OWN_SERVER_SECONDS = 900.0
"""On a small machine at home, a model reads a long memory for minutes before it answers."""

CONNECT_SECONDS = 10.0


@dataclass(frozen=True)
class Reply:
    """One answer: its content blocks as in the protocol, why it ended, and what it used."""

    content: list[dict[str, Any]]
    stop_reason: str
    tokens: Tokens

    @property
    def text(self) -> str:
        """All text blocks of the answer, joined."""
        return "".join(str(b.get("text", "")) for b in self.content if b.get("type") == "text")

    @property
    def tool_uses(self) -> list[dict[str, Any]]:
        """The calls of tools in the answer."""
        return [block for block in self.content if block.get("type") == "tool_use"]


def most_tokens_of_call(
    system: str,
    messages: Sequence[Mapping[str, Any]],
    tools: Sequence[Mapping[str, Any]] = (),
    tries: int = 1,
) -> Tokens:
    """Return the most tokens that a conversation of `tries` rounds can use.

    Each round after the first also reads the answers before it.
    """
    sent = json.dumps([system, list(messages), list(tools)], ensure_ascii=False)
    asked = most_tokens_of(sent) + OVERHEAD_TOKENS
    answers = sum(round_ * (MAX_TOKENS + OVERHEAD_TOKENS) for round_ in range(tries))
    return Tokens(tries * asked + answers, tries * MAX_TOKENS)


def ask(
    config: Config,
    system: str,
    messages: Sequence[Mapping[str, Any]],
    tools: Sequence[Mapping[str, Any]] = (),
) -> Reply:
    """Send one request and return the answer.

    With tools the answer is fetched as a whole. Text is streamed, so that a slow server does not
    run into the timeout half-way.

    Raises:
        ApiError: there is no key, no connection, an error of the service, or no real answer.
    """
    # Late on purpose: see the docstring of this module.
    import anthropic  # noqa: PLC0415

    key = _key(config)
    request = {
        "model": config.model,
        "max_tokens": MAX_TOKENS,
        "system": system,
        "messages": list(messages),
    }
    try:
        with anthropic.Anthropic(
            api_key=key,
            base_url=config.api_base_url or None,
            timeout=anthropic.Timeout(_seconds(config), connect=CONNECT_SECONDS),
            http_client=anthropic.DefaultHttpxClient(
                event_hooks={"response": [_stop_vain_retries]}
            ),
        ) as client:
            return _reply(_send(client.messages, request, tools))
    except anthropic.APIError as error:
        raise _explain(error, config) from error
    except Exception as error:  # the SDK trusts its server: an odd answer may raise anything
        raise ApiError(
            f"the answer of the model's server is not a message ({type(error).__name__})",
            hint="check core.api_base_url and core.model; the notes stay pending",
        ) from error


def _send(
    api: Any,  # noqa: ANN401 - the SDK's types do not allow a request of plain dictionaries
    request: dict[str, Any],
    tools: Sequence[Mapping[str, Any]],
) -> object:
    if tools:
        # `auto`, because models that always think do not accept a forced tool.
        choice = {"type": "auto", "disable_parallel_tool_use": True}
        return api.create(**request, tools=list(tools), tool_choice=choice)
    with api.stream(**request) as stream:
        return stream.get_final_message()


def _key(config: Config) -> str:
    key = api_key(config)
    if not (key.isascii() and key.isprintable()):
        raise ApiError(
            "the Anthropic API key has characters that no key can have",
            hint="set ANTHROPIC_API_KEY or core.api_key again",
        )
    if key:
        return key
    if config.api_base_url:
        return "none"  # local servers need no key, but the SDK insists on one
    raise ApiError(
        "no Anthropic API key was found",
        hint="set ANTHROPIC_API_KEY, or memsync config set core.engine offline",
    )


def _reply(answer: Any) -> Reply:  # noqa: ANN401 - anything the SDK returns
    if isinstance(answer, str):
        raise TypeError("text instead of a message")
    raw = answer.to_dict(warnings=False)  # oddities are judged here, not printed
    content, usage = raw.get("content"), raw.get("usage")
    if not isinstance(content, list) or not all(isinstance(block, dict) for block in content):
        raise ValueError("no content")
    if not raw.get("stop_reason"):
        raise ValueError("no end")
    counts = usage if isinstance(usage, dict) else {}
    return Reply(
        content,
        str(raw["stop_reason"]),
        Tokens(
            _count(counts, "input_tokens"),
            _count(counts, "output_tokens"),
            # memsync asks for no cache, but a proxy in between may
            _count(counts, "cache_read_input_tokens"),
            _count(counts, "cache_creation_input_tokens"),
        ),
    )


def _count(usage: Mapping[str, Any], name: str) -> int:
    value = usage.get(name)
    return value if isinstance(value, int) and value > 0 else 0


def _explain(error: Any, config: Config) -> ApiError:  # noqa: ANN401 - a type of the late import
    status = getattr(error, "status_code", None)
    where = redact(config.api_base_url) or "the Claude API"
    message = _message(error, api_key(config))
    if status == 200:
        return ApiError(f"the answer of {where} broke off: {message}", hint="memsync refresh later")
    if status is None:
        return _explain_no_answer(error, config, where, message)
    found = failures.explain_refusal(
        status, message, config.model, own_server=bool(config.api_base_url)
    )
    words = f"{found.words} ({message})" if found.words else message
    return ApiError(f"{where} refused ({status}): {words}", hint=found.hint)


def _explain_no_answer(
    error: Any,  # noqa: ANN401
    config: Config,
    where: str,
    message: str,
) -> ApiError:
    if "timed out" in message.casefold() and "Connect" not in type(error.__cause__).__name__:
        slow = "the model is too slow: choose a smaller one with memsync config set core.model NAME"
        return ApiError(
            f"{where} did not answer within {_seconds(config) / 60:.0f} minutes",
            hint=f"{slow if config.api_base_url else 'memsync refresh later'};"
            " the notes stay pending",
        )
    look = "the network"
    if config.api_base_url:
        look = "core.api_base_url, and that the server is running (Ollama: ollama serve)"
    return ApiError(
        f"{where} cannot be reached: {message}",
        hint=f"check {look}, then memsync refresh; the notes stay pending",
    )


def _seconds(config: Config) -> float:
    return OWN_SERVER_SECONDS if config.api_base_url else TIMEOUT_SECONDS


def _stop_vain_retries(response: Any) -> None:  # noqa: ANN401 - a response of the SDK's client
    """Tell the SDK, by a header that it obeys, not to ask again if that would be useless."""
    if response.status_code >= 400:
        response.read()
        wait = response.headers.get("retry-after", "")
        if failures.is_final(response.status_code, response.text, wait, clock.now()):
            response.headers["x-should-retry"] = "false"


def _message(error: Any, key: str) -> str:  # noqa: ANN401
    """Return the server's message in one line, without the key, which some servers repeat."""
    body = getattr(error, "body", None)
    inner = body.get("error") if isinstance(body, dict) else None
    text = inner.get("message") if isinstance(inner, dict) else inner
    line = next(iter(str(text or error.message).splitlines()), "")
    return redact(line.replace(key, "…") if key else line)[:300]
