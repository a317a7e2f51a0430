"""The door `memsync.sync`: the merge as a mapping, by the names that others hold on to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from memsync import clock
from memsync.config import Config
from memsync.refresh import engine
from memsync.refresh.llm.prices import Tokens
from memsync.refresh.proposal_file import WaitingEdit
from memsync.text.edits import Edit
from memsync.text.note import Note, make_note


class RefreshResult(TypedDict):
    """What a merge came to. `refused`, `truncated` and `malformed` say why nothing may be written.

    `problem` and `hint` say what is wrong with the model's answer and what to do about it; `calls`
    has the tokens of each call. The others are as in `engine.MergeResult`.
    """

    changed: bool
    updated_content: str
    truncated: bool
    malformed: bool
    refused: str
    problem: str
    hint: str
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    calls: tuple[Tokens, ...]
    model: str
    summary: str
    edits: tuple[Edit, ...]
    waiting: tuple[WaitingEdit, ...]


def refresh_memory_content(
    notes: str | Sequence[Note],
    current_memory: str,
    config: Config,
    *,
    allow_shrink: bool = False,
) -> RefreshResult:
    """Merge notes into a memory and return what came of it; writes no file.

    Args:
        notes: the notes; a plain text is one note taken now.
        current_memory: the memory as it stands.
        config: which engine and model.
        allow_shrink: allow more than 20 % of the lines to go.

    Returns:
        A `RefreshResult`. ``updated_content`` equals `current_memory` unless ``changed``.

    Raises:
        ApiError: the model could not be asked.
    """
    result = engine.merge_notes(_as_notes(notes), current_memory, config, allow_shrink=allow_shrink)
    unusable = result.unusable
    return {
        "changed": result.changed,
        "updated_content": result.text,
        "truncated": bool(unusable and unusable.is_cut_off),
        "malformed": bool(unusable and not unusable.is_cut_off),
        "refused": result.refusal.why if result.refusal else "",
        "problem": unusable.why if unusable else "",
        "hint": unusable.hint if unusable else "",
        "input_tokens": sum(tokens.input for tokens in result.calls),
        "output_tokens": sum(tokens.output for tokens in result.calls),
        "cache_read_tokens": sum(tokens.cache_read for tokens in result.calls),
        "calls": result.calls,
        "model": result.model,
        "summary": result.summary,
        "edits": result.edits,
        "waiting": result.waiting,
    }


def _as_notes(given: str | Sequence[Note]) -> list[Note]:
    if isinstance(given, str):
        return [make_note(given, clock.now())] if given.strip() else []
    return list(given)
