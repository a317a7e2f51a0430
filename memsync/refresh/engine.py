"""The merge: notes and a memory in, a new memory out. Writes nothing, decides everything.

`MergeResult.changed` means that the new text passed every guard and is safe to write.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from memsync.config import Config
from memsync.config.credentials import has_model
from memsync.errors import ApiError
from memsync.refresh import gate, offline, prompt
from memsync.refresh.gate import Held
from memsync.refresh.guards import Refusal, RefusalKind, Rules, check_edits
from memsync.refresh.llm import client, local_models
from memsync.refresh.llm.prices import Tokens
from memsync.refresh.prompt import EDIT_TOOL, Answer, Flaw, Unusable
from memsync.text.edits import Edit, EditError, apply_edits
from memsync.text.note import Note

OFFLINE = "offline"
"""What stands in place of a model's name if none was asked."""


@dataclass(frozen=True)
class MergeResult:
    """What a merge came to.

    Attributes:
        text: the memory to write; the one that was given unless `changed`.
        changed: whether `text` is new, and safe to write.
        edits: the edits that `text` comes from.
        held: the edits that wait for a person.
        failure: why nothing may be written; None if the guards let the merge pass.
        summary: one line for the log.
        model: which model was asked, or `OFFLINE`.
        calls: the tokens of each call of the model, also of those whose answer was no use.
        rules: what the guards went by.
    """

    text: str
    changed: bool = False
    edits: tuple[Edit, ...] = ()
    held: tuple[Held, ...] = ()
    failure: Refusal | Unusable | None = None
    summary: str = "nothing to change"
    model: str = ""
    calls: tuple[Tokens, ...] = ()
    rules: Rules = field(default_factory=Rules)


def merge(
    notes: Sequence[Note], memory: str, config: Config, *, allow_shrink: bool = False
) -> MergeResult:
    """Merge notes into a memory; writes no file.

    Args:
        notes: the notes; without any the memory stays as it is and no model is asked.
        memory: the memory as it is now.
        config: which engine and model.
        allow_shrink: let more than a fifth of the lines go.

    Raises:
        ApiError: the model could not be asked.
        EditError: without a model, the notes do not fit into the memory.
    """
    if not notes:
        return MergeResult(memory, model=config.model)
    strangers = [note.text for note in notes if not note.is_own_word]
    rules = Rules(allow_shrink, bool(strangers), gate.first_doubt(strangers))
    if has_model(config):
        return _merge_by_model(notes, config, MergeResult(memory, model=config.model, rules=rules))
    edits = _offline_edits(notes, memory, config, rules)
    start = MergeResult(memory, model=OFFLINE, rules=rules)
    return _guard(start, Answer(edits, f"added under {offline.SECTION}") if edits else Answer())


def reapply(result: MergeResult, memory: str) -> MergeResult:
    """Return the same merge on a memory that changed meanwhile, by the same guards.

    Raises:
        EditError: an edit no longer fits the memory.
    """
    start = replace(result, text=memory, changed=False, failure=None)
    return _guard(start, Answer(result.edits, result.summary))


def hold_all(result: MergeResult, memory: str, why: str) -> MergeResult:
    """Return the merge with all its edits waiting for a person, and nothing to write."""
    held = tuple(Held(edit, (why,)) for edit in result.edits)
    return replace(result, text=memory, changed=False, edits=(), held=(*held, *result.held))


def apply_approved(
    chosen: Sequence[Edit], memory: str, *, allow_shrink: bool = False
) -> MergeResult:
    """Apply edits that a person approved, by the guards of every merge.

    Raises:
        EditError: an edit does not fit the memory.
    """
    return _guard(MergeResult(memory, rules=Rules(allow_shrink)), Answer(tuple(chosen)))


def _guard(start: MergeResult, answer: Answer) -> MergeResult:
    """Return what the guards make of an answer, for the memory and by the rules of `start`."""
    verdict = check_edits(answer.edits, start.text, start.rules)
    text = start.text if verdict.refusal else verdict.text
    return replace(
        start,
        text=text,
        changed=text != start.text,
        edits=verdict.edits,
        held=(*start.held, *verdict.held),
        failure=verdict.refusal,
        summary=answer.summary,
    )


def _offline_edits(
    notes: Sequence[Note], memory: str, config: Config, rules: Rules
) -> tuple[Edit, ...]:
    """Return one edit for all notes, or one for each note if a person has to decide.

    One is enough if the gate passes every note and all of them together: the work for hundreds of
    edits grows with the square of their number.
    """
    if config.review == "inbox" or rules.doubt:
        return offline.merge_offline(notes, memory, apart=True)
    together = offline.merge_offline(notes, memory)
    if rules.gated and gate.objections(memory, apply_edits(memory, together).text):
        return offline.merge_offline(notes, memory, apart=True)
    return together


def _merge_by_model(notes: Sequence[Note], config: Config, start: MergeResult) -> MergeResult:
    """Ask the model for edits; if it may mend a bad answer, say what is wrong and ask once more."""
    system, messages = prompt.request(notes, start.text, config)
    for _ in range(prompt.MAX_CALLS):
        try:
            reply = client.ask(config, system, messages, [EDIT_TOOL])
        except ApiError as error:
            if not start.calls:
                raise
            # Returned, not raised, so that the cost of the first call is recorded.
            return replace(start, failure=Unusable(error.message, error.hint))
        reply = local_models.with_call_from_text(reply, config, EDIT_TOOL["name"])
        start = replace(start, calls=(*start.calls, reply.tokens))
        result = _judge(start, prompt.read_answer(reply, messages, start.text, config))
        follow_up = _follow_up(result.failure, reply)
        if not follow_up:
            break
        messages = [*messages, *follow_up]
    return result


def _judge(start: MergeResult, answer: Answer | Unusable) -> MergeResult:
    if isinstance(answer, Unusable):
        return replace(start, failure=answer)
    try:
        return _guard(start, answer)
    except EditError as error:
        return replace(start, failure=Unusable(str(error), flaw=Flaw.BAD_EDITS))


def _follow_up(failure: Refusal | Unusable | None, reply: client.Reply) -> prompt.Messages:
    """Return what to tell the model so that it mends its answer; nothing if that is no use."""
    match failure:
        case Refusal(kind=RefusalKind.CONSTRAINT, why=why):
            return prompt.correction(reply, why)
        case Unusable(flaw=Flaw.BAD_EDITS, why=why):
            return prompt.correction(reply, why)
        case Unusable(flaw=Flaw.NO_CALL):
            return local_models.reminder(reply, EDIT_TOOL["name"])
        case _:
            return []
