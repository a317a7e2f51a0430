"""What lies in the machines' folders and cannot be read: it is left out, and `doctor` names it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from memsync.config.state import machine_name
from memsync.config.sync_folder import folder_at
from memsync.config.workspace import Workspace
from memsync.files.opener import RootFolder, SkippedFile

FOLDERS = ("conflicts", "proposals")
FILES = (".log", ".toml", ".json", ".jsonl")
"""What a machine's folder holds; what else a person or a client puts there is their business."""


def odd_files(workspace: Workspace) -> list[SkippedFile]:
    """Return the files of all machines that cannot be read, and what was moved aside, and why."""
    files, machines = folder_at(workspace.root), workspace.machines
    found: list[SkippedFile] = []
    with suppress(OSError):  # another check says so
        for folder in sorted({*files.entries(machines)} - {*files.files_in(machines)}):
            found += _unreadable_in(files, folder)
            for name in FOLDERS:
                found += _unreadable_in(files, folder / name)
    for folder in (workspace.root, machines / machine_name()):
        with suppress(OSError):
            aside = files.entries(folder, "*.aside*")
            found += (SkippedFile(path, "no file of ours, so it was moved aside") for path in aside)
    return found


def _unreadable_in(files: RootFolder, folder: Path) -> Iterator[SkippedFile]:
    try:
        listed = files.entries(folder)
    except OSError as error:
        yield SkippedFile(folder, error.strerror or str(error))
        return
    for path in listed:
        why = _why(files, path) if path.suffix in FILES else ""
        if why:
            yield SkippedFile(path, why)


def _why(files: RootFolder, path: Path) -> str:
    try:
        why = files.why_odd(path)
        if not why:
            with files.opened(path):
                pass
    except FileNotFoundError:
        return ""
    except OSError as error:
        return error.strerror or str(error)
    return f"it is {why}" if why else ""
