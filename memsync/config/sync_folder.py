"""The memory root as this machine may use it: its opener, the links that count, its own folder.

The memory, or a folder of ours, that is itself a link counts only if this machine wrote that down,
in ``links.json`` in its state. A link that was there at first contact, on a machine that knew the
root before, is read; nothing is written through it until a person says that it is theirs.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from memsync.config.state import machine_name, seen_folder
from memsync.config.state_file import StateFile
from memsync.config.workspace import MEMORY_NAME
from memsync.errors import WrongUsageError
from memsync.files.opener import RootFolder
from memsync.files.place import is_link
from memsync.files.walk import KnownLink

_Links = dict[str, KnownLink]


@dataclass(frozen=True)
class UnansweredLink:
    """A link in one of our places, by its path from the root; `is_read` if it is until answered."""

    name: str
    to: str
    is_read: bool


def folder_at(root: Path) -> RootFolder:
    """Return what opens the files below a memory root, and make first contact with the root."""
    with suppress(OSError):  # no link counts then
        if not _file(root).path.exists():
            _make_contact(root)
    return RootFolder(root, partial(_known_link, root))


def own_folder(machines: Path) -> Path:
    """Return this machine's own folder in the sync folder, made where it is missing.

    The memory root itself is never made: where it is gone, or empty, its drive is away.

    Args:
        machines: the folder of all machines' folders (`Workspace.machines`).

    Raises:
        FolderAwayError: the memory root is empty.
        OSError: the folder cannot be made, or the memory root is not there.
    """
    return folder_at(machines.parent).make_folder(machines / machine_name())


def is_alone(machines: Path) -> bool:
    """Has no other machine ever written into the memory folder?

    Args:
        machines: the folder of all machines' folders (`Workspace.machines`).
    """
    files = folder_at(machines.parent)
    with suppress(OSError):
        others = set(files.entries(machines)) - set(files.files_in(machines))
        return others <= {machines / machine_name()}
    return True


def trust_link(root: Path, name: str) -> None:
    """Write down that a link is this machine's own; it is read and written through from now on.

    Args:
        root: the memory root.
        name: its path from the root, such as ``sessions``.

    Raises:
        WrongUsageError: the memory, or a folder of ours, that is a link is not called so.
        OSError: it cannot be written down.
    """
    found = _links_found(root)
    if name not in found:
        raise WrongUsageError(
            f"{name!r} is no link that memsync would use", hint="memsync doctor names those"
        )
    folder_at(root)  # first contact, where there was none
    _save(root, _load(root) | {name: KnownLink(found[name], may_write=True)})


def unanswered_links(root: Path) -> list[UnansweredLink]:
    """Return the links in our places that nobody vouched for."""
    folder_at(root)
    known = {name: link for name in _links_found(root) if (link := _known_link(root, name))}
    return [
        UnansweredLink(name, to, is_read=name in known and known[name].to == to)
        for name, to in _links_found(root).items()
        if known.get(name) != KnownLink(to, may_write=True)
    ]


def _links_found(root: Path) -> dict[str, str]:
    """Return which of our places below the root are links, and where each leads."""
    own = f"machines/{machine_name()}"
    places = (MEMORY_NAME, "backups", "backups/copies", "sessions", "machines", own)
    found: dict[str, str] = {}
    for name in (*places, f"{own}/conflicts", f"{own}/proposals"):
        if any(name.startswith(f"{above}/") for above in found):
            continue  # nothing behind a link is looked at
        with suppress(OSError):
            if is_link((root / name).lstat()):
                found[name] = os.readlink(root / name)  # noqa: PTH115 - as it is written
    return found


def _make_contact(root: Path) -> None:
    if not RootFolder(root).entries(root):
        return  # away: nobody can tell what is a link there
    was_known = (seen_folder(root) / "seen.json").exists()
    found = _links_found(root) if was_known else {}
    seen_folder(root).mkdir(parents=True, exist_ok=True, mode=0o700)
    _save(root, {name: KnownLink(to, may_write=False) for name, to in found.items()})


def _known_link(root: Path, name: str) -> KnownLink | None:
    with suppress(OSError):  # what this machine cannot look up does not count
        return _load(root).get(name)
    return None


def _load(root: Path) -> _Links:
    return _file(root).load(_parse, {})


def _parse(table: dict[str, Any]) -> _Links:
    return {
        str(name): KnownLink(str(entry["to"]), entry["may_write"] is True)
        for name, entry in table.items()
    }


def _save(root: Path, links: _Links) -> None:
    _file(root).save({name: asdict(link) for name, link in links.items()})


def _file(root: Path) -> StateFile:
    return StateFile("links.json", seen_folder(root))
