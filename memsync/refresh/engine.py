"""The merge: notes and a memory in, a new memory out. Writes nothing, decides everything.

``changed`` true in the result means that the new text passed every guard and is safe to write.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypedDict

from memsync import clock
from memsync.config import Config
from memsync.config.credentials import has_model
from memsync.errors import ApiError
from memsync.refresh import gate, offline, prompt
from memsync.refresh.gate import Held
from memsync.refresh.llm import client, local_models
from memsync.refresh.llm.prices import Tokens
from memsync.refresh.prompt import EDIT_TOOL
from memsync.text import edits
from memsync.text.document import scan
from memsync.text.duplicates import without_repeats
from memsync.text.edits import Edit, EditError
from memsync.text.note import Note, make_note


class RefreshResult(TypedDict):
    """What a merge came to. `refused` and `malformed` say why nothing may be written.

    `hint` says what to do about it, where there is something better than to try again.

    `calls` has the tokens of each call of the model. `edits` are those that may be applied, `held`
    those that wait for a person; `gated` tells whether some note is not the person's own word, and
    `doubt` why nothing from such notes may pass.
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
        notes: the notes; a plain text is one note taken now.
        current_memory: the memory as it stands.
        config: which engine and model.
        allow_shrink: let more than a fifth of the lines go.

    Returns:
        A `RefreshResult`. ``updated_content`` equals `current_memory` unless ``changed``.

    Raises:
        ApiError: the model could not be asked.
    """
    taken = _as_notes(notes)
    result = _nothing(current_memory, config.model)
    if not taken:
        return result
    strangers = [note.text for note in taken if not note.is_own_word]
    result["gated"], result["doubt"] = bool(strangers), gate.why_all(strangers)
    if not has_model(config):
        result["model"] = "offline"
        result["edits"] = _offline(taken, current_memory, result, config)
        if result["edits"]:
            result["summary"] = f"added under {offline.SECTION}"
        return _finish(result, current_memory, allow_shrink=allow_shrink)
    return _ask_claude(result, taken, current_memory, config, allow_shrink=allow_shrink)


def _offline(
    taken: Sequence[Note], memory: str, result: RefreshResult, config: Config
) -> tuple[Edit, ...]:
    """Return the edits of the merge without a model: one, or one a note where a person decides.

    Where the gate has nothing against any note nor against all of them together, one will do:
    the work for hundreds of edits grows with their square.
    """
    if config.review == "inbox" or result["doubt"]:
        return offline.merge_offline(taken, memory, apart=True)
    together = offline.merge_offline(taken, memory)
    if result["gated"] and gate.objections(memory, edits.apply_edits(memory, together).text):
        return offline.merge_offline(taken, memory, apart=True)
    return together


def reapply(
    result: RefreshResult, current_memory: str, *, allow_shrink: bool = False
) -> RefreshResult:
    """Return the same merge on a memory that moved meanwhile, through the same guards."""
    again: RefreshResult = {**result, "changed": False, "updated_content": current_memory}
    return _finish(again, current_memory, allow_shrink=allow_shrink)


def hold_all(result: RefreshResult, current_memory: str, why: str) -> RefreshResult:
    """Return the merge with every edit of it waiting for a person, and nothing to write."""
    held = tuple(Held(edit, (why,)) for edit in result["edits"])
    return {
        **result,
        "changed": False,
        "updated_content": current_memory,
        "edits": (),
        "held": (*held, *result["held"]),
    }


def apply_approved(
    chosen: Sequence[Edit], current_memory: str, *, allow_shrink: bool = False
) -> RefreshResult:
    """Return what edits that a person approved come to, through the guards of every merge.

    Raises:
        EditError: one of them cannot be applied.
    """
    result = _nothing(current_memory, "")
    result["edits"] = tuple(chosen)
    return _finish(result, current_memory, allow_shrink=allow_shrink)


def _as_notes(given: str | Sequence[Note]) -> list[Note]:
    if isinstance(given, str):
        return [make_note(given, clock.now())] if given.strip() else []
    return list(given)


def _nothing(memory: str, model: str) -> RefreshResult:
    return {
        "changed": False,
        "updated_content": memory,
        "truncated": False,
        "malformed": False,
        "refused": "",
        "problem": "",
        "hint": "",
        "input_tokens": 0,
        "output_tokens": 0,
        "cache_read_tokens": 0,
        "calls": (),
        "model": model,
        "summary": "nothing to change",
        "edits": (),
        "held": (),
        "gated": False,
        "doubt": "",
    }


def _ask_claude(
    result: RefreshResult,
    taken: Sequence[Note],
    memory: str,
    config: Config,
    *,
    allow_shrink: bool,
) -> RefreshResult:
    """Ask for edits; where they cannot be applied, say why and ask once more."""
    system, messages = prompt.request(taken, memory, config)
    for last_try in prompt.TRIES:
        try:
            reply = local_models.with_spoken_call(
                client.ask(config, system, messages, [EDIT_TOOL]), config, EDIT_TOOL["name"]
            )
        except ApiError as error:
            if not last_try:
                raise
            # Returned, not raised, so that what the first call cost is not forgotten.
            result["malformed"], result["problem"], result["hint"] = True, error.message, error.hint
            return result
        result["refused"] = ""
        _count(result, reply)
        if not _is_whole(result, reply, config, messages):
            if last_try or not local_models.may_lack_tools(reply, config):
                return result
            messages += local_models.reminder(reply, EDIT_TOOL["name"])
            continue
        try:
            result["edits"], result["summary"] = prompt.edits_in(reply, memory)
            answer = _finish(result, memory, allow_shrink=allow_shrink)
        except EditError as error:
            result["malformed"], result["problem"] = last_try, str(error)
        else:
            if last_try or not answer["refused"].startswith(_CONSTRAINT):
                return answer
            result["problem"] = answer["refused"]
        messages += prompt.correction(reply, result["problem"])
    return result


def _count(result: RefreshResult, reply: client.Reply) -> None:
    result["calls"] = (*result["calls"], reply.tokens)
    result["input_tokens"] += reply.tokens.input
    result["output_tokens"] += reply.tokens.output
    result["cache_read_tokens"] += reply.tokens.cache_read


def _is_whole(
    result: RefreshResult, reply: client.Reply, config: Config, messages: Sequence[dict[str, Any]]
) -> bool:
    """Tell whether the answer is one to work with; else note in `result` why it is not."""
    if cut := local_models.cut_prompt(reply, config, messages):
        result["truncated"], result["problem"], result["hint"] = True, *cut
    elif local_models.may_lack_tools(reply, config):
        result["malformed"] = True
        result["problem"], result["hint"] = local_models.why_no_call(reply, config)
    elif reply.stop_reason in {"max_tokens", "model_context_window_exceeded"}:
        result["truncated"], result["problem"] = True, "the answer was cut off"
    elif reply.stop_reason == "refusal":
        result["malformed"], result["problem"] = True, "the model refused to answer"
    elif not any(use.get("name") == EDIT_TOOL["name"] for use in reply.tool_uses):
        result["malformed"], result["problem"] = True, "the model did not call edit_memory"
    else:
        return True
    return False


_CONSTRAINT = "a line under constraints"


def _finish(result: RefreshResult, memory: str, *, allow_shrink: bool) -> RefreshResult:
    """Apply the edits and guard what comes out; raises `EditError` where they do not apply."""
    result["edits"] = without_repeats(memory, result["edits"])
    applied = edits.apply_edits(memory, result["edits"])
    result["malformed"], result["problem"], result["hint"] = False, "", ""
    if result["gated"]:
        _sift(result, memory, applied, allow_shrink=allow_shrink)
        applied = edits.apply_edits(memory, result["edits"])
    result["refused"] = _refusal(memory, applied, allow_shrink=allow_shrink)
    if not result["refused"]:
        result["changed"] = applied.text != memory
        result["updated_content"] = applied.text
    return result


def _sift(
    result: RefreshResult, memory: str, whole: edits.AppliedEdits, *, allow_shrink: bool
) -> None:
    """Set aside the edits that may not stand on the word of a stranger.

    What would be refused is held, too: a note that asks for it must not be asked about every night.
    An answer that takes away too much does so as a whole, `whole`: no part of it is sound.
    """
    sifted = gate.screen(memory, result["edits"], all_wait=result["doubt"])
    passed = edits.apply_edits(memory, sifted.passed)
    refusal = _too_much_gone(memory, whole, allow_shrink=allow_shrink) or _refusal(
        memory, passed, allow_shrink=allow_shrink
    )
    if refusal:
        sifted = gate.screen(memory, result["edits"], all_wait=refusal)
    result["edits"], result["held"] = sifted.passed, (*result["held"], *sifted.held)


def _refusal(memory: str, applied: edits.AppliedEdits, *, allow_shrink: bool) -> str:
    lost = _lost_constraint(memory, applied.text)
    if lost is not None:
        return f"{_CONSTRAINT} would be removed or reworded: {lost.strip()!r}"
    return _too_much_gone(memory, applied, allow_shrink=allow_shrink)


def _too_much_gone(memory: str, applied: edits.AppliedEdits, *, allow_shrink: bool) -> str:
    if memory.strip() and not applied.text.strip():
        return "nothing would be left of the memory"
    return "" if allow_shrink else prompt.too_many_gone(applied.lines_gone, memory)


def _lost_constraint(before: str, after: str) -> str | None:
    """Return the first constraint of `before` that `after` no longer has in its place, if any."""
    standing = iter(scan(after).constraints())
    return next((line for line in scan(before).constraints() if line not in standing), None)
