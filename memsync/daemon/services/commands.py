"""Running other programs, with their failures in words."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from memsync.errors import MemsyncError, refused


def run_program(command: Sequence[str], *, check: bool = True) -> None:
    """Run a program to its end.

    Raises:
        MemsyncError: it cannot be run, or it failed and `check` is true; with its last words.
    """
    with refused(f"{command[0]} cannot be run", "see whether it is installed"):
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if check and done.returncode:
        words = (done.stderr or done.stdout).strip().splitlines()
        raise MemsyncError(
            f"{' '.join(command)} failed: {words[-1] if words else done.returncode}",
            hint="run it by hand to see more",
        )


def failure_of(output: str, fallback: str, code: int = 1) -> MemsyncError:
    """Return the error that a memsync process printed, from its output."""
    lines = output.strip().splitlines()
    message = next((line[7:] for line in lines if line.startswith("Error: ")), fallback)
    hint = next((line[5:] for line in lines if line.startswith("Try: ")), "memsync doctor")
    return MemsyncError(message, hint, code)


def interpreter() -> Path:
    """Return the absolute path of the interpreter that has memsync; sudo has another PATH."""
    return Path(sys.executable).absolute()
