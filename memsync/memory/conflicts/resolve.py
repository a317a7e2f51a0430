"""What a person does to a memory that moved meanwhile: an edit merged, a conflict decided.

Each is made on the text that stands there when it is written, or not at all.
"""

from __future__ import annotations

from memsync.config import state
from memsync.config.workspace import Workspace
from memsync.errors import MemoryMovedError, MemsyncError
from memsync.memory import store
from memsync.memory.conflicts import records
from memsync.memory.conflicts.branches import TextFinder
from memsync.memory.conflicts.merge import Conflict, Merged, apply_choice, can_pick, merge_memories
from memsync.memory.conflicts.merge_base import Ancestors, Relation
from memsync.memory.history import publish_log
from memsync.memory.publish import Published, publish
from memsync.memory.store import Memory
from memsync.text.diff3 import Resolution
from memsync.text.document import split_lines

TRIES = 5


def merge_edit(workspace: Workspace, made_from: Memory, text: str) -> tuple[Published, int]:
    """Publish a text that a person made from an older memory, and return what came of it.

    What others changed meanwhile stays; the number is that of lines a person has to decide.

    Raises:
        MemoryMovedError: the memory kept changing; nothing was written.
    """
    disputes: tuple[Conflict, ...] = ()
    for _ in range(TRIES):
        memory = store.read(workspace)
        merged = text
        if memory.digest != made_from.digest:
            woven = _woven_edit(workspace, memory, made_from, text)
            merged, disputes = woven.text, woven.disputes
            records.record_conflicts(workspace, disputes)
        try:
            published = publish(workspace, merged, memory.digest, also=(made_from.digest,))
            return published, len(disputes)
        except MemoryMovedError:
            continue
    raise MemoryMovedError("the memory keeps changing", hint="memsync edit, a little later")


def _woven_edit(workspace: Workspace, memory: Memory, made_from: Memory, text: str) -> Merged:
    """Return the memory with what a person changed since `made_from`.

    A sync client may have put another memory in its place, which was not made from that one: then
    what that one has and the memory lacks was not taken away.
    """
    graph, texts = publish_log.read_ancestry(workspace), TextFinder(workspace)
    kinship = Ancestors(graph, texts.find)
    for known in (memory.text, made_from.text):
        texts.add(known)
    edit = texts.add(text)
    fate = kinship.judge(memory.digest, made_from.digest, alone=state.is_alone(workspace.machines))
    base: str | None = made_from.text
    if fate in {Relation.MISSED, Relation.UNCLEAR}:
        graph.add(edit, (made_from.digest,))
        base = kinship.base_of(memory.digest, edit)
    return merge_memories(base, memory.text, text, "your edit", records.resolutions(workspace))


def resolve_conflict(
    workspace: Workspace, dispute: Conflict, choice: Resolution, based_on: str | None = None
) -> Published | None:
    """Do as a person decided: the lines of the other side go from the memory, then it is settled.

    Args:
        workspace: where.
        dispute: what was decided.
        choice: how.
        based_on: the digest of the memory the person saw; None decides on whatever memory is there.

    Returns:
        What was published; None where the memory had nothing to lose by it.

    Raises:
        MemoryMovedError: the memory is another, or kept changing, or has the text that was picked
            no more; the conflict is still open.
    """
    for _ in range(TRIES):
        memory = store.read(workspace)
        if based_on not in {None, memory.digest}:
            break
        if not can_pick(split_lines(memory.text), dispute, choice):
            raise MemoryMovedError(
                "that text stands in the memory no more, and the other one would go, too",
                hint="keep the other, or both, then put back what you miss: memsync edit",
            )
        text = apply_choice(memory.text, dispute, choice)
        try:
            published = None
            if text != memory.text:
                published = publish(workspace, text, memory.digest)
            records.record_resolution(workspace, dispute, choice)
        except MemoryMovedError:
            continue
        except OSError as error:
            raise MemsyncError(
                f"the decision cannot be written down: {error.strerror or error}",
                hint="free some space or check the folder, then decide again",
            ) from error
        return published
    raise MemoryMovedError("the memory keeps changing", hint="decide again, a little later")
