"""Why a model's server refused a call, and what to do about it.

Text in, text out. Servers of one protocol say the same thing in different words and with different
codes; this module knows those of Anthropic, Ollama and LiteLLM.
"""

from __future__ import annotations

import email.utils
import re
from datetime import datetime
from typing import NamedTuple

LONGEST_PAUSE = 60.0
"""Seconds to wait for a limit to reset; after a longer pause the next refresh asks again."""

TOOL_MODELS = ("qwen3", "gpt-oss")
"""Models that anyone can run and that can call tools."""


class Failure(NamedTuple):
    """Why a call failed, and the cure. `words` is empty if the server's own message is enough."""

    words: str
    hint: str


_QUOTA = re.compile(
    r"credit balance|insufficient[_ ]quota|exceeded your current quota|budget has been exceeded"
    r"|billing[_ ](?:error|hard)|payment required",
    re.IGNORECASE,
)
_NO_TOOLS = re.compile(
    r"does not support (?:tools|function calling|tool use|parameters: \[[^\]]*'tools')"
    r"|tools? (?:use |calling )?(?:is|are) not supported|no endpoints found that support tool"
    r"|requires --enable-auto-tool-choice",
    re.IGNORECASE,
)
_TOO_LONG = re.compile(
    r"context[ _]?(?:length|window|size)|prompt is too long|maximum context|too many tokens"
    r"|exceeds? the available context|input length",
    re.IGNORECASE,
)
_NO_MODEL = re.compile(
    r"model ['\"]?[^'\"]*['\"]? ?(?:was )?not found|try pulling|invalid model name|no such model"
    r"|model(?:_not_found|:| does not exist| is not available)",
    re.IGNORECASE,
)
_NO_API = re.compile(r"(?:^|['\"\s])(?:page )?not found['\"}\s]*$|<html", re.IGNORECASE)
_NO_MEMORY = re.compile(r"more system memory|out of memory|cudamalloc", re.IGNORECASE)
_BEHIND = re.compile(r"APIConnectionError|connection refused|cannot connect", re.IGNORECASE)

_LATER = "memsync refresh later; the notes stay pending"
_CREDIT = "add credit to the account, or memsync config set core.engine offline"
_ADVICE = {
    400: "read the message above; memsync config get core.model shows the model",
    401: "check ANTHROPIC_API_KEY or core.api_key",
    402: _CREDIT,
    403: "the key may not use this model; choose another with memsync config set core.model NAME",
    404: "memsync config set core.model NAME, with a model this server has",
    413: "the request is too large; shorten the memory",
    429: "wait for the limit to reset, then memsync refresh",
    529: "the service is overloaded; memsync refresh later",
}


def explain_refusal(status: int, message: str, model: str, *, own_server: bool) -> Failure:
    """Return what a refusal of the server means.

    Args:
        status: the HTTP status.
        message: the server's message.
        model: the model that was asked for.
        own_server: whether ``core.api_base_url`` names the server.
    """
    if _QUOTA.search(message):
        return Failure("", _CREDIT)
    if _NO_TOOLS.search(message):
        return cannot_call_tools(model)
    if status in {400, 413, 422, 500} and _TOO_LONG.search(message):
        more = " or give the model more room (Ollama: OLLAMA_CONTEXT_LENGTH=32768)"
        return Failure("", f"shorten the memory (memsync edit){more if own_server else ''}")
    if not own_server:
        return Failure("", _ADVICE.get(status, _LATER))
    return _explain_own_server(status, message, model)


def _explain_own_server(status: int, message: str, model: str) -> Failure:
    if status in {400, 404} and _NO_MODEL.search(message):
        hint = (
            f"memsync config set core.model NAME, with a model it has (Ollama: ollama pull {model})"
        )
        return Failure("", hint)
    if status == 405 or (status == 404 and _NO_API.search(message)):
        return Failure(
            "there is no Messages API at this address",
            "core.api_base_url is the part before /v1/messages (Ollama has it from 0.14 on,"
            " at http://HOST:11434)",
        )
    if _NO_MEMORY.search(message):
        smaller = "memsync config set core.model NAME, with a smaller one"
        return Failure("", f"{model} is too large for that machine: {smaller}")
    if status >= 500 and _BEHIND.search(message):
        return Failure("", "start the server behind this proxy, then memsync refresh")
    return Failure("", _ADVICE.get(status, _LATER))


def cannot_call_tools(model: str) -> Failure:
    """Return the failure of a model that answers in words instead of calling a tool."""
    return Failure(
        f"{model} cannot call tools, and memsync needs a tool call to edit the memory",
        _choose_another(model),
    )


def answered_nothing(model: str) -> Failure:
    """Return the failure of a model that answers with neither a call nor words."""
    return Failure(
        f"{model} answered nothing: no words, and no tool call to edit the memory",
        _choose_another(model),
    )


def _choose_another(model: str) -> str:
    names = " or ".join(name for name in TOOL_MODELS if name not in model.lower())
    return (
        f"choose a model that can, such as {names}: memsync config set core.model NAME;"
        " the notes stay pending"
    )


def is_final(status: int, message: str, retry_after: str, now: datetime) -> bool:
    """Is it useless to ask again within a minute: no credit left, or a long pause?"""
    if status != 429 and status < 500:
        return False
    return bool(_QUOTA.search(message) or _NO_MEMORY.search(message)) or (
        _seconds(retry_after, now) > LONGEST_PAUSE
    )


def _seconds(retry_after: str, now: datetime) -> float:
    """Return the seconds a ``retry-after`` header, a number or a date, says to wait; else 0."""
    try:
        return float(retry_after)
    except ValueError:
        pass
    try:
        return (email.utils.parsedate_to_datetime(retry_after) - now).total_seconds()
    except (ValueError, TypeError):
        return 0.0
