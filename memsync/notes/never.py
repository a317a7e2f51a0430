"""The keeper of ``never.jsonl``: what the person rejected never comes back from a machine.

Of a statement a digest and the hashes of its word triples are kept, no word of it. A person who
says it again is always heard; only what a program thought of is compared.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from memsync import clock
from memsync.config.machine_log import MachineLog
from memsync.config.workspace import Workspace
from memsync.text import similarity
from memsync.text.digest import digest

LOG = MachineLog("never.jsonl")
NEAR = 0.7
"""The share of word triples from which two statements count as the same."""

_SHORT = 12


def remember(workspace: Workspace, statements: Iterable[str]) -> None:
    """Write down that these statements were rejected; durable when this returns.

    Raises:
        OSError: they cannot be written.
        FolderAwayError: the memory root is empty.
    """
    moment = clock.now().isoformat(timespec="seconds")
    lines = [
        json.dumps({"time": moment, "digest": _digest(text), "triples": sorted(_triples(text))})
        for text in statements
        if similarity.words(text)
    ]
    if lines:
        LOG.append(workspace, "\n".join(lines))


def is_rejected(workspace: Workspace, statement: str) -> bool:
    """Was this statement, or one near to it, rejected on some machine?"""
    if not similarity.words(statement):
        return False
    said, triples = _digest(statement), _triples(statement)
    return any(_is_near(line, said, triples) for _, line in LOG.lines(workspace))


def _is_near(line: str, said: str, triples: set[str]) -> bool:
    try:
        table = json.loads(line)
        known = {str(entry) for entry in table["triples"]}
        same = table["digest"] == said
    except (ValueError, KeyError, TypeError):
        return False  # a torn line
    shared = len(known & triples)
    return same or (bool(shared) and shared >= NEAR * max(len(known), len(triples)))


def _digest(text: str) -> str:
    return digest(" ".join(similarity.words(text)).encode("utf-8", "surrogatepass"))[:20]


def _triples(text: str) -> set[str]:
    """Return the hashes of all three words in a row; of all words where there are fewer."""
    said = similarity.words(text)
    rows = [said[at : at + 3] for at in range(max(1, len(said) - 2))]
    return {digest(" ".join(row).encode("utf-8", "surrogatepass"))[:_SHORT] for row in rows if row}
