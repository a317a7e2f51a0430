"""Talking to the Claude API, or to any server that speaks its Messages protocol.

The only importer of ``anthropic``, and a late one: the SDK costs most of a second and 54 MB, so
it is loaded when a call is made, not before. Every failure becomes an `ApiError` that says what
to do about it; answers come back as plain dictionaries, because a server may answer anything.
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
"""Ceiling of one answer; newer models count their thinking into it."""

OVERHEAD_TOKENS = 1_000
"""More than what a service adds to a request that has tools, or we to an answer sent back."""

TIMEOUT_SECONDS = 300.0
OWN_SERVER_SECONDS = 900.0
"""A model on a small machine of one's own reads a long memory for minutes before it answers."""

CONNECT_SECONDS = 10.0


@dataclass(frozen=True)
class Reply:
    """One answer: its content blocks as the protocol has them, why it ended, what it used."""

    content: list[dict[str, Any]]
    stop_reason: str
    tokens: Tokens

    @property
    def text(self) -> str:
        """All prose of the answer."""
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
    """Return the most tokens that asking this can use, in `tries` rounds of one conversation.

    Each round but the first reads the answers before it as well.
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

    With tools the answer is fetched whole; prose is streamed, so that a slow server does not run
    into a time-out half-way.

    Raises:
        ApiError: no key, no connection, an error of the service, or an answer that is none.
    """
    # Late on purpose: see the module's first lines.
    import anthropic  # noqa: PLC0415

    key = _key(config)
    request: dict[str, Any] = {
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
                event_hooks={"response": [_say_what_is_final]}
            ),
        ) as client:
            api: Any = client.messages  # its overloads know no request made of plain dictionaries
            if tools:
                # `auto`, because models that always think accept no forced tool.
                choice = {"type": "auto", "disable_parallel_tool_use": True}
                answer = api.create(**request, tools=list(tools), tool_choice=choice)
            else:
                with api.stream(**request) as stream:
                    answer = stream.get_final_message()
            return _reply(answer)
    except anthropic.APIError as error:
        raise _explain(error, config) from error
    except Exception as error:  # the SDK trusts its server; an odd answer surfaces as anything
        raise ApiError(
            f"the model's server answered something that is no message ({type(error).__name__})",
            hint="check core.api_base_url and core.model; the notes stay pending",
        ) from error


def _key(config: Config) -> str:
    key = api_key(config)
    if not (key.isascii() and key.isprintable()):
        raise ApiError(
            "the Anthropic API key holds characters that no key has",
            hint="set ANTHROPIC_API_KEY or core.api_key again",
        )
    if key:
        return key
    if config.api_base_url:
        return "none"  # local servers ask for none, the SDK insists on one
    raise ApiError(
        "no Anthropic API key was found",
        hint="set ANTHROPIC_API_KEY, or memsync config set core.engine offline",
    )


def _reply(answer: Any) -> Reply:  # noqa: ANN401 - whatever the server made the SDK return
    if isinstance(answer, str):
        raise TypeError("text instead of a message")
    raw = answer.to_dict(warnings=False)  # what is odd in it is judged here, not printed
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
            # memsync asks for no cache, a proxy in between may
            _count(counts, "cache_read_input_tokens"),
            _count(counts, "cache_creation_input_tokens"),
        ),
    )


def _count(usage: Mapping[str, Any], name: str) -> int:
    value = usage.get(name)
    return value if isinstance(value, int) and value > 0 else 0


def _explain(error: Any, config: Config) -> ApiError:  # noqa: ANN401 - late import, late type
    status = getattr(error, "status_code", None)
    where = redact(config.api_base_url) or "the Claude API"
    message = _message(error, api_key(config))
    if status == 200:
        return ApiError(f"the answer of {where} broke off: {message}", hint="memsync refresh later")
    if status is None:
        return _not_reached(error, config, where, message)
    found = failures.explain_refusal(
        status, message, config.model, own_server=bool(config.api_base_url)
    )
    words = f"{found.words} ({message})" if found.words else message
    return ApiError(f"{where} refused ({status}): {words}", hint=found.hint)


def _not_reached(
    error: Any,  # noqa: ANN401
    config: Config,
    where: str,
    message: str,
) -> ApiError:
    if "timed out" in message.casefold() and "Connect" not in type(error.__cause__).__name__:
        slow = (
            "the model is slow there: choose a smaller one with memsync config set core.model NAME"
        )
        return ApiError(
            f"{where} did not answer within {_seconds(config) / 60:.0f} minutes",
            hint=f"{slow if config.api_base_url else 'memsync refresh later'};"
            " the notes stay pending",
        )
    look = "the network"
    if config.api_base_url:
        look = "core.api_base_url and whether that server is running (Ollama: ollama serve)"
    return ApiError(
        f"{where} cannot be reached: {message}",
        hint=f"check {look}, then memsync refresh; the notes stay pending",
    )


def _seconds(config: Config) -> float:
    return OWN_SERVER_SECONDS if config.api_base_url else TIMEOUT_SECONDS


def _say_what_is_final(response: Any) -> None:  # noqa: ANN401 - the SDK's own client's
    """Tell the SDK not to ask again if that is in vain; it obeys this header of the answer."""
    if response.status_code >= 400:
        response.read()
        wait = response.headers.get("retry-after", "")
        if failures.is_final(response.status_code, response.text, wait, clock.now()):
            response.headers["x-should-retry"] = "false"


def _message(error: Any, key: str) -> str:  # noqa: ANN401
    """Return what the server said in one line, without the key, which some servers repeat."""
    body = getattr(error, "body", None)
    inner = body.get("error") if isinstance(body, dict) else None
    text = inner.get("message") if isinstance(inner, dict) else inner
    line = next(iter(str(text or error.message).splitlines()), "")
    return redact(line.replace(key, "…") if key else line)[:300]
