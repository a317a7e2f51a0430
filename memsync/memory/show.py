"""`memsync show` into a pipe or file, without the rest of the command line.

Scripts and agents' hooks call it often, and importing click would take half of the time. In any
unusual case the command itself takes over, and says what is wrong.
"""

from __future__ import annotations

import os
import sys

from memsync import config
from memsync.config.workspace import Workspace
from memsync.errors import MemsyncError
from memsync.files.opener import RootFolder
from memsync.memory.reading import read_bytes


def print_memory() -> bool:
    """Print the memory, byte for byte; return False, without output, if the command must do it.

    Does not raise if the reader is gone, as in ``memsync show | head -1``.
    """
    if sys.stdout is None or sys.stdout.closed or sys.stdout.isatty():
        return False
    try:
        rest = memoryview(read_bytes(RootFolder(Workspace.open(config.load()).root)))
        while rest:
            rest = rest[os.write(sys.stdout.fileno(), rest) :]
    except BrokenPipeError:
        return True
    except (MemsyncError, OSError, ValueError):
        return False
    return True
