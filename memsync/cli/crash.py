"""Unexpected errors: one line for the user, the traceback in a file for a bug report."""

from __future__ import annotations

import traceback

from memsync import clock
from memsync.config.state import state_folder


def explain(error: BaseException) -> tuple[str, str]:
    """Append the traceback to ``crash.log``; return message and hint for the user."""
    message = f"{type(error).__name__}: {error}".splitlines()[0]
    try:
        path = state_folder() / "crash.log"
        with path.open("a", encoding="utf-8") as file:
            file.write(f"{clock.now().isoformat()}\n")
            traceback.print_exception(error, file=file)
    except OSError:
        return message, "memsync doctor"
    return message, f"memsync doctor; the details are in {path}"
