"""What is to be brought into the memory: conflict copies of it, and what was written over.

Looks and decides; changes nothing.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from memsync import clock
from memsync.config import state
from memsync.config.state import machine_name, slug
from memsync.config.workspace import MEMORY_NAME, Workspace
from memsync.files.placeholders import is_evicted
from memsync.files.regular import SkippedFile, kind_if_not_file, read_regular
from memsync.memory.conflicts.merge_base import Ancestors, Relation
from memsync.memory.history import backups, last_seen
from memsync.memory.history.ancestry import Ancestry
from memsync.memory.reading import is_empty
from memsync.memory.store import Memory
from memsync.providers.conflict_copies import Copy, has_similar_name, recognise_copy
from memsync.text.digest import digest

PATIENCE = timedelta(hours=12)
"""How long the machine where the memory was edited by hand has to say what it was made from."""

UNKNOWN = Copy("", certain=False)
"""A name that resembles the memory's as no known client would make it: it is never brought in."""

OVERWRITTEN = "what this machine had before it was written over"


@dataclass(frozen=True)
class Branch:
    """A text to bring into the memory: where it came from, and the copy it lies in, if any.

    A forsaken one is in the memory no more, and nobody wrote down, or will, who took it away.
    """

    text: str
    source: str
    copy: Path | None = None
    is_forsaken: bool = False

    @property
    def digest(self) -> str:
        """The name of the text."""
        return digest(self.text.encode("utf-8"))


@dataclass(frozen=True)
class Copies:
    """The conflict copies of the memory, and files that may be one or a person's own."""

    sure: tuple[Branch, ...]
    doubtful: tuple[Path, ...]


@dataclass(frozen=True)
class Overwritten:
    """What this machine had before: claimed for the memory by somebody's hand, missed, or in it."""

    claimed: tuple[str, ...]
    missed: tuple[Branch, ...]
    included: tuple[str, ...] = ()


class TextFinder:
    """Finds texts by digest: those at hand, this machine's state, then the backups."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._found: dict[str, str | None] = {}
        self._backups: dict[str, Path] | None = None

    def add(self, text: str) -> str:
        """Have a text at hand; return its digest."""
        name = digest(text.encode("utf-8"))
        self._found[name] = text
        return name

    def find(self, name: str) -> str | None:
        """Return the text with this digest, or None."""
        if name not in self._found:
            kept = last_seen.seen_text(self._workspace.root, name)
            self._found[name] = self._of_backup(name) if kept is None else kept
        return self._found[name]

    def _of_backup(self, name: str) -> str | None:
        if self._backups is None:
            self._backups = backups.texts_by_digest(self._workspace.backups)
        with contextlib.suppress(KeyError, OSError, UnicodeDecodeError):
            return self._backups[name].read_bytes().decode("utf-8")
        return None


def readable_copies(root: Path) -> list[tuple[Copy, Branch]]:
    """Return the files that are named like conflict copies of the memory and can be read."""
    found = []
    for copy, path in files_named_like_copies(root):
        text = _text_of(path)
        if text is not None:
            found.append((copy, Branch(text, path.name, path)))
    return found


def unreadable_memory_copies(root: Path) -> list[SkippedFile]:
    """Return what is named like a conflict copy of the memory and cannot be read."""
    found = []
    for _, path in files_named_like_copies(root):
        with contextlib.suppress(FileNotFoundError):  # it went meanwhile
            why = read_copy(path)[1]
            if why:
                found.append(SkippedFile(path, why))
    return found


def files_named_like_copies(root: Path) -> list[tuple[Copy, Path]]:
    """Return the files that are named like copies of the memory, readable or not."""
    with os.scandir(root) as entries:
        names = sorted(entry.name for entry in entries)
    known = ((recognise_copy(name, MEMORY_NAME) or _unknown(name), root / name) for name in names)
    return [(copy, path) for copy, path in known if copy is not None]


def _unknown(name: str) -> Copy | None:
    return UNKNOWN if has_similar_name(name, MEMORY_NAME) else None


def _text_of(path: Path) -> str | None:
    """Return a copy's text; None where it is a placeholder, a link, damaged or no text."""
    with contextlib.suppress(FileNotFoundError):
        return read_copy(path)[0]
    return None


def read_copy(path: Path) -> tuple[str | None, str]:
    """Return a copy's text, or None and why it cannot be had, in a few words.

    Raises:
        FileNotFoundError: it is gone.
    """
    kind = kind_if_not_file(path)
    if kind is not None or is_evicted(path):
        return None, kind or "its content is in the cloud"
    try:
        text = read_regular(path).decode("utf-8")
    except FileNotFoundError:
        raise
    except OSError as error:
        return None, error.strerror or str(error)
    except UnicodeDecodeError:
        return None, "not UTF-8"
    if "\0" in text:
        return None, "NUL bytes"
    return (None, "empty") if is_empty(text) else (text, "")


def classify(
    workspace: Workspace,
    graph: Ancestry,
    texts: TextFinder,
    memory: Memory,
    named: list[tuple[Copy, Branch]],
    taken: str | None = None,
) -> Copies:
    """Return which of the files that are named like copies are some, by name or by content.

    `taken` is the name of one of which a person says that it is.
    """
    is_of_ours = is_from_our_machines(workspace)
    sure, doubtful = [], []
    for copy, strand in named:
        is_ours = is_of_ours(copy)
        if (copy.certain or strand.source == taken) or (
            copy != UNKNOWN and _is_memory(graph, texts, memory, strand, is_ours=is_ours)
        ):
            sure.append(strand)
        elif strand.copy is not None:
            doubtful.append(strand.copy)
    return Copies(tuple(sure), tuple(doubtful))


def is_from_our_machines(workspace: Workspace) -> Callable[[Copy], bool]:
    """Return what tells whether a copy's name is a number, or names one of the machines."""
    hosts = {path.name.rpartition("-")[0] for path in workspace.machines.glob("*-*")}
    hosts.add(machine_name().rpartition("-")[0])
    return lambda copy: _is_of(copy, hosts)


def _is_of(copy: Copy, hosts: set[str]) -> bool:
    """Tell whether a copy's name is a number, or names a machine that has this memory."""
    if not copy.host:
        return True
    # macOS makes the host name Adas-Mac of a computer that OneDrive calls Ada's Mac.
    named = slug(copy.host.translate(dict.fromkeys(map(ord, "'\u2019"))))
    return any(
        named == host or named.startswith(f"{host}-") or named.endswith(f"-{host}")
        for host in hosts
    )


def _is_memory(
    graph: Ancestry, texts: TextFinder, memory: Memory, strand: Branch, *, is_ours: bool
) -> bool:
    """Tell whether the content is that of a memory, where the name alone does not say so.

    Half of its lines are the memory's, or were once.

    A file by a stranger's name that holds nothing new is more likely a person's own copy.
    """
    if graph.knows(strand.digest):
        return is_ours or not graph.descends(memory.digest, strand.digest)
    if not is_ours:
        return False
    lines, standing = ({*text.split("\n")} - {""} for text in (strand.text, memory.text))
    if len(lines & standing) * 2 >= min(len(lines), len(standing)):
        return True
    known = standing.union(*((texts.find(name) or "").split("\n") for name in graph.all()))
    return len(lines & known) * 2 >= len(lines)


def find_overwritten(
    workspace: Workspace, kinship: Ancestors, texts: TextFinder, memory: Memory
) -> Overwritten:
    """Return what became of the texts this machine had, now that it sees `memory`."""
    seen = last_seen.load_seen(workspace.root)
    now = clock.now()
    since = {seen.memory: now, **seen.missing} if seen.memory else dict(seen.missing)
    alone = state.is_alone(workspace.machines)
    claimed, missed, included = [], [], []
    if not since:
        root = kinship.first_contact(memory.digest)
        return Overwritten((root,) if root else (), ())
    for name, moment in since.items():
        text = texts.find(name)
        fate = kinship.judge(memory.digest, name, alone=alone)
        if text is None or fate is Relation.INCLUDED:
            included.append(name)
        elif fate is Relation.CLAIMED:
            claimed.append(name)
        elif fate is Relation.MISSED:
            missed.append(Branch(text, OVERWRITTEN))
        elif abs(now - moment) >= PATIENCE:
            missed.append(Branch(text, OVERWRITTEN, is_forsaken=True))
    return Overwritten(tuple(claimed), tuple(missed), tuple(included))
