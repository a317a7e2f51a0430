"""A tool call that a model wrote down as text, which small models do where others call.

Taken only where the whole answer is one: strict JSON of the tool's shape, perhaps in a code fence.
Everything that guards a real call guards this one.
"""

from __future__ import annotations

import json
import re
from typing import Any

_THOUGHT = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)
_FENCE = re.compile(r"\A```(?:json)?\s*\n(.*)\n```\Z", re.DOTALL)
_TAGS = re.compile(r"\A<(tool_call|function_call)>\s*(.*?)\s*</\1>\Z", re.DOTALL)


def call_in(text: str, name: str) -> dict[str, Any] | None:
    """Return the input of the call of tool `name` that `text` is; None where it is none."""
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
