"""memsync as a person calls it, and a machine on which its daemon may run for real."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psutil

from memsync import config as settings
from memsync.config import writer
from tests.support.net import Answer, free_port, send


@dataclass(frozen=True)
class Done:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def memsync(*words: str, more: Mapping[str, str] | None = None) -> Done:
    """Run `memsync …` in a process of its own, with nothing on its standard input."""
    done = subprocess.run(
        [sys.executable, "-m", "memsync", *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env={**os.environ, **(more or {})},
        timeout=60,
        check=False,
    )
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


def is_gone(pid: int) -> bool:
    """Tell whether a process has ended, be it that nobody has taken note of it yet."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


class Daemon:
    """The daemon of this test's machine, on two free ports of this machine alone."""

    def __init__(self) -> None:
        self._process: psutil.Process | None = None
        self.web, self.capture = free_port(), free_port()
        self.set(
            web_ui_host="127.0.0.1",
            capture_host="127.0.0.1",
            web_ui_password="",
            capture_token="",
            web_ui_port=self.web,
            capture_port=self.capture,
        )

    def set(self, **values: object) -> None:
        path = settings.get_config_path()
        writer.change(path, {f"daemon.{key}": value for key, value in values.items()})

    def start(self) -> str:
        """Start it in the background and return what that printed; `pid` is its process."""
        done = memsync("daemon", "start", "--detach")
        assert done.code == 0, done.err
        self._process = psutil.Process(int(done.out.splitlines()[-1].split()[-1].rstrip(".")))
        return done.out

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def post(self, text: str) -> Answer:
        body = json.dumps({"text": text}).encode()
        return send(self.capture, "POST", "/note", body, {"Content-Type": "application/json"})

    def end(self) -> None:
        """Leave no process behind, however the test ended."""
        if self._process is not None and self._process.is_running():
            memsync("daemon", "stop")
            if self._process.is_running():
                self._process.kill()
