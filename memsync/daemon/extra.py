"""The extra ``memsync[daemon]``: what waits until it is needed, and what to say if it is absent.

Every other import in the package stands at the top of its module, except for anthropic in
`memsync.refresh.llm.client`: it takes 0.7 s and 54 MB, and only a merge with a model needs it. The
daemon's runtime takes 140 ms; it comes with the commands that use it (`memsync.daemon.cli`).
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from memsync.errors import MemsyncError

EXTRA = "pip install 'memsync[daemon]'"

LATE = {
    "scheduler": "65 ms after the runtime: the ports answer before it. 100 ms and the extra:"
    " `memsync daemon status` has to do without",
}
"""The modules of `memsync.daemon` that are imported late, each with its reason, as measured."""


def late(name: str) -> ModuleType:
    """Import a module of the table `LATE` and return it.

    Raises:
        MemsyncError: the extra is not installed.
        KeyError: the module is not in the table.
    """
    if name not in LATE:
        raise KeyError(name)
    with needs_extra():
        return importlib.import_module(f"memsync.daemon.{name}")


@contextmanager
def needs_extra() -> Iterator[None]:
    """Turn a module the body cannot find into an error that names the extra.

    Raises:
        MemsyncError: in place of a `ModuleNotFoundError` of the body.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        message = f"the daemon needs {error.name}, which is not installed"
        raise MemsyncError(message, EXTRA) from error
