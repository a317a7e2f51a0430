"""The mirror beside ``rsync -a``: 5,653 files of 59 MB, nothing changed, ten changed, and all new.

Both work on the same source in one run, by turns and in changing order; the ratio is the median
of the ratios of the rounds. The mirror is timed inside this process, as in the daemon; rsync as a
whole process. What is dirty is written to disk before each measurement, so that neither pays for
the other; the mirror's own sync is part of its time (``rsync -a`` makes none). Before anything is
measured, both copies are compared with the source.
"""

from __future__ import annotations

import filecmp
import os
import random
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from memsync.memory.mirror.report import Rules
from memsync.memory.mirror.run import mirror

Row = tuple[str, str, str, str]

ROUNDS = 15
FULL_ROUNDS = 7
LOGS = 3_650
BACKUPS = 2_000


def build(root: Path) -> None:
    """Lay out a memory root as ten years leave it: 5,653 files, 59 MB."""
    draw = random.Random(5653)
    for folder in ("sessions", "backups", "machines/pi-3f2a"):
        (root / folder).mkdir(parents=True)
    for number in range(LOGS):
        size = draw.randrange(1_000, 8_400)
        (root / "sessions" / f"{number:05}.md").write_bytes(draw.randbytes(size))
    for number in range(BACKUPS):
        name = f"GLOBAL_MEMORY_20261123_{number:06}.md"
        (root / "backups" / name).write_bytes(draw.randbytes(20_000))
    (root / "GLOBAL_MEMORY.md").write_text("- a line of the memory\n" * 870)
    (root / "machines/pi-3f2a/report.toml").write_bytes(draw.randbytes(800))
    (root / "machines/pi-3f2a/usage.jsonl").write_bytes(draw.randbytes(1_600_000))


def change_ten(root: Path, turn: int) -> None:
    """Append a note to ten of the logs, other ones each turn."""
    for number in range(turn * 10, turn * 10 + 10):
        with (root / "sessions" / f"{number % LOGS:05}.md").open("ab") as log:
            log.write(b"\n---\n### 12:00:00\na note more\n")


def run() -> list[Row]:
    """Measure, and return the rows (figure, ours, peer, ratio and what it should reach)."""
    rsync = shutil.which("rsync")
    with tempfile.TemporaryDirectory(prefix="memsync-bench-") as folder:
        place = Path(folder)
        source = place / "source"
        build(source)
        bench = _Bench(source, place / "ours", place / "rsync", rsync)
        bench.check()
        return [
            bench.compare("mirror, nothing changed", 0.65, ROUNDS, _leave),
            bench.compare("mirror, 10 changed", 0.6, ROUNDS, lambda turn: change_ten(source, turn)),
            bench.compare("mirror, full copy", 1.0, FULL_ROUNDS, bench.start_anew),
        ]


class _Bench:
    def __init__(self, source: Path, ours: Path, theirs: Path, rsync: str | None) -> None:
        self.source, self.ours, self.theirs, self.rsync = source, ours, theirs, rsync

    def mirror(self) -> None:
        mirror(self.source, self.ours, Rules(), datetime.now(UTC))

    def peer(self) -> None:
        subprocess.run([str(self.rsync), "-a", f"{self.source}/", str(self.theirs)], check=True)

    def check(self) -> None:
        for copier, copy in ((self.mirror, self.ours), (self.peer, self.theirs)):
            if copier == self.peer and not self.rsync:
                continue
            copier()
            for path in self.source.rglob("*"):
                twin = copy / path.relative_to(self.source)
                if path.is_file() and not filecmp.cmp(path, twin, shallow=False):
                    raise AssertionError(f"{twin} differs")

    def start_anew(self, turn: int) -> None:
        # Nothing is deleted in between: ext4 avoids inodes that were freed a moment ago, which
        # makes the next thousands of files five times as slow to create.
        self.ours = self.ours.with_name(f"ours-{turn}")
        self.theirs = self.theirs.with_name(f"rsync-{turn}")

    def compare(
        self, figure: str, reach: float, rounds: int, prepare: Callable[[int], None]
    ) -> Row:
        ours: list[float] = []
        theirs: list[float] = []
        for turn in range(rounds):
            prepare(turn)
            runners = [(self.mirror, ours)]
            if self.rsync:
                runners.append((self.peer, theirs))
            for runner, times in runners if turn % 2 else reversed(runners):
                times.append(_milliseconds(runner))
        if not theirs:
            return (figure, _show(ours), "skipped: no rsync", f"- (reach <= {reach})")
        ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
        return (figure, _show(ours), f"{_show(theirs)} rsync -a", f"{ratio:.2f} (reach <= {reach})")


def _leave(_turn: int) -> None:
    """Change nothing."""


def _milliseconds(runner: Callable[[], None]) -> float:
    os.sync()
    start = time.perf_counter()
    runner()
    return (time.perf_counter() - start) * 1000


def _show(times: list[float]) -> str:
    return f"{statistics.median(times):.1f} ms"


def main() -> None:
    for row in run():
        print("  ".join(f"{cell:<26}" for cell in row).rstrip())


if __name__ == "__main__":
    main()
