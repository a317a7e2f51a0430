"""What can go wrong, in words a person can act on.

Every error that reaches a user says what happened, what to try next, and the exit code of the
command. Only the front of the CLI and the daemon's job wrapper catch them.
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
        hint: what to try next; shown after ``Try:``. Empty if there is no advice.
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
        """Return the same kind of error with the same exit code, but another message and hint."""
        return type(self)(message, hint, self.exit_code)


class WrongUsageError(MemsyncError):
    """The command was called with arguments that it does not accept."""

    exit_code = 2


class NotSetUpError(MemsyncError):
    """This machine has no memsync config yet."""

    exit_code = 3


class FolderAwayError(MemsyncError):
    """The sync folder is missing, empty, or cannot be read."""

    exit_code = 4


class ApiError(MemsyncError):
    """The model's service failed, or its answer cannot be used; the notes stay pending."""

    exit_code = 5


class BudgetError(ApiError):
    """The month's budget does not cover another call; no call was made."""


class BadAnswerError(ApiError):
    """The model answered, but the answer cannot be used; other notes may get a better one."""


class RefusedError(MemsyncError):
    """memsync refuses to go on, because the memory would not be safe."""

    exit_code = 6


class DamagedMemoryError(RefusedError):
    """GLOBAL_MEMORY.md is missing, empty, not text, or only a cloud placeholder."""


class MemoryMovedError(RefusedError):
    """The memory changed since it was read, so a text based on the old one is not written."""


@contextmanager
def refused(what: str, hint: str, kind: type[MemsyncError] = MemsyncError) -> Iterator[None]:
    """Turn an `OSError` of the body into an error that a person can act on.

    Args:
        what: what cannot be done, such as "the ledger cannot be written"; the reason that the
            operating system gives is added.
        hint: what to try next, unless the error has a `hint` of its own.
        kind: the class of the error, which also decides the exit code.

    Raises:
        MemsyncError: an error of class `kind`, if the body raised an `OSError`.
    """
    try:
        yield
    except OSError as error:
        own_hint = getattr(error, "hint", "")
        raise kind(f"{what}: {error.strerror or error}", own_hint or hint) from error


def refused_by_disk(error: OSError) -> MemsyncError:
    """Describe an error of the operating system that no other code has turned into words."""
    words = error.strerror or str(error)
    if not error.filename:
        return MemsyncError(words, hint="memsync doctor checks the folders that memsync uses")
    return MemsyncError(
        f"{os.fsdecode(error.filename)} cannot be used: {words}",
        hint="check that it exists, is yours and is on a disk with free space, then try again;"
        " memsync doctor tells more",
    )
