"""Rename files to conflict copies while rclone runs, and give their names back afterwards."""

from __future__ import annotations

from pathlib import Path

from memsync.config.sync_folder import folder_at
from memsync.memory.history.backups import COPIES


def step_aside(root: Path, path: str) -> str:
    """Rename a file to a conflict copy, so that the remote's gets its name; return the path."""
    folder_at(root).rename(root / path, free_name(root, root / path).name)
    return path


def give_names_back(root: Path) -> list[str]:
    """Undo what an older bisync does to a file that both sides changed; return these files.

    It takes the name away on both sides, and leaves ``NAME..path1`` and ``NAME..path2``.
    """
    files, given = folder_at(root), []
    for theirs in files.all_files("*..path2"):
        path = theirs.with_name(theirs.name.removesuffix("..path2"))
        ours = path.with_name(f"{path.name}..path1")
        if not files.exists(path) and files.exists(ours):
            files.rename(theirs, path.name)
            files.rename(ours, free_name(root, path).name)
            given.append(path.relative_to(root).as_posix())
    return given


def take_back(root: Path) -> None:
    """Give renamed files their names again if the remote's text did not arrive."""
    files = folder_at(root)
    for copy in reversed(files.all_files("*.conflict[0-9]*")):
        name, _, number = copy.name.rpartition(".conflict")
        if copy.parent.name == COPIES or not number.isdecimal():
            continue  # kept under its own name, or a person's file
        path = copy.with_name(name)
        if not files.exists(path):
            files.rename(copy, path.name)


def free_name(root: Path, path: Path) -> Path:
    """Return an unused name for a conflict copy of a file."""
    files, number = folder_at(root), 1
    while files.exists(free := path.with_name(f"{path.name}.conflict{number}")):
        number += 1
    return free
