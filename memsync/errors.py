"""What can go wrong, in words a person can act on.

Every error that reaches a user carries three things: what happened, what to try next, and the
exit code of the command. Only the front of the CLI and the daemon's job wrapper catch them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self


class MemsyncError(Exception):
    """A failure with a way out.

    Args:
        message: what happened, in one sentence, without a trailing full stop.
        hint: what to try next; shown behind ``Try:``. Empty where nothing can be advised.
        exit_code: the exit code of the command; the class's own unless given.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = "", exit_code: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if exit_code is not None:
            self.exit_code = exit_code

    def reworded(self, message: str, hint: str) -> Self:
        """Return the same kind of failure, with the same exit code, in other words."""
        return type(self)(message, hint, self.exit_code)


class WrongUsageError(MemsyncError):
    """The command was called with something it does not take."""

    exit_code = 2


class NotSetUpError(MemsyncError):
    """This machine has no memsync config yet."""

    exit_code = 3


class FolderAwayError(MemsyncError):
    """The sync folder is not there, empty, or cannot be read."""

    exit_code = 4


class ApiError(MemsyncError):
    """The model's service failed or answered something unusable; the notes stay pending."""

    exit_code = 5


class BudgetError(ApiError):
    """The month's budget does not cover another call; nothing was asked."""


class BadAnswerError(ApiError):
    """The model answered, but its answer cannot be used; others may get a better one."""


class RefusedError(MemsyncError):
    """memsync could go on, but the memory would not be safe."""

    exit_code = 6


class DamagedMemoryError(RefusedError):
    """GLOBAL_MEMORY.md is missing, empty, not text, or only a cloud placeholder."""


class MemoryMovedError(RefusedError):
    """The memory changed since it was read; what was based on the older text is not written."""


@contextmanager
def refused(what: str, hint: str, kind: type[MemsyncError] = MemsyncError) -> Iterator[None]:
    """Turn what the operating system refuses the body into an error a person can act on.

    Args:
        what: what cannot be done, such as "the ledger cannot be written"; the system's own words
            follow it.
        hint: what to try next.
        kind: the error to raise, by which the exit code is chosen.

    Raises:
        MemsyncError: of that kind, in place of an `OSError` of the body.
    """
    try:
        yield
    except OSError as error:
        raise kind(f"{what}: {error.strerror or error}", hint) from error


def refused_by_disk(error: OSError) -> MemsyncError:
    """Return what the operating system refused, in words; no fault of the program's."""
    words = error.strerror or str(error)
    if not error.filename:
        return MemsyncError(words, hint="memsync doctor looks at the folders memsync uses")
    return MemsyncError(
        f"{os.fsdecode(error.filename)} cannot be used: {words}",
        hint="see that it is there, yours and on a disk with room, then do it again;"
        " memsync doctor tells more",
    )
