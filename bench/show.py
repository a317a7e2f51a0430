"""`memsync show` beside `python -c "import click"`: wall time of whole processes.

The two are started in turn, and the ratio is taken pair by pair.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 40
REACH = 1.3


def run() -> list[tuple[str, str, str, str]]:
    """Return the row: medians in milliseconds, and the median ratio."""
    with tempfile.TemporaryDirectory() as folder:
        env = _machine(Path(folder))
        ours = [str(Path(sys.executable).with_name("memsync")), "show"]
        peer = [sys.executable, "-c", "import click"]
        for command in (ours, peer):
            _wall(command, env)
        pairs = [(_wall(ours, env), _wall(peer, env)) for _ in range(ROUNDS)]
    ratio = statistics.median(mine / theirs for mine, theirs in pairs)
    return [
        (
            "memsync show, wall",
            f"{statistics.median(p[0] for p in pairs):.1f} ms",
            f"import click {statistics.median(p[1] for p in pairs):.1f} ms",
            f"{ratio:.2f} (reach <= {REACH})",
        )
    ]


def _machine(folder: Path) -> dict[str, str]:
    """Set up a machine with a 400-line memory and return its environment."""
    root = folder / "Sync" / ".claude-memory"
    root.mkdir(parents=True)
    lines = "".join(f"- line {number} of a memory\n" for number in range(400))
    (root / "GLOBAL_MEMORY.md").write_text(f"# Global memory\n\n{lines}")
    (folder / "config.toml").write_text(
        f'[core]\nprovider = "custom"\n\n[paths]\nsync_root = "{folder / "Sync"}"\n'
    )
    places = {"HOME": str(folder), "MEMSYNC_CONFIG": str(folder / "config.toml")}
    return {**os.environ, **places, "XDG_STATE_HOME": str(folder / "state")}


def _wall(command: list[str], env: dict[str, str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, env=env, stdout=subprocess.DEVNULL, check=True)
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    for row in run():
        print(*row, sep="  ")
