"""Which process is the daemon: the one that holds a lock, whatever pid a file names.

Another process that got the same pid later holds no lock, so it is neither trusted nor ended.
This module needs nothing of the extra ``memsync[daemon]``: `stop` and `status` work without it.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from memsync.config import get_config_path
from memsync.config.state import state_folder, state_path
from memsync.config.state_file import StateFile
from memsync.daemon.services.commands import failure_of
from memsync.errors import MemsyncError
from memsync.files.locks import BusyError, exclusive_lock
from memsync.text.sanitizing import make_visible

START_SECONDS = 30.0
STOP_SECONDS = 15.0
LOOK_SECONDS = 0.1

LOCK_NAME = "daemon.lock"
LOG_BYTES = 1024 * 1024
LOG_FILES = 3

_FILE = StateFile("daemon.json")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Status:
    """What a running daemon says about itself: times in ISO 8601, None for a port that is off."""

    pid: int
    started: str
    web_url: str | None = None
    capture_url: str | None = None
    ports: list[tuple[str, int]] = field(default_factory=list)
    schedules: dict[str, str] = field(default_factory=dict)
    identity: str | None = None

    def __post_init__(self) -> None:
        if self.identity is None:
            object.__setattr__(self, "identity", identity_of(self.pid))


def identity_of(pid: int) -> str:
    """Return what tells this process from any later one with its pid: boot id and start time.

    Empty if the system does not say (no /proc, see proc(5), or no such process); then the lock
    alone decides.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        # The name in front may contain anything, parentheses and spaces included.
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        return f"{boot} {int(fields[19])}"
    except (OSError, ValueError, IndexError):
        return ""


def daemon_log() -> Path:
    """Return the path of the daemon's log."""
    return state_folder() / "daemon.log"


class _Visible(logging.Formatter):
    """A formatter whose lines can be read at a terminal, whatever others wrote in them."""

    def format(self, record: logging.LogRecord) -> str:
        return make_visible(super().format(record))


def set_up_logging(*, to_terminal: bool) -> None:
    """Log to the daemon's own file, which rotates, and if wanted to the terminal or journal."""
    handlers: list[logging.Handler] = [
        RotatingFileHandler(
            daemon_log(), maxBytes=LOG_BYTES, backupCount=LOG_FILES, encoding="utf-8"
        )
    ]
    if to_terminal:
        handlers.append(logging.StreamHandler())
    for handler in handlers:
        handler.setFormatter(_Visible("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=handlers, force=True)
    threading.excepthook = _log_thread_end
    logging.getLogger("apscheduler").setLevel(logging.WARNING)
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)


def _log_thread_end(end: threading.ExceptHookArgs) -> None:
    if end.exc_value is not None:
        name = end.thread.name if end.thread else "?"
        log.error("the thread %s ended", name, exc_info=end.exc_value)


def running_daemon() -> Status | None:
    """Return the running daemon's status; None if no daemon runs."""
    # Wait a moment: another process that asks the same holds the lock for an instant, and a file
    # that a killed daemon left behind must not be believed.
    try:
        with exclusive_lock(_lock_path(), "the daemon", timeout=LOOK_SECONDS):
            _FILE.path.unlink(missing_ok=True)
            return None
    except BusyError:
        return _read_status()


@dataclass(frozen=True)
class Claim:
    """What makes this process the daemon: the lock file that it holds."""

    device: int
    inode: int

    @property
    def is_valid(self) -> bool:
        """Is that file still where everybody looks for it? Not if the state folder was removed."""
        try:
            present = (state_path() / LOCK_NAME).stat()
        except OSError:
            return False
        return (present.st_dev, present.st_ino) == (self.device, self.inode)


@contextmanager
def claim() -> Iterator[Claim]:
    """Be the daemon while the body runs.

    Raises:
        MemsyncError: another process is the daemon; the message has its pid.
    """
    # Wait a moment: `running_daemon` holds the lock for an instant as well.
    try:
        with exclusive_lock(_lock_path(), "the daemon", timeout=1):
            _FILE.path.unlink(missing_ok=True)
            held = _lock_path().stat()
            made = Claim(held.st_dev, held.st_ino)
            try:
                yield made
            finally:
                if made.is_valid:  # else the file is that of another daemon
                    _FILE.path.unlink(missing_ok=True)
    except BusyError as error:
        raise _runs_already(_read_status()) from error


def announce(status: Status) -> None:
    """Write to the status file that this process is ready, and what it serves."""
    _FILE.save(asdict(status))


def stop_daemon() -> Status:
    """Stop the running daemon; return its last status once it has ended.

    Raises:
        MemsyncError: no daemon runs, or it did not end in time.
    """
    present = running_daemon()
    if present is None:
        raise MemsyncError("no daemon is running", hint="memsync daemon start --detach")
    if present.pid <= 0:
        raise MemsyncError("the daemon is just starting", hint="memsync daemon stop, in a moment")
    if identity_of(present.pid) != present.identity:
        raise MemsyncError(
            f"pid {present.pid} is another process by now, so it was not stopped",
            hint="memsync daemon status",
        )
    try:
        os.kill(present.pid, signal.SIGTERM)
        with exclusive_lock(_lock_path(), "the daemon", timeout=STOP_SECONDS):
            _FILE.path.unlink(missing_ok=True)
            return present
    except OSError as error:
        raise MemsyncError(
            f"the daemon (pid {present.pid}) cannot be stopped: {error.strerror}",
            hint="stop it as the user who started it, or with systemctl",
        ) from error
    except BusyError as error:
        raise MemsyncError(
            f"the daemon (pid {present.pid}) has not stopped within {STOP_SECONDS:.0f} s",
            hint="memsync daemon logs",
        ) from error


def detach() -> Status:
    """Start the daemon in the background; return once it runs and every port answers.

    Raises:
        MemsyncError: a daemon runs already, or the new one ended; the message is its own.
    """
    present = running_daemon()
    if present is not None:
        raise _runs_already(present)
    errors = state_folder() / "daemon.err"
    with errors.open("wb") as stderr:
        child = subprocess.Popen(
            [sys.executable, "-m", "memsync.daemon"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            cwd=state_folder(),
            env={**os.environ, "MEMSYNC_CONFIG": str(get_config_path().absolute())},
            start_new_session=True,
        )
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        status = _read_status()
        if status.pid == child.pid and _all_answer(status):
            return status
        if child.poll() is not None:
            words = errors.read_text("utf-8", "replace")
            code = child.returncode or 1
            raise failure_of(words, f"the daemon ended at once, with exit code {code}", code)
        time.sleep(0.05)
    child.terminate()
    raise MemsyncError(
        f"the daemon did not answer within {START_SECONDS:.0f} s", hint="memsync daemon logs"
    )


def _runs_already(present: Status) -> MemsyncError:
    which = f" with pid {present.pid}" if present.pid else "; it is just starting"
    return MemsyncError(f"the daemon runs already{which}", hint="memsync daemon stop")


def _all_answer(status: Status) -> bool:
    for host, number in status.ports:
        try:
            socket.create_connection((host, number), timeout=1).close()
        except OSError:
            return False
    return True


def _read_status() -> Status:
    """Return the status that the daemon wrote; its pid is 0 if it has not written one yet."""
    return _FILE.load(_parse, Status(0, ""))


def _parse(table: dict[str, Any]) -> Status:
    ports = [(host, number) for host, number in table["ports"]]
    return Status(**{**table, "ports": ports})


def _lock_path() -> Path:
    return state_folder() / LOCK_NAME
