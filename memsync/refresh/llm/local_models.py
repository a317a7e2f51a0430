"""Models that are not Claude, behind a server of one's own: what they do otherwise, told apart.

Small models write a call down as text, answer in words because they cannot call at all, or never
saw the whole request because their server cut it. Claude is held to the protocol.
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

MOST_CHARACTERS_A_TOKEN = 6
"""No text of any length has more; English has four to five."""

SPOKEN_ID = "toolu_spoken"

_THOUGHT = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)
_FENCE = re.compile(r"\A```(?:json)?\s*\n(.*)\n```\Z", re.DOTALL)
_TAGS = re.compile(r"\A<(tool_call|function_call)>\s*(.*?)\s*</\1>\Z", re.DOTALL)


def is_foreign(config: Config) -> bool:
    """Is the model another than Claude?"""
    return bool(config.api_base_url) and "claude" not in config.model.lower()


def with_spoken_call(reply: Reply, config: Config, tool: str) -> Reply:
    """Return the answer as a call where its text is one, for models that are not Claude."""
    if reply.tool_uses or reply.stop_reason == "max_tokens" or not is_foreign(config):
        return reply
    given = call_in(reply.text, tool)
    if given is None:
        return reply
    block = {"type": "tool_use", "id": SPOKEN_ID, "name": tool, "input": given}
    return replace(reply, content=[block], stop_reason="tool_use")


def may_lack_tools(reply: Reply, config: Config) -> bool:
    """May an answer without a call come from a model that cannot call tools?"""
    is_done = not reply.tool_uses and reply.stop_reason == "end_turn"
    return is_done and is_foreign(config)


def why_no_call(reply: Reply, config: Config) -> Failure:
    """Return what to say of a model that answered in words, or not at all, instead of calling."""
    says = failures.cannot_call_tools if reply.text.strip() else failures.answered_nothing
    return says(config.model)


def reminder(reply: Reply, tool: str) -> list[dict[str, Any]]:
    """Return the messages that ask once more for a call."""
    ask = f"That was no call. Answer by calling the tool {tool}, with nothing before or behind it."
    said = reply.content if reply.text.strip() else "(nothing)"  # no server takes an empty turn
    return [
        {"role": "assistant", "content": said},
        {"role": "user", "content": ask},
    ]


def cut_prompt(
    reply: Reply, config: Config, messages: Sequence[Mapping[str, Any]]
) -> Failure | None:
    """Return what is wrong where the server read less than was sent; None where it read it all.

    Ollama drops what does not fit into its context without a word: the model would not have seen
    the notes, and they would count as merged.
    """
    used = reply.tokens
    read = used.input + used.cache_read + used.cache_write
    # Rows of one sign are few tokens; they must not look like text that was dropped.
    sent = re.sub(r"([^\w])\1+", r"\1", json.dumps(list(messages), ensure_ascii=False))
    least = len(sent) // MOST_CHARACTERS_A_TOKEN
    if not is_foreign(config) or not 0 < read < least:
        return None
    return Failure(
        f"the server read only {read:,} tokens of at least {least:,}: its context is too small",
        "give the model more room (Ollama: OLLAMA_CONTEXT_LENGTH=32768), or shorten the memory;"
        " the notes stay pending",
    )


def call_in(text: str, name: str) -> dict[str, Any] | None:
    """Parse `text` as a call of tool `name` and return its input; None if it is not one.

    Only if the whole answer is one: strict JSON of the tool's shape, perhaps in a code fence.
    Everything that guards a real call guards this one.
    """
    bare = _THOUGHT.sub("", text).strip()
    for wrapped in (_TAGS, _FENCE):
        found = wrapped.match(bare)
        bare = found[found.re.groups].strip() if found else bare
    try:
        said = json.loads(bare)
        if isinstance(said, dict) and said.get("name") == name:
            said = next(said[key] for key in ("arguments", "parameters", "input") if key in said)
            said = json.loads(said) if isinstance(said, str) else said
    except (ValueError, StopIteration, RecursionError):
        return None
    return said if isinstance(said, dict) and isinstance(said.get("edits"), list) else None
