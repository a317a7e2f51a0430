"""Cut off at any moment: killed, without power, out of room. Nothing torn, nothing lost.

`make test` does a part of it; `make torture` does the whole. Each deed runs in real processes that
are forked from one that is warmed up (tests/support/victim.py).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.disks import IN_OWN_NAMESPACE
from tests.support.scale import TORTURE, need_mounts, share

ROOT = Path(__file__).parents[1]
DEEDS = ("note", "refresh", "save", "restore", "mirror")
KILLS = share(1000, 25)
CUTS = share(200, 5)
FILLS = share(100, 8)
SHARED_MEMORY = Path("/dev/shm")
SEED = "20261123"

pytestmark = [
    pytest.mark.torture,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform cannot fork"),
]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """Where kills are made: on the disk by `make torture`, else where syncing costs nothing.

    A kill loses nothing that was written, synced or not, so the place only decides how long each
    step takes; on a disk the moments before and after a sync are hit more often.
    """
    if TORTURE or not SHARED_MEMORY.is_dir():
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(prefix="memsync-", dir=SHARED_MEMORY) as folder:
        yield Path(folder)


def cut_off(home: Path, mode: str, deeds: tuple[str, ...], rounds: int, *, disk: str = "") -> None:
    """Have deeds cut off, and print what came of it; any broken promise fails with its story."""
    words = [sys.executable, "-m", "tests.support.victim", mode, ",".join(deeds), str(rounds), SEED]
    done = subprocess.run(
        [*(IN_OWN_NAMESPACE if mode != "kill" else ()), *words],
        env={**os.environ, "HOME": str(home), "MEMSYNC_TEST_DISK": disk, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    table = json.loads(done.stdout)
    for deed, counts in table.items():
        print(f"{mode} {disk} {deed}: {counts}")
        assert counts["rounds"] == rounds
    assert sum(counts["acknowledged"] for counts in table.values()) > 0, "it never got to work"


def test_kills_at_random_moments_tear_lose_and_double_nothing(place):
    cut_off(place, "kill", DEEDS, KILLS // len(DEEDS))


@pytest.mark.parametrize("disk", ["ext4", "xfs"])
def test_power_cuts_tear_nothing_and_lose_nothing_acknowledged(disk, tmp_path):
    need_mounts(f"mkfs.{disk}", loop=True)
    cut_off(tmp_path, "cut", ("everything",), CUTS, disk=disk)


def test_a_full_disk_refuses_in_words_and_keeps_what_was_there(tmp_path):
    need_mounts()
    cut_off(tmp_path, "fill", DEEDS[:4], FILLS // 4)
