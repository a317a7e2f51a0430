"""Locks between the processes of one machine, kept in the local state, never in a cloud folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from memsync.errors import MemsyncError


class BusyError(MemsyncError):
    """Another memsync process on this machine holds the lock."""


@contextmanager
def exclusive_lock(path: Path, what: str, timeout: float = 30.0) -> Iterator[None]:
    """Hold the lock file at `path` while the body runs.

    Args:
        path: the lock file; its folder is made where it is missing.
        what: what the lock protects, for the message.
        timeout: seconds to wait for another process; 0 tries once.

    Raises:
        BusyError: another process held the lock for all that time.
        MemsyncError: the lock file cannot be made.
    """
    lock = FileLock(path, timeout=timeout)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock.acquire()
    except Timeout as error:
        raise BusyError(
            f"another memsync process is busy with {what}",
            hint="wait for it to finish, then run the command again",
        ) from error
    except OSError as error:
        raise MemsyncError(
            f"the lock {path} cannot be taken: {error.strerror or error}",
            hint=f"free some space, or check the permissions of {path.parent}",
        ) from error
    try:
        yield
    finally:
        lock.release()
