"""The daemon in a process of its own, with a home, a memory and two free ports of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import tomli_w

from memsync.text.digest import digest
from tests.support.net import HOST, Answer, free_port, send, until

CONFLICT_COPY = "GLOBAL_MEMORY.sync-conflict-20261123-101112-ABCDEFG.md"
SYSTEM = ("PATH", "LANG", "TZ", "SYSTEMROOT", "TMPDIR")
"""What of the environment the daemon sees; the rest of the machine is none of its business."""


class Lodger:
    """A running daemon; `folder` is its whole world, and must be empty.

    Args:
        folder: where its home goes.
        memory: the text of the memory.
        more: settings of the daemon beside hosts and ports.
    """

    def __init__(self, folder: Path, memory: str, **more: object) -> None:
        self.home = folder
        self.web, self.capture = free_port(), free_port()
        self.root = folder / "Sync" / ".claude-memory"
        self.memory = self.root / "GLOBAL_MEMORY.md"
        self.claude = folder / ".claude" / "CLAUDE.md"
        for made in (self.root, self.claude.parent, folder / ".codex"):
            made.mkdir(parents=True)
        self.memory.write_bytes(memory.encode())
        self._config = folder / "config.toml"
        daemon = {
            "web_ui_host": HOST,
            "capture_host": HOST,
            "web_ui_port": self.web,
            "capture_port": self.capture,
            "web_ui_password": "",
            "capture_token": "",
            "allowed_hosts": ["pi.local"],
            **more,
        }
        core = {"provider": "custom", "engine": "offline"}
        paths = {"sync_root": str(folder / "Sync")}
        table = {"core": core, "paths": paths, "daemon": daemon}
        self._config.write_text(tomli_w.dumps(table), encoding="utf-8")
        self._config.chmod(0o600)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def env(self) -> Mapping[str, str]:
        """The environment in which any memsync command means this machine."""
        system = {name: os.environ[name] for name in SYSTEM if name in os.environ}
        return {
            **system,
            "HOME": str(self.home),
            "USERPROFILE": str(self.home),
            "MEMSYNC_CONFIG": str(self._config),
            "XDG_STATE_HOME": str(self.home / "state"),
            "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
        }

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "memsync.daemon"]
        with (self.home / "errors").open("wb") as errors:
            self._process = subprocess.Popen(
                command, env=self.env, stdin=subprocess.DEVNULL, stdout=errors, stderr=errors
            )
        try:
            until(self._answers, 20)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(15)
        finally:
            self._process.kill()
            self._process.wait()

    def url(self, host: str = "localhost", path: str = "/") -> str:
        """Return an address of the page."""
        return f"http://{host}:{self.web}{path}"

    def memsync(self, *words: str, **more: str) -> str:
        """Run a command on this machine, with `more` around it, and return what it printed."""
        command = [sys.executable, "-m", "memsync", *words]
        env = {**self.env, **more}
        done = subprocess.run(command, env=env, capture_output=True, check=True, timeout=60)
        return done.stdout.decode()

    def note(self, text: str) -> Answer:
        """Send a note as a phone does, and wait until it is in the day's log."""
        body = json.dumps({"text": text}).encode()
        answer = send(self.capture, "POST", "/note", body, {"Content-Type": "application/json"})
        if answer.status == 200:
            first = text.splitlines()[0].encode()
            until(lambda: any(first in log for log in self.logs().values()))
        return answer

    def conflict(self, ours: str, theirs: str) -> None:
        """Have the memory changed here to `ours`, and a copy arrive of what a laptop made of it."""
        base = self.memory.read_text(encoding="utf-8")
        laptop = self.root / "machines" / "laptop-1a2b"
        laptop.mkdir(parents=True)
        named = " ".join(digest(text.encode()) for text in (theirs, base))
        (laptop / "published.log").write_text(f"2026-11-23T10:11:12.000000+00:00 {named}\n")
        draft = self.home / "draft.md"
        draft.write_bytes(ours.encode())
        self.memsync("edit", VISUAL=f"cp '{draft}'")
        (self.root / CONFLICT_COPY).write_bytes(theirs.encode())

    def logs(self) -> dict[str, bytes]:
        """Return the days' logs."""
        return {path.name: path.read_bytes() for path in (self.root / "sessions").glob("*.md")}

    def backups(self) -> list[bytes]:
        """Return the backups, the newest last."""
        return [path.read_bytes() for path in sorted((self.root / "backups").glob("*.md"))]

    def everything(self) -> dict[str, bytes]:
        """Return all files of this machine but the daemon's own diary."""
        files = (path for path in self.home.rglob("*") if path.is_file())
        return {
            str(path.relative_to(self.home)): path.read_bytes()
            for path in files
            if path.suffix != ".log" and path.name != "errors"
        }

    def _answers(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError((self.home / "errors").read_text())
        try:
            # Its own name on both: a refusal, too, is an answer.
            return all(send(port, "GET", "/health").status for port in (self.web, self.capture))
        except OSError:
            return False
