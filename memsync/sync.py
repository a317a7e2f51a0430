"""The door `memsync.sync`: the merge as one pure function, for programs that import memsync.

Its name, its arguments and the keys of what it returns stay as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from memsync import clock
from memsync.config import Config
from memsync.refresh.engine import MergeResult, merge
from memsync.refresh.gate import Held
from memsync.refresh.guards import Refusal
from memsync.refresh.llm.prices import Tokens
from memsync.refresh.prompt import Flaw, Unusable
from memsync.text.edits import Edit
from memsync.text.note import Note, make_note

__all__ = ["RefreshResult", "refresh_memory_content"]


class RefreshResult(TypedDict):
    """What a merge came to.

    `changed` true means that `updated_content` is safe to write. If not, `refused` says how the
    merge would harm the memory, or `problem` why the model's answer cannot be used (`truncated` or
    `malformed`), and `hint` what to do about it if asking again is not the best advice. `calls` has
    the tokens of each call of the model. `edits` were applied, `held` wait for a person; `gated`
    tells whether a note is not the person's own word, `doubt` why all edits from it wait.
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
    held: tuple[Held, ...]
    gated: bool
    doubt: str


def refresh_memory_content(
    notes: str | Sequence[Note],
    current_memory: str,
    config: Config,
    *,
    allow_shrink: bool = False,
) -> RefreshResult:
    """Merge notes into a memory and return what came of it; writes no file.

    Args:
        notes: the notes; a plain text is one note, made now.
        current_memory: the memory as it is now.
        config: which engine and model.
        allow_shrink: let more than a fifth of the lines go.

    Returns:
        A `RefreshResult`. ``updated_content`` equals `current_memory` unless ``changed``.

    Raises:
        ApiError: the model could not be asked.
        EditError: without a model, the notes do not fit into the memory.
    """
    if isinstance(notes, str):
        notes = [make_note(notes, clock.now())] if notes.strip() else []
    return _as_mapping(merge(notes, current_memory, config, allow_shrink=allow_shrink))


def _as_mapping(result: MergeResult) -> RefreshResult:
    unusable = result.failure if isinstance(result.failure, Unusable) else None
    is_cut_off = unusable is not None and unusable.flaw is Flaw.CUT_OFF
    return {
        "changed": result.changed,
        "updated_content": result.text,
        "truncated": is_cut_off,
        "malformed": unusable is not None and not is_cut_off,
        "refused": result.failure.why if isinstance(result.failure, Refusal) else "",
        "problem": unusable.why if unusable else "",
        "hint": unusable.hint if unusable else "",
        "input_tokens": sum(tokens.input for tokens in result.calls),
        "output_tokens": sum(tokens.output for tokens in result.calls),
        "cache_read_tokens": sum(tokens.cache_read for tokens in result.calls),
        "calls": result.calls,
        "model": result.model,
        "summary": result.summary,
        "edits": result.edits,
        "held": result.held,
        "gated": result.rules.gated,
        "doubt": result.rules.doubt,
    }
