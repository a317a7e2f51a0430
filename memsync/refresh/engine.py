"""The merge: notes and a memory in, a new memory out. Writes nothing, decides everything.

One straight line of frozen values: an engine proposes edits (`Answer`) or cannot (`Unusable`); the
guards say what of them may be written (`MergeResult`). ``changed`` means that it is safe to write.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from memsync.config import Config
from memsync.config.credentials import has_model
from memsync.errors import ApiError
from memsync.refresh import offline, prompt
from memsync.refresh.llm import client, local_models
from memsync.refresh.llm.prices import Tokens
from memsync.refresh.prompt import EDIT_TOOL
from memsync.refresh.proposal_file import WaitingEdit
from memsync.text.document import scan
from memsync.text.duplicates import without_repeats
from memsync.text.edits import AppliedEdits, Edit, EditError, apply_edits
from memsync.text.note import Note


@dataclass(frozen=True)
class Answer:
    """The edits an engine proposes, one line about them, and the calls it took."""

    edits: tuple[Edit, ...] = ()
    summary: str = "nothing to change"
    calls: tuple[Tokens, ...] = ()


@dataclass(frozen=True)
class Unusable:
    """Why the answer cannot be used; `hint` is empty if asking again is the best advice."""

    why: str
    hint: str = ""
    is_cut_off: bool = False


@dataclass(frozen=True)
class Refusal:
    """Why an answer that can be applied must not be; ``--allow-shrink`` lifts some."""

    why: str
    is_constraint: bool = False
    can_be_allowed: bool = False


@dataclass(frozen=True)
class MergeResult:
    """What a merge came to.

    `text` is `before` unless the edits passed every guard. `edits` are those that may be applied,
    `waiting` those that wait for a person. `calls` has the tokens of each call.
    """

    before: str
    text: str
    model: str
    summary: str = Answer.summary
    edits: tuple[Edit, ...] = ()
    waiting: tuple[WaitingEdit, ...] = ()
    calls: tuple[Tokens, ...] = ()
    refusal: Refusal | None = None
    unusable: Unusable | None = None

    @property
    def changed(self) -> bool:
        """Is there a new text, and is it safe to write?"""
        return self.text != self.before


def merge_notes(
    notes: Sequence[Note], memory: str, config: Config, *, allow_shrink: bool = False
) -> MergeResult:
    """Merge notes into a memory and return what came of it; writes no file.

    Args:
        notes: the notes, in order.
        memory: the memory as it stands.
        config: which engine and model.
        allow_shrink: allow more than 20 % of the lines to go.

    Raises:
        ApiError: the model could not be asked.
        EditError: the edits made without a model cannot be applied.
    """
    blank = MergeResult(memory, memory, config.model)
    if not notes:
        return blank
    if has_model(config):
        return _ask_model(blank, notes, config, allow_shrink=allow_shrink)
    apart = config.review == "inbox"  # each can then be decided
    found = offline.merge_offline(notes, memory, apart=apart)
    summary = f"added under {offline.SECTION}" if found else blank.summary
    answer = Answer(found, summary)
    return _guarded(replace(blank, model="offline"), answer, allow_shrink=allow_shrink)


def reapply(result: MergeResult, memory: str, *, allow_shrink: bool = False) -> MergeResult:
    """Return the same merge on a memory that moved meanwhile, through the same guards.

    Raises:
        EditError: an edit does not fit any more.
    """
    again = replace(result, before=memory, text=memory)
    answer = Answer(result.edits, result.summary, result.calls)
    return _guarded(again, answer, allow_shrink=allow_shrink)


def hold_all(result: MergeResult, why: str) -> MergeResult:
    """Return the merge with every edit of it waiting for a person, and nothing to write."""
    waiting = tuple(WaitingEdit(edit, (why,)) for edit in result.edits)
    return replace(result, text=result.before, edits=(), waiting=waiting)


def apply_approved(
    chosen: Sequence[Edit], memory: str, *, allow_shrink: bool = False
) -> MergeResult:
    """Return what edits that a person approved come to, through the guards of every merge.

    Raises:
        EditError: one of them cannot be applied.
    """
    blank = MergeResult(memory, memory, model="")
    return _guarded(blank, Answer(tuple(chosen)), allow_shrink=allow_shrink)


def _ask_model(
    blank: MergeResult, notes: Sequence[Note], config: Config, *, allow_shrink: bool
) -> MergeResult:
    """Ask for edits; if they cannot be applied, tell the model why and ask once more."""
    system, messages = prompt.request(notes, blank.before, config)
    for is_last in prompt.TRIES:
        try:
            reply = _reply(config, system, messages)
        except ApiError as error:
            if not is_last:
                raise
            # Returned, not raised, so that the cost of the first call is recorded.
            return replace(blank, unusable=Unusable(error.message, error.hint))
        blank = replace(blank, calls=(*blank.calls, reply.tokens))
        if unusable := _why_unusable(reply, config, messages):
            if is_last or not local_models.may_lack_tools(reply, config):
                return replace(blank, unusable=unusable)
            messages += local_models.reminder(reply, EDIT_TOOL["name"])
            continue
        result, problem = _judged(blank, reply, allow_shrink=allow_shrink)
        if is_last or not problem:
            return result
        messages += prompt.correction(reply, problem)
    raise AssertionError("the last try returns")


def _reply(config: Config, system: str, messages: list[dict[str, Any]]) -> client.Reply:
    reply = client.ask(config, system, messages, [EDIT_TOOL])
    return local_models.with_call_from_text(reply, config, EDIT_TOOL["name"])


def _why_unusable(
    reply: client.Reply, config: Config, messages: Sequence[dict[str, Any]]
) -> Unusable | None:
    """Return why an answer is not a whole call of the tool; None if it is one."""
    if cut := local_models.cut_prompt(reply, config, messages):
        return Unusable(*cut, is_cut_off=True)
    if local_models.may_lack_tools(reply, config):
        return Unusable(*local_models.why_no_call(reply, config))
    if reply.stop_reason in {"max_tokens", "model_context_window_exceeded"}:
        return Unusable("the answer was cut off", is_cut_off=True)
    if reply.stop_reason == "refusal":
        return Unusable("the model refused to answer")
    if not any(use.get("name") == EDIT_TOOL["name"] for use in reply.tool_uses):
        return Unusable("the model did not call edit_memory")
    return None


def _judged(
    blank: MergeResult, reply: client.Reply, *, allow_shrink: bool
) -> tuple[MergeResult, str]:
    """Return the merge of an answer, and what the model should mend; empty if nothing."""
    try:
        answer = Answer(*prompt.edits_in(reply, blank.before), blank.calls)
        result = _guarded(blank, answer, allow_shrink=allow_shrink)
    except EditError as error:
        return replace(blank, unusable=Unusable(str(error))), str(error)
    problem = result.refusal.why if result.refusal and result.refusal.is_constraint else ""
    return result, problem


def _guarded(blank: MergeResult, answer: Answer, *, allow_shrink: bool) -> MergeResult:
    """Apply the edits and guard what comes out.

    Raises:
        EditError: they cannot be applied.
    """
    memory = blank.before
    edits = without_repeats(memory, answer.edits)
    applied = apply_edits(memory, edits)
    refusal = _refusal(memory, applied, allow_shrink=allow_shrink)
    return replace(
        blank,
        text=memory if refusal else applied.text,
        summary=answer.summary,
        edits=edits,
        calls=answer.calls,
        refusal=refusal,
    )


def _refusal(memory: str, applied: AppliedEdits, *, allow_shrink: bool) -> Refusal | None:
    lost = _lost_constraint(memory, applied.text)
    if lost is not None:
        why = f"a line under constraints would be removed or reworded: {lost.strip()!r}"
        return Refusal(why, is_constraint=True)
    return _too_much_gone(memory, applied, allow_shrink=allow_shrink)


def _too_much_gone(memory: str, applied: AppliedEdits, *, allow_shrink: bool) -> Refusal | None:
    if memory.strip() and not applied.text.strip():
        return Refusal("nothing would be left of the memory")
    lines = prompt.lines_of_text(memory)
    if allow_shrink or applied.lines_gone <= lines * prompt.MOST_LINES_GONE:
        return None
    why = f"{applied.lines_gone} of the memory's {lines} lines would be gone"
    return Refusal(why, can_be_allowed=True)


def _lost_constraint(before: str, after: str) -> str | None:
    """Return the first constraint of `before` that `after` no longer has in its place, if any."""
    standing = iter(scan(after).constraints())
    return next((line for line in scan(before).constraints() if line not in standing), None)
