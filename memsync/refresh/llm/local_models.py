"""Models other than Claude, behind one's own server: what they do differently, and what it means.

Small models write a call as text, answer in words because they cannot call tools, or did not see
the whole request because their server cut it. Claude has to follow the protocol.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from memsync.config import Config
from memsync.refresh.llm import failures
from memsync.refresh.llm.client import Reply
from memsync.refresh.llm.failures import Failure

MAX_CHARACTERS_PER_TOKEN = 6
"""No long text has more; English has four to five."""

CALL_ID = "toolu_spoken"

_THOUGHT = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)
_FENCE = re.compile(r"\A```(?:json)?\s*\n(.*)\n```\Z", re.DOTALL)
_TAGS = re.compile(r"\A<(tool_call|function_call)>\s*(.*?)\s*</\1>\Z", re.DOTALL)


def is_foreign(config: Config) -> bool:
    """Is the model another one than Claude?"""
    return bool(config.api_base_url) and "claude" not in config.model.lower()


def with_call_from_text(reply: Reply, config: Config, tool: str) -> Reply:
    """Return the answer with a real call if a model other than Claude wrote the call as text."""
    if reply.tool_uses or reply.stop_reason == "max_tokens" or not is_foreign(config):
        return reply
    given = call_in(reply.text, tool)
    if given is None:
        return reply
    block = {"type": "tool_use", "id": CALL_ID, "name": tool, "input": given}
    return replace(reply, content=[block], stop_reason="tool_use")


def may_lack_tools(reply: Reply, config: Config) -> bool:
    """Is this an answer without a call, perhaps from a model that cannot call tools?"""
    is_done = not reply.tool_uses and reply.stop_reason == "end_turn"
    return is_done and is_foreign(config)


def why_no_call(reply: Reply, config: Config) -> Failure:
    """Return the failure of a model that answered in words, or nothing, instead of a call."""
    explain = failures.cannot_call_tools if reply.text.strip() else failures.answered_nothing
    return explain(config.model)


def reminder(reply: Reply, tool: str) -> list[dict[str, Any]]:
    """Return the messages that ask once more for a call."""
    ask = f"That was no call. Answer by calling the tool {tool}, with nothing before or after it."
    answer = reply.content if reply.text.strip() else "(nothing)"  # no server takes an empty turn
    return [
        {"role": "assistant", "content": answer},
        {"role": "user", "content": ask},
    ]


def cut_prompt(
    reply: Reply, config: Config, messages: Sequence[Mapping[str, Any]]
) -> Failure | None:
    """Return the failure of a server that read less than was sent; None if it read everything.

    Ollama silently drops what does not fit into its context: the model would not have seen the
    notes, and they would count as merged.
    """
    used = reply.tokens
    read = used.input + used.cache_read + used.cache_write
    # A row of one repeated sign is few tokens; it must not look like text that was dropped.
    sent = re.sub(r"([^\w])\1+", r"\1", json.dumps(list(messages), ensure_ascii=False))
    least = len(sent) // MAX_CHARACTERS_PER_TOKEN
    if not is_foreign(config) or not 0 < read < least:
        return None
    return Failure(
        f"the server read only {read:,} tokens of at least {least:,}: its context is too small",
        "give the model more room (Ollama: OLLAMA_CONTEXT_LENGTH=32768), or shorten the memory;"
        " the notes stay pending",
    )


def call_in(text: str, name: str) -> dict[str, Any] | None:
    """Parse `text` as a call of tool `name` and return its input; None if it is not one.

    The whole answer has to be the call: strict JSON of the tool's shape, perhaps in a code fence.
    The guards of a real call guard this one, too.
    """
    bare = _THOUGHT.sub("", text).strip()
    for wrapped in (_TAGS, _FENCE):
        found = wrapped.match(bare)
        bare = found[found.re.groups].strip() if found else bare
    try:
        call = json.loads(bare)
        if isinstance(call, dict) and call.get("name") == name:
            call = next(call[key] for key in ("arguments", "parameters", "input") if key in call)
            call = json.loads(call) if isinstance(call, str) else call
    except (ValueError, StopIteration, RecursionError):
        return None
    return call if isinstance(call, dict) and isinstance(call.get("edits"), list) else None
