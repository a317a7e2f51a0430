"""The real program on a libc that fails: fsync, rename and link refused at random by libfiu."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from memsync.config.workspace import Workspace
from memsync.memory import store
from memsync.refresh import pending
from tests.conftest import SAMPLE
from tests.support.scale import need, share

POINTS = ("sync/fsync", "dir/rename", "dir/link", "sync/fdatasync")


def memsync(home: Path, *words: str, faults: str = "") -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-m", "memsync", *words]
    if faults:
        program = ["fiu-run", "-x", "-c", faults, *program]
    return subprocess.run(
        program, cwd=home, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )


@pytest.mark.skipif(sys.platform != "linux", reason="libfiu works by the loader of Linux")
def test_a_process_whose_disk_fails_at_random_says_so_and_the_next_one_heals(
    workspace: Workspace, home: Path
) -> None:
    need("fiu-run")
    failed = 0
    cases = [("sync/fsync", 1.0)]  # the one that is sure to fail
    cases += [
        (random.choice(POINTS), random.choice((0.1, 0.3, 1.0))) for _ in range(share(100, least=3))
    ]
    for number, (point, chance) in enumerate(cases):
        faults = f"enable_random name=posix/io/{point},probability={chance}"
        done = memsync(home, "refresh", "--notes", f"note {number}.", faults=faults)
        assert "Traceback" not in done.stderr, done.stderr
        before = store.read(workspace).text
        assert before.startswith(SAMPLE)
        if done.returncode:
            failed += 1
            assert done.stderr.startswith("Error: "), done.stderr
            assert "\nTry: " in done.stderr
            if f"note {number}." not in str(pending.pending_notes(workspace)) + before:
                continue  # refused, and said so
        healed = memsync(home, "refresh")
        assert healed.returncode == 0, healed.stderr
        assert memsync(home, "targets", "sync").returncode == 0
        text = store.read(workspace).text
        assert text.count(f"note {number}.") == 1
        assert text in (home / ".claude" / "CLAUDE.md").read_text()
        assert not list(workspace.root.rglob("*.tmp"))
    assert failed
