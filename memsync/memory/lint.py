"""Lint the memory of this machine: its text, and its size for every agent here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from memsync import clock, targets
from memsync.config.workspace import Workspace
from memsync.memory import store
from memsync.targets import Target
from memsync.text.lint.finding import Finding
from memsync.text.lint.rules import find_problems


def lint_memory(workspace: Workspace) -> list[Finding]:
    """Return the findings about the memory, by line; those about the whole memory come first.

    Raises:
        MemsyncError: the memory cannot be read.
    """
    text = store.read(workspace).text
    wanted = targets.configured_targets(workspace.config)
    folders = [workspace.root, *(target.path.parent for target in wanted)]
    most = workspace.config.max_memory_lines
    found = [*_length(text, most), *_sizes(wanted)]
    return found + find_problems(
        text, clock.now().date(), lambda path: leads_somewhere(path, folders)
    )


def lint_file(path: Path, text: str) -> list[Finding]:
    """Return the findings about the text of any instruction file; its size is not checked."""
    return find_problems(
        text, clock.now().date(), lambda named: leads_somewhere(named, [path.parent])
    )


def leads_somewhere(path: str, folders: Sequence[Path]) -> bool:
    """Is an import's path a file, seen from one of the folders in which it is read?"""
    try:
        wanted = Path(path).expanduser()
        return any((folder / wanted).is_file() for folder in folders)
    except (OSError, ValueError, RuntimeError):
        return False


def _length(text: str, most: int) -> Iterator[Finding]:
    lines = text.count("\n")
    if lines > most:
        advice = "a refresh with a model condenses what is recent; memsync edit for the rest"
        yield Finding(0, "length", f"{lines} lines, more than {most}", advice, serious=True)


def _sizes(wanted: Sequence[Target]) -> Iterator[Finding]:
    for target in wanted:
        size = targets.size_of(target)
        if size is None or size.level == "fits":
            continue
        over, cuts = size.level == "over", size.limit.cuts
        if over or cuts:
            message = f"{target.name}: {size.words}" + ("" if cuts else " that its maker advises")
            if over and cuts:
                message += "; what is beyond is not read"
            advice = f"shorten the memory, or what else stands in {target.path}"
            yield Finding(0, "size", message, advice, serious=over and cuts)
