"""What needs the extra ``memsync[daemon]``: loaded when asked for, or said to be absent."""

from __future__ import annotations

import importlib
from types import ModuleType

from memsync.errors import MemsyncError

EXTRA = "pip install 'memsync[daemon]'"


def late(name: str) -> ModuleType:
    """Import a module that needs the extra; say so where it is not installed.

    Late on purpose: the runtime costs memory and time that `stop` and `status` must not pay.
    """
    try:
        return importlib.import_module(f"memsync.daemon.{name}")
    except ModuleNotFoundError as error:
        raise MemsyncError(f"the daemon needs {error.name}, which is not here", EXTRA) from error
