"""What a person does to a memory that moved meanwhile: an edit is merged, a conflict decided.

Each change is made on the memory that stands there when it is written, or not at all.
"""

from __future__ import annotations

from memsync.config.sync_folder import is_alone
from memsync.config.workspace import Workspace
from memsync.errors import MemoryMovedError, refused
from memsync.memory.conflicts import records
from memsync.memory.conflicts.branches import TextFinder
from memsync.memory.conflicts.merge import Conflict, apply_choice, can_pick, merge_memories
from memsync.memory.conflicts.merge_base import Ancestors, Relation
from memsync.memory.history import publish_log
from memsync.memory.publish import Draft, Published, onto_present
from memsync.memory.store import Memory
from memsync.text.diff3 import Resolution
from memsync.text.document import split_lines


def merge_edit(workspace: Workspace, made_from: Memory, text: str) -> tuple[Published, int]:
    """Publish a text that a person made from an older memory.

    What others changed meanwhile stays.

    Returns:
        What was published, and how many conflicts a person has to decide.

    Raises:
        MemoryMovedError: the memory kept changing; nothing was written.
    """

    def make(memory: Memory) -> tuple[Draft, int]:
        if memory.digest == made_from.digest:
            return Draft(text, also=(made_from.digest,)), 0
        base = base_of_edit(workspace, memory, made_from, text)
        decided = records.resolutions(workspace)
        merged = merge_memories(base, memory.text, text, "your edit", decided)
        records.record_conflicts(workspace, merged.conflicts)
        return Draft(merged.text, also=(made_from.digest,)), len(merged.conflicts)

    return onto_present(workspace, make, "memsync edit, a little later")


def base_of_edit(workspace: Workspace, memory: Memory, made_from: Memory, text: str) -> str | None:
    """Return the merge base of the memory and a text that a person made from an older one.

    A sync client may have put a memory there that was not made from the person's: then lines which
    only the person's has were not removed by anybody, and the base is an older text.

    Args:
        workspace: where.
        memory: the memory as it stands.
        made_from: the memory that the person edited.
        text: the edited text.

    Returns:
        The base; None if none is known for sure.
    """
    graph, texts = publish_log.read_ancestry(workspace), TextFinder(workspace)
    ancestors = Ancestors(graph, texts.find)
    for known in (memory.text, made_from.text):
        texts.add(known)
    edit = texts.add(text)
    alone = is_alone(workspace.machines)
    relation = ancestors.judge(memory.digest, made_from.digest, alone=alone)
    if relation in {Relation.MISSING, Relation.UNKNOWN}:
        graph.add(edit, (made_from.digest,))
        return ancestors.base_of(memory.digest, edit)
    return made_from.text


def resolve_conflict(
    workspace: Workspace, conflict: Conflict, choice: Resolution, based_on: str | None = None
) -> Published | None:
    """Carry out a person's decision: remove the other side's lines, then record the decision.

    Args:
        workspace: where.
        conflict: what was decided.
        choice: how.
        based_on: the digest of the memory the person saw; None decides on whatever memory is there.

    Returns:
        What was published; None if no line of the memory had to go.

    Raises:
        MemoryMovedError: the memory is another one, kept changing, or has lost the text that was
            picked; the conflict is still open.
        MemsyncError: the disk refused; the conflict is still open.
    """

    def make(memory: Memory) -> tuple[Draft | None, None]:
        if based_on not in {None, memory.digest}:
            raise MemoryMovedError(
                "the memory changed since the conflict was shown", hint="look at it again"
            )
        if not can_pick(split_lines(memory.text), conflict, choice):
            raise MemoryMovedError(
                "the memory no longer has that text, and the other one would go, too",
                hint="keep the other, or both, then put back what you miss: memsync edit",
            )
        text = apply_choice(memory.text, conflict, choice)
        return (Draft(text) if text != memory.text else None), None

    hint = "free some space or check the folder, then decide again"
    with refused("the decision cannot be recorded", hint):
        published, _ = onto_present(workspace, make, "decide again, a little later")
        records.record_resolution(workspace, conflict, choice)
    return published
