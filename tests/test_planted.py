"""Somebody who has the sync folder puts links, pipes and folders where memsync has files.

Nothing outside the folder is read or written, no command hangs, and notes are still taken.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest

from memsync import clock
from memsync.config.state import machine_name
from memsync.config.workspace import Workspace
from memsync.memory.publish import update_targets
from memsync.notes import log
from memsync.notes.spool import notes_of_commands
from memsync.text.note import make_note
from tests.support.scale import TORTURE

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows makes no pipes, and few links")

SECRET = "the canary is yellow"
SECONDS = 30
"""On an idle machine none takes five; one that waits on a pipe would wait for ever."""


def a_link(path: Path, canary: Path) -> None:
    path.symlink_to(canary / path.name)


def a_folder_link(path: Path, canary: Path) -> None:
    path.symlink_to(canary)


def a_loop(path: Path, canary: Path) -> None:
    path.symlink_to(path.name)


def an_endless_file(path: Path, canary: Path) -> None:
    path.symlink_to("/dev/zero")


def a_pipe(path: Path, canary: Path) -> None:
    os.mkfifo(path)


def a_folder(path: Path, canary: Path) -> None:
    path.mkdir()


KINDS = (a_link, a_folder_link, a_loop, an_endless_file, a_pipe, a_folder)
OWN = (
    "merged.log",
    "published.log",
    "changes.jsonl",
    "forgotten.log",
    "settled.log",
    "decisions.log",
    "usage.jsonl",
    "report.toml",
    "proposals/0123456789.json",
    "conflicts/0123456789.json",
)
PLACES = (
    ("backups",),
    ("backups/copies",),
    ("sessions",),
    ("machines",),
    ("machines/ME",),
    ("machines/ME/conflicts",),
    ("machines/ME/proposals",),
    ("machines/pi",),
    ("machines/pi/proposals", "machines/pi/conflicts"),
    ("GLOBAL_MEMORY.md",),
    ("GLOBAL_MEMORY-pi.md", "GLOBAL_MEMORY (1).md", "GLOBAL_MEMORY.md.conflict1"),
    ("sessions/TODAY.md",),
    ("sessions/TODAY-pi.md", "sessions/2026-01-01.md"),
    (
        "backups/GLOBAL_MEMORY_20200101_000000.md",
        "backups/GLOBAL_MEMORY_20200101_000000-pi.md",
        "backups/copies/0123456789ab_GLOBAL_MEMORY-pi.md",
    ),
    tuple(f"machines/pi/{name}" for name in OWN),
    *((f"machines/ME/{name}",) for name in OWN),
)
"""What is planted at once: each place of the folder, alone where it would hide another."""


def cases() -> list[tuple[tuple[str, ...], Callable[[Path, Path], None]]]:
    """Return every kind in every place by `make torture`; else another kind in each place."""
    if TORTURE:
        return list(product(PLACES, KINDS))
    return [(names, KINDS[at % len(KINDS)]) for at, names in enumerate(PLACES)]


COMMANDS = (
    ("note", "I moved to Oslo"),
    ("refresh",),
    ("status",),
    ("doctor",),
    ("review",),
    ("machines",),
    ("usage",),
    ("blame",),
    ("log",),
    ("conflicts",),
    ("show",),
    ("prune",),
    ("targets", "sync"),
    ("daemon", "run", "mirror"),
    ("restore", "--yes"),
)


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    """A folder outside, with a file for each name that is planted, all of the same text."""
    folder = tmp_path / "canary"
    folder.mkdir()
    for name in {Path(name).name for names in PLACES for name in names}:
        (folder / name).write_text(f"# Private\n\n- {SECRET}\n")
    return folder


def planted(
    workspace: Workspace, name: str, kind: Callable[[Path, Path], None], canary: Path
) -> None:
    """Put something odd in the place `name`; what was there goes."""
    today = clock.now().date().isoformat()
    name = name.replace("ME", machine_name()) if name.startswith("machines/ME") else name
    path = workspace.root / name.replace("TODAY", today)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        path.rename(workspace.root.parent / f"away-{path.name}")
    path.unlink(missing_ok=True)
    kind(path, canary)


def seen_outside(canary: Path) -> dict[str, tuple[bytes, int]]:
    return {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in sorted(canary.iterdir())}


def leaks(folder: Path) -> list[Path]:
    """Return the regular files below `folder` that hold the canary's text."""
    found = []
    for above, _, names in os.walk(folder):
        paths = (Path(above, name) for name in names)
        found += [
            p
            for p in paths
            if not p.is_symlink() and p.is_file() and SECRET in p.read_text("utf-8", "replace")
        ]
    return found


@pytest.fixture
def mirrored(home: Path, workspace: Workspace) -> Workspace:
    """A machine with a mirror, an earlier note, and a second machine in the folder."""
    (workspace.machines / "pi").mkdir()
    (workspace.machines / "pi" / "merged.log").write_text("# merged notes\n")
    log.append(workspace, make_note("said before", clock.now()))
    update_targets(workspace)
    subprocess.run(
        [sys.executable, "-m", "memsync", "config", "set", "daemon.backup_mirror_path", str(home / "mirror")],
        check=True, capture_output=True,
    )  # fmt: skip
    return workspace


@pytest.mark.parametrize(
    ("names", "kind"), cases(), ids=lambda case: getattr(case, "__name__", None) or case[0]
)
def test_whatever_is_planted_nothing_outside_is_touched_and_notes_go_on(
    mirrored, home, canary, names, kind
):
    before = seen_outside(canary)
    for name in names:
        planted(mirrored, name, kind, canary)
    for words in COMMANDS:
        done = subprocess.run(
            [sys.executable, "-m", "memsync", *words],
            capture_output=True, text=True, check=False, timeout=SECONDS, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        told = done.stdout + done.stderr
        assert "Traceback" not in told, words
        assert SECRET not in told, words
        assert done.returncode == 0 or "Error: " in told or words == ("doctor",), (words, told)
        assert done.returncode == 0 or "Try: " in told or words == ("doctor",), (words, told)
        assert seen_outside(canary) == before, words
    assert leaks(home) == []
    kept = [note.text for note in notes_of_commands().values()]
    taken = "I moved to Oslo"
    spelt = [path.read_text("utf-8", "replace") for path in kept_texts(mirrored)]
    assert taken in kept or any(taken in text for text in spelt)


def kept_texts(workspace: Workspace) -> list[Path]:
    found = [*workspace.root.glob("sessions/*"), workspace.memory]
    return [path for path in found if path.is_file() and not path.is_symlink()]
