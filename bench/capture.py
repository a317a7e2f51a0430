"""``POST /note`` beside Flask's development server: notes a second and the slowest of a hundred.

The daemon is the real one, with its guard, spool and mover, on a home of its own. The peer writes
the same entry to a day's log and fsyncs it before each answer, a thread a connection. Both run at
once, and are asked by turns, in changing order; a ratio is the median of the ratios of the rounds.
Each round begins with empty logs, and nobody is asked while the mover is still at work. The
clients are wrk's where it is installed (`bench.load`).

The slow disk takes 10 ms for an fsync, one after the other, as an SD card does: a
``sitecustomize.py`` on the path of both servers wraps `os.fsync`.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.daemon import Machine, serving

Row = tuple[str, str, str, str]
Seen = dict[str, float]
Load = tuple[int, str]
Values = tuple[list[float], str]

KEEP, CLOSE = "keep", "close"
ROUNDS = 5
SECONDS = 2
SETTLE_SECONDS = 30.0
SLOW_DISK = """
import os, threading, time
_fsync, _disk = os.fsync, threading.Lock()
def _slow(descriptor):
    with _disk:
        time.sleep(0.01)
        _fsync(descriptor)
os.fsync = _slow
"""
NAIVE = """
import os, sys
from datetime import datetime
import logging
from flask import Flask, request
logging.getLogger("werkzeug").setLevel(logging.ERROR)
app = Flask("ear")
@app.get("/health")
def health(): return {"ok": True}
@app.post("/note")
def note():
    moment = datetime.now()
    entry = f"\\n---\\n### {moment:%H:%M:%S} (captured)\\n{request.get_json()['text']}\\n"
    with open(sys.argv[2], "ab") as log:
        log.write(entry.encode())
        log.flush()
        os.fsync(log.fileno())
    return {"ok": True, "timestamp": f"{moment:%H:%M:%S}"}
app.run(port=int(sys.argv[1]), threaded=True)
"""


def run() -> list[Row]:
    """Measure, and return the rows (figure, ours, peer, ratio and what it should reach)."""
    if not Path("/proc").exists():
        return [("POST /note", "-", "-", "needs Linux")]
    fast = [
        _round(turn, [(1, KEEP), (16, KEEP), (64, KEEP), (16, CLOSE)]) for turn in range(ROUNDS)
    ]
    slow = [_round(turn, [(16, KEEP)], slow_disk=True) for turn in range(ROUNDS)]
    return [
        *_rows("POST /note, 1 client", fast, (1, KEEP), "-", "-"),
        *_rows("POST /note, 16 clients", fast, (16, KEEP), ">= 2.2", "<= 0.7"),
        *_rows("POST /note, 64 clients", fast, (64, KEEP), "-", "-"),
        *_rows("POST /note, 16 clients, each note connects", fast, (16, CLOSE), "-", "-"),
        _row("POST /note, 64 clients beside 16", *_many_and_few(fast), ">= 1"),
        _row("POST /note, 16 clients beside the disk", *_beside_disk(fast), "-"),
        *_rows("POST /note, 16 clients, slow disk", slow, (16, KEEP), ">= 6", "-"),
    ]


class Round:
    """What one round saw: by load, and the disk alone."""

    def __init__(self) -> None:
        self.ours: dict[Load, Seen] = {}
        self.naive: dict[Load, Seen] = {}
        self.fsyncs = 0.0


def _round(turn: int, loads: list[Load], *, slow_disk: bool = False) -> Round:
    seen = Round()
    with tempfile.TemporaryDirectory(prefix="memsync-bench-") as folder:
        place = Path(folder)
        machine = Machine(place)
        if slow_disk:
            (place / "sitecustomize.py").write_text(SLOW_DISK)
            machine.env["PYTHONPATH"] = f"{place}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
        sides = [(seen.ours, machine.ports[1]), (seen.naive, machine.naive_ports[1])]
        with machine.daemon(), _naive(machine):
            seen.fsyncs = _raw_fsyncs(place / "raw")
            for load in loads if turn % 2 else reversed(loads):
                for found, port in sides if turn % 3 else reversed(sides):
                    found[load] = _load(port, load)
                    _settle(machine.memory.parent / "sessions")
    return seen


@contextmanager
def _naive(machine: Machine) -> Iterator[int]:
    port = machine.naive_ports[1]
    command = [sys.executable, "-c", NAIVE, str(port), str(machine.folder / "naive.md")]
    yield from serving(command, machine.env, (port,))


def _load(port: int, load: Load) -> Seen:
    clients, kind = load
    command = [sys.executable, "-m", "bench.load", str(port), str(clients), str(SECONDS), kind]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    seen: Seen = json.loads(done.stdout)
    return seen


def _settle(sessions: Path) -> None:
    """Wait until the mover has moved all notes: it is not to work in its neighbour's time."""
    deadline = time.monotonic() + SETTLE_SECONDS
    before, size = -1, -2
    while before != size and time.monotonic() < deadline:
        before = size
        size = sum(path.stat().st_size for path in sessions.glob("*.md"))
        time.sleep(0.7)


def _raw_fsyncs(path: Path) -> float:
    """Return how often a second this disk appends and fsyncs what a note is long."""
    line = b"x" * 200
    end, count = time.perf_counter() + 0.5, 0
    with path.open("ab", buffering=0) as file:
        while time.perf_counter() < end:
            file.write(line)
            os.fsync(file.fileno())
            count += 1
    return count / 0.5


def _rows(label: str, rounds: list[Round], load: Load, rate: str, slowest: str) -> list[Row]:
    return [
        _row(
            label,
            ([seen.ours[load][key] for seen in rounds], unit),
            ([seen.naive[load][key] for seen in rounds], f"Flask {{}} {unit}"),
            reach,
        )
        for key, unit, reach in (("rate", "notes/s", rate), ("p99", "ms p99", slowest))
    ]


def _many_and_few(rounds: list[Round]) -> tuple[Values, Values]:
    many = [seen.ours[64, KEEP]["rate"] for seen in rounds]
    few = [seen.ours[16, KEEP]["rate"] for seen in rounds]
    return (many, "notes/s"), (few, "16 clients {} notes/s")


def _beside_disk(rounds: list[Round]) -> tuple[Values, Values]:
    ours = [seen.ours[16, KEEP]["rate"] for seen in rounds]
    return (ours, "notes/s"), ([seen.fsyncs for seen in rounds], "raw {} fsyncs/s")


def _row(label: str, ours: Values, peer: Values, reach: str) -> Row:
    ratio = statistics.median(a / b for a, b in zip(ours[0], peer[0], strict=True))
    aim = "" if reach == "-" else f" (reach {reach})"
    return (
        label,
        f"{_show(ours[0])} {ours[1]}",
        peer[1].format(_show(peer[0])),
        f"{ratio:.2f}{aim}",
    )


def _show(values: list[float]) -> str:
    middle = statistics.median(values)
    return f"{middle:.1f}" if middle < 100 else f"{middle:.0f}"


if __name__ == "__main__":
    for row in run():
        print("{:<44} {:>14} {:>26}  {}".format(*row))
