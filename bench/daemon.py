"""The daemon beside a naive one: memory, wake-ups, CPU, and how soon both ports answer.

The naive one is Flask's development server on both ports, APScheduler, and the anthropic SDK
imported, as it is after its first call. Both run at the same time, on loopback; figures are read
from /proc. Linux only.
"""

from __future__ import annotations

import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

IDLE_SECONDS = 60
STARTS = 7

NAIVE = """
import sys, threading, time
from apscheduler.schedulers.background import BackgroundScheduler
from flask import Flask, request
page, ear = Flask("page"), Flask("ear")
@page.get("/")
def show(): return open(sys.argv[3]).read()
@ear.post("/note")
def note(): return {"ok": bool(request.get_json()["text"])}
scheduler = BackgroundScheduler(); scheduler.add_job(print, "cron", hour=3); scheduler.start()
for app, port in ((page, sys.argv[1]), (ear, sys.argv[2])):
    threading.Thread(target=app.run, kwargs={"port": int(port)}, daemon=True).start()
if len(sys.argv) > 4:
    import anthropic; anthropic.Anthropic(api_key="x")
while True: time.sleep(1)
"""


def run() -> list[tuple[str, str, str, str]]:
    """Return the rows; `bench` takes two minutes for them, most of it idling."""
    if not Path("/proc/self/smaps_rollup").exists():
        return [("daemon", "-", "-", "needs Linux")]
    with tempfile.TemporaryDirectory() as folder:
        machine = Machine(Path(folder))
        starts = _start_times(machine)
        with machine.daemon() as ours, machine.naive(with_sdk=True) as naive:
            machine.note_refresh_digest()
            time.sleep(3)
            memory = (_pss(ours), _pss(naive))
            before = (_counts(ours), _counts(naive))
            time.sleep(IDLE_SECONDS)
            after = (_counts(ours), _counts(naive))
    wakes = [b[0] - a[0] for a, b in zip(before, after, strict=True)]
    cpu = [(b[1] - a[1]) / IDLE_SECONDS * 100 for a, b in zip(before, after, strict=True)]
    return [
        (
            "daemon, PSS after a refresh and a digest",
            f"{memory[0]:.1f} MB",
            f"naive {memory[1]:.1f} MB",
            f"{memory[0] / memory[1]:.2f} (reach <= 40 MB)",
        ),
        (
            "daemon, wake-ups a minute",
            f"{wakes[0]:.0f}",
            f"naive {wakes[1]:.0f}",
            f"{wakes[0] / wakes[1]:.3f} (reach <= 10)",
        ),
        (
            "daemon, CPU when idle",
            f"{cpu[0]:.4f} %",
            f"naive {cpu[1]:.4f} %",
            f"{cpu[0] / max(cpu[1], 1e-9):.2f} (reach <= 0.05 %)",
        ),
        (
            "daemon, both ports answer after",
            f"{starts[0]:.0f} ms",
            f"naive {starts[1]:.0f} ms",
            f"{starts[0] / starts[1]:.2f} (reach <= 250 ms)",
        ),
    ]


class Machine:
    """A home with a memory, a config for free ports, and both daemons."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = (_free_port(), _free_port())
        self.naive_ports = (_free_port(), _free_port())
        self.memory = folder / "Sync" / ".claude-memory" / "GLOBAL_MEMORY.md"
        self.memory.parent.mkdir(parents=True)
        lines = "".join(f"- line {number} of a memory\n" for number in range(400))
        self.memory.write_text(f"# Global memory\n\n{lines}")
        config = folder / "config.toml"
        config.write_text(
            f'[core]\nprovider = "custom"\nengine = "offline"\n'
            f'[paths]\nsync_root = "{folder / "Sync"}"\n'
            f"[daemon]\nweb_ui_port = {self.ports[0]}\ncapture_port = {self.ports[1]}\n"
            'web_ui_host = "127.0.0.1"\ncapture_host = "127.0.0.1"\ncapture_daily_mb = 0\n'
            'web_ui_password = ""\ncapture_token = ""\n'
        )
        places = {"HOME": str(folder), "MEMSYNC_CONFIG": str(config)}
        self.env = {**os.environ, **places, "XDG_STATE_HOME": str(folder / "state")}

    @contextmanager
    def daemon(self) -> Iterator[int]:
        """Run memsync's daemon; yield its pid once both ports answer."""
        command = [sys.executable, "-m", "memsync.daemon"]
        yield from serving(command, self.env, self.ports)

    @contextmanager
    def naive(self, *, with_sdk: bool) -> Iterator[int]:
        """Run the naive daemon; yield its pid once both ports answer."""
        more = ["sdk"] if with_sdk else []
        ports = [str(port) for port in self.naive_ports]
        command = [sys.executable, "-c", NAIVE, *ports, str(self.memory), *more]
        yield from serving(command, self.env, self.naive_ports)

    def note_refresh_digest(self) -> None:
        """Give a note, merge it, make a digest, and look at the page."""
        body = b'{"text": "a note for the bench"}'
        for port in (self.ports[1], self.naive_ports[1]):
            _request(port, b"POST /note", body)
        for port in (self.ports[0], self.naive_ports[0]):
            _request(port, b"GET /", b"")
        for job in (["run", "refresh"], ["run", "digest", "--dry-run"]):
            command = [sys.executable, "-m", "memsync", "daemon", *job]
            subprocess.run(command, env=self.env, stdout=subprocess.DEVNULL, check=True)


def _start_times(machine: Machine) -> tuple[float, float]:
    ours, naive = [], []
    for _ in range(STARTS):
        began = time.perf_counter()
        with machine.daemon():
            ours.append((time.perf_counter() - began) * 1000)
        began = time.perf_counter()
        with machine.naive(with_sdk=False):
            naive.append((time.perf_counter() - began) * 1000)
    return statistics.median(ours), statistics.median(naive)


def serving(command: list[str], env: dict[str, str], ports: tuple[int, ...]) -> Iterator[int]:
    process = subprocess.Popen(
        command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        for port in ports:
            while not _request(port, b"GET /health", b""):
                if process.poll() is not None:
                    raise RuntimeError(f"{command} ended with {process.returncode}")
                time.sleep(0.002)
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def _request(port: int, line: bytes, body: bytes) -> bool:
    """Send a request and return whether anything came back."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
            client.sendall(
                line + b" HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                b"Content-Length: %d\r\n\r\n" % len(body) + body
            )
            return client.recv(16).startswith(b"HTTP/1.")
    except OSError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _pss(pid: int) -> float:
    """Return the proportional set size in MB (proc(5), smaps_rollup)."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("no Pss")


def _counts(pid: int) -> tuple[int, float]:
    """Return voluntary switches and CPU seconds of all threads (proc(5), status, schedstat)."""
    wakes, seconds = 0, 0.0
    for task in Path(f"/proc/{pid}/task").iterdir():
        for line in (task / "status").read_text().splitlines():
            if line.startswith("voluntary_ctxt_switches:"):
                wakes += int(line.split()[1])
        seconds += int((task / "schedstat").read_text().split()[0]) / 1e9
    return wakes, seconds


if __name__ == "__main__":
    for row in run():
        print(*row, sep="  ")
