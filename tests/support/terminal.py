"""memsync at a terminal: a process of its own that has one, and a person who types."""

from __future__ import annotations

import os
import pty
import sys
import termios
import time
from collections.abc import Iterable

from tests.support.daemons import Done

SECONDS = 20


def at_terminal(*words: str, typed: Iterable[str] = ()) -> Done:
    """Run `memsync …` at a terminal; type each line once it waits for one without showing it."""
    child, terminal = pty.fork()
    if child == 0:
        os.execv(sys.executable, [sys.executable, "-m", "memsync", *words])
    shown, answered = bytearray(), 0
    waiting = [f"{line}\n".encode() for line in typed]
    deadline = time.monotonic() + SECONDS
    os.set_blocking(terminal, False)
    while time.monotonic() < deadline:
        try:
            piece = os.read(terminal, 65536)
        except BlockingIOError:
            is_asking = not termios.tcgetattr(terminal)[3] & termios.ECHO
            if waiting and is_asking and len(shown) > answered:
                answered = len(shown)
                os.write(terminal, waiting.pop(0))
            time.sleep(0.02)
            continue
        except OSError:  # Linux: whoever had the terminal has gone
            break
        if not piece:
            break
        shown += piece
    os.close(terminal)
    _, status = os.waitpid(child, 0)
    out = shown.decode("utf-8", "replace").replace("\r\n", "\n")
    return Done(os.waitstatus_to_exitcode(status), out, "")
