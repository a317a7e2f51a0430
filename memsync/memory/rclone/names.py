"""The names of what steps aside while rclone carries, and how a file gets its own back."""

from __future__ import annotations

from pathlib import Path

from memsync.memory.history.backups import COPIES


def step_aside(root: Path, path: str) -> str:
    """Give a file's name to what the remote has; what stands here becomes its conflict copy."""
    (root / path).rename(free_name(root / path))
    return path


def give_names_back(root: Path) -> list[str]:
    """Undo what an older bisync does to a file that both sides changed after all.

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
    """Give what stepped aside its name again where the remote's text did not come after all."""
    for copy in sorted(root.rglob("*.conflict[0-9]*"), reverse=True):
        name, _, number = copy.name.rpartition(".conflict")
        if copy.parent.name == COPIES or not number.isdecimal():
            continue  # kept under its own name, or a person's file
        path = copy.with_name(name)
        if not path.exists():
            copy.rename(path)


def free_name(path: Path) -> Path:
    """Return the name of a conflict copy of a file that no other one has yet."""
    number = 1
    while (free := path.with_name(f"{path.name}.conflict{number}")).exists():
        number += 1
    return free
