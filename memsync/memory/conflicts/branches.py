"""Branches to merge into the memory: conflict copies of it, and versions that were overwritten.

Looks and decides; changes nothing.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from memsync import clock
from memsync.config.state import machine_name, slug
from memsync.config.sync_folder import folder_at, is_alone
from memsync.config.workspace import MEMORY_NAME, Workspace
from memsync.files.opener import RootFolder, SkippedFile
from memsync.memory.conflicts.merge_base import Ancestors, Relation
from memsync.memory.history import backups, last_seen
from memsync.memory.history.ancestry import Ancestry
from memsync.memory.reading import is_empty
from memsync.memory.store import Memory
from memsync.providers.conflict_copies import Copy, has_similar_name, recognise_copy
from memsync.text.digest import digest

PATIENCE = timedelta(hours=12)
"""How long another machine has to log a memory that somebody edited there by hand."""

UNKNOWN = Copy("", certain=False)
"""For a name like the memory's that no known client makes: the file is never merged."""

_DIGEST = re.compile(r"[0-9a-f]{64}")

OVERWRITTEN = "what this machine had before it was written over"


@dataclass(frozen=True)
class Branch:
    """A text to merge into the memory: where it came from, and the file of the copy, if any.

    An unclaimed one is a version that the memory lacks, and no machine has logged why.
    """

    text: str
    source: str
    copy: Path | None = None
    is_unclaimed: bool = False

    @property
    def digest(self) -> str:
        """The digest of the text."""
        return digest(self.text.encode("utf-8"))


@dataclass(frozen=True)
class Copies:
    """The conflict copies of the memory, and files that may be copies or a person's own."""

    sure: tuple[Branch, ...]
    doubtful: tuple[Path, ...]


@dataclass(frozen=True)
class Overwritten:
    """The versions this machine knew: those edited by hand, those missing, those in the memory."""

    edited: tuple[str, ...]
    missing: tuple[Branch, ...]
    included: tuple[str, ...] = ()


class TextFinder:
    """Finds texts by digest: those added here, then this machine's state, then the backups."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._found: dict[str, str | None] = {}
        self._backups: dict[str, Path] | None = None

    def add(self, text: str) -> str:
        """Add a text; return its digest."""
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
            return folder_at(self._workspace.root).read(self._backups[name]).decode("utf-8")
        return None


def find_text(workspace: Workspace, name: str) -> str | None:
    """Return the text with the digest `name`, which may be any text from outside, or None."""
    return TextFinder(workspace).find(name) if _DIGEST.fullmatch(name) else None


def readable_copies(root: Path) -> list[tuple[Copy, Branch]]:
    """Return the files named like conflict copies of the memory that can be read."""
    files, found = folder_at(root), []
    for copy, path in files_named_like_copies(root):
        text = _text_of(files, path)
        if text is not None:
            found.append((copy, Branch(text, path.name, path)))
    return found


def unreadable_memory_copies(root: Path) -> list[SkippedFile]:
    """Return the files named like conflict copies of the memory that cannot be read, and why."""
    files, found = folder_at(root), []
    for _, path in files_named_like_copies(root):
        with contextlib.suppress(FileNotFoundError):  # removed meanwhile
            why = read_copy(files, path)[1]
            if why:
                found.append(SkippedFile(path, why))
    return found


def files_named_like_copies(root: Path) -> list[tuple[Copy, Path]]:
    """Return the files named like conflict copies of the memory, readable or not."""
    there = {path.name: path for path in folder_at(root).entries(root)}
    known = ((recognise_copy(name, MEMORY_NAME) or _unknown(name), there[name]) for name in there)
    return [(copy, path) for copy, path in known if copy is not None]


def _unknown(name: str) -> Copy | None:
    return UNKNOWN if has_similar_name(name, MEMORY_NAME) else None


def _text_of(files: RootFolder, path: Path) -> str | None:
    """Return a copy's text; None if it is a placeholder, a link, damaged or no text."""
    with contextlib.suppress(FileNotFoundError):
        return read_copy(files, path)[0]
    return None


def read_copy(files: RootFolder, path: Path) -> tuple[str | None, str]:
    """Return a copy's text, or None and the reason, in a few words.

    Raises:
        FileNotFoundError: it is gone.
    """
    kind = files.why_odd(path)
    if kind or files.is_evicted(path):
        return None, kind or "its content is in the cloud"
    try:
        text = files.read(path).decode("utf-8")
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
    """Return which of the files named like conflict copies are copies, by name or by content.

    `taken` is the name of a file that is a copy because a person says so.
    """
    is_of_ours = is_from_our_machines(workspace)
    sure, doubtful = [], []
    for copy, branch in named:
        is_ours = is_of_ours(copy)
        if (copy.certain or branch.source == taken) or (
            copy != UNKNOWN and _is_memory(graph, texts, memory, branch, is_ours=is_ours)
        ):
            sure.append(branch)
        elif branch.copy is not None:
            doubtful.append(branch.copy)
    return Copies(tuple(sure), tuple(doubtful))


def is_from_our_machines(workspace: Workspace) -> Callable[[Copy], bool]:
    """Return a predicate: does a copy's name hold a mere number, or name one of the machines?"""
    hosts = set()
    with contextlib.suppress(OSError):  # whoever must read it says what is wrong
        there = folder_at(workspace.root).entries(workspace.machines, "*-*")
        hosts = {path.name.rpartition("-")[0] for path in there}
    hosts.add(machine_name().rpartition("-")[0])
    return lambda copy: _is_of(copy, hosts)


def _is_of(copy: Copy, hosts: set[str]) -> bool:
    """Does a copy's name hold a mere number, or name a machine that has this memory?"""
    if not copy.host:
        return True
    # macOS makes the host name Adas-Mac of a computer that OneDrive calls Ada's Mac.
    named = slug(copy.host.translate(dict.fromkeys(map(ord, "'\u2019"))))
    return any(
        named == host or named.startswith(f"{host}-") or named.endswith(f"-{host}")
        for host in hosts
    )


def _is_memory(
    graph: Ancestry, texts: TextFinder, memory: Memory, branch: Branch, *, is_ours: bool
) -> bool:
    """Is the content that of a memory, although the name alone does not say so?

    It is if half of its lines are in the memory, or were once. A file that names no machine of ours
    and holds nothing new is more likely a person's own copy.
    """
    if graph.knows(branch.digest):
        return is_ours or not graph.descends(memory.digest, branch.digest)
    if not is_ours:
        return False
    lines, standing = ({*text.split("\n")} - {""} for text in (branch.text, memory.text))
    if len(lines & standing) * 2 >= min(len(lines), len(standing)):
        return True
    known = standing.union(*((texts.find(name) or "").split("\n") for name in graph.all()))
    return len(lines & known) * 2 >= len(lines)


def find_overwritten(
    workspace: Workspace, ancestors: Ancestors, texts: TextFinder, memory: Memory
) -> Overwritten:
    """Compare the versions this machine knew with the memory as it is now."""
    seen = last_seen.load_seen(workspace.root)
    now = clock.now()
    since = {seen.memory: now, **seen.missing} if seen.memory else dict(seen.missing)
    alone = is_alone(workspace.machines)
    edited, missing, included = [], [], []
    if not since:
        root = ancestors.first_contact(memory.digest)
        return Overwritten((root,) if root else (), ())
    for name, moment in since.items():
        text = texts.find(name)
        relation = ancestors.judge(memory.digest, name, alone=alone)
        if text is None or relation is Relation.INCLUDED:
            included.append(name)
        elif relation is Relation.EDITED_BY_HAND:
            edited.append(name)
        elif relation is Relation.MISSING:
            missing.append(Branch(text, OVERWRITTEN))
        elif abs(now - moment) >= PATIENCE:
            missing.append(Branch(text, OVERWRITTEN, is_unclaimed=True))
    return Overwritten(tuple(edited), tuple(missing), tuple(included))
