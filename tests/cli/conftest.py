"""Two ways to call memsync: a process of its own, or the same front door in this one."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import time_machine

from memsync.cli import main
from memsync.config.workspace import Workspace
from memsync.memory import store
from memsync.memory.publish import publish
from tests.conftest import SAMPLE
from tests.support.daemons import Done

SECOND = SAMPLE.replace("Turin", "Oslo")
THIRD = SECOND.replace("- Write the runbook\n", "- Rest\n- Write\n")


@pytest.fixture
def run(home: Path) -> Callable[..., Done]:
    """`memsync …` as a process of its own; stdin is closed unless given."""

    def run(*words: str, stdin: bytes | None = None) -> Done:
        done = subprocess.run(
            [sys.executable, "-m", "memsync", *words],
            input=b"" if stdin is None else stdin,
            capture_output=True,
            cwd=home,
            timeout=30,
            check=False,
        )
        return Done(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run


@pytest.fixture
def call(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Done]:
    """`memsync …` in this process, through the same front door; stdin is no terminal."""

    def call(*words: str, stdin: bytes = b"") -> Done:
        monkeypatch.setattr(sys, "argv", ["memsync", *words])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main()
        captured = capsys.readouterr()
        code = left.value.code
        return Done(code if isinstance(code, int) else 1, captured.out, captured.err)

    return call


@pytest.fixture
def at_terminal(home: Path) -> Callable[..., Done]:
    """`memsync …` in a terminal of its own; `typed` is what the person answers."""
    pty = pytest.importorskip("pty", reason="this platform has no pseudo terminals")

    def at_terminal(*words: str, typed: bytes = b"") -> Done:
        ours, theirs = pty.openpty()
        started = subprocess.Popen(
            [sys.executable, "-m", "memsync", *words],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=home,
        )
        os.close(theirs)
        os.write(ours, typed)
        seen = b""
        with contextlib.suppress(OSError):  # Linux ends a terminal by EIO
            while part := os.read(ours, 65536):
                seen += part
        os.close(ours)
        return Done(started.wait(timeout=30), seen.decode().replace("\r\n", "\n"), "")

    return at_terminal


@pytest.fixture
def written(workspace: Workspace) -> Workspace:
    """A memory with two backups: of the sample, and of the second text."""
    with time_machine.travel("2026-11-20T10:00:00+00:00"):
        publish(workspace, SECOND, store.read(workspace).digest)
    with time_machine.travel("2026-11-21T10:00:00+00:00"):
        publish(workspace, THIRD, store.read(workspace).digest)
    return workspace
