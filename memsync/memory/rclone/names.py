"""Rename files to conflict copies while rclone runs, and give their names back afterwards."""

from __future__ import annotations

from pathlib import Path

from memsync.memory.history.backups import COPIES


def step_aside(root: Path, path: str) -> str:
    """Rename a file to a conflict copy, so that the remote's gets its name; return the path."""
    (root / path).rename(free_name(root / path))
    return path


def give_names_back(root: Path) -> list[str]:
    """Undo what an older bisync does to a file that both sides changed; return these files.

    It takes the name away on both sides, and leaves ``NAME..path1`` and ``NAME..path2``.
    """
    given = []
    for theirs in sorted(root.rglob("*..path2")):
        path = theirs.with_name(theirs.name.removesuffix("..path2"))
        ours = path.with_name(f"{path.name}..path1")
        if not path.exists() and ours.exists():
            theirs.rename(path)
            ours.rename(free_name(path))
            given.append(path.relative_to(root).as_posix())
    return given


def take_back(root: Path) -> None:
    """Give renamed files their names again if the remote's text did not arrive."""
    for copy in sorted(root.rglob("*.conflict[0-9]*"), reverse=True):
        name, _, number = copy.name.rpartition(".conflict")
        if copy.parent.name == COPIES or not number.isdecimal():
            continue  # kept under its own name, or a person's file
        path = copy.with_name(name)
        if not path.exists():
            copy.rename(path)


def free_name(path: Path) -> Path:
    """Return an unused name for a conflict copy of a file."""
    number = 1
    while (free := path.with_name(f"{path.name}.conflict{number}")).exists():
        number += 1
    return free
