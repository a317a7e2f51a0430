"""Locks between the processes of one machine, in its state folder, never in a cloud folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from memsync.errors import MemsyncError, refused


class BusyError(MemsyncError):
    """Another memsync process on this machine holds the lock."""


@contextmanager
def exclusive_lock(path: Path, what: str, timeout: float = 30.0) -> Iterator[None]:
    """Hold the lock file at `path` while the body runs.

    Args:
        path: the lock file; its folder is made if it is missing.
        what: what the lock protects, for the message.
        timeout: seconds to wait for another process; 0 tries once.

    Raises:
        BusyError: another process holds the lock.
        MemsyncError: the lock file cannot be made.
    """
    lock = FileLock(path, timeout=timeout)
    hint = f"free some space, or check the permissions of {path.parent}"
    with refused(f"the lock {path} cannot be taken", hint):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _acquire(lock, what)
    try:
        yield
    finally:
        lock.release()


def _acquire(lock: FileLock, what: str) -> None:
    try:
        lock.acquire()
    except Timeout as error:
        raise BusyError(
            f"another memsync process is busy with {what}",
            hint="wait for it to finish, then run the command again",
        ) from error
