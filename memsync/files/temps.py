"""Sweeps temp files that a killed process of memsync left behind."""

from __future__ import annotations

import contextlib
import fnmatch
import os
import time
from pathlib import Path

from memsync.files.atomic import TEMP_SUFFIX, unlink_quietly
from memsync.files.place import Place

STRAY_AGE_SECONDS = 3600
"""A temp file that may still have a writer stays for this long."""


def sweep_temps(folder: Path, held: int | None = None) -> int:
    """Remove temp files that a killed memsync process left in `folder`; return how many.

    A temp file younger than an hour stays if its process still runs, or if that is unknown. An
    older one belongs to nobody, even if another process has that number now. If the folder cannot
    be listed, nothing happens: the next write there reports the problem. `held` is the descriptor
    of the folder, where the caller holds it open.
    """
    swept = 0
    with contextlib.suppress(OSError):
        names = os.listdir(folder if held is None else held)  # noqa: PTH208 - a descriptor, too
        for name in fnmatch.filter(names, f".*.memsync-*{TEMP_SUFFIX}"):
            stray = Place(folder / name, held, guarded=True)
            if _is_stray(stray):
                unlink_quietly(stray)
                swept += 1
    return swept


def _is_stray(temp: Place) -> bool:
    try:
        age = time.time() - temp.look().st_mtime
        pid = int(temp.path.name.rsplit(".memsync-", 1)[1].split("-", 1)[0])
    except (OSError, ValueError):
        return False
    if pid == os.getpid():
        return False
    if age > STRAY_AGE_SECONDS:
        return True
    # On Windows signal 0 would end the process instead of testing it.
    return os.name != "nt" and not _is_running(pid)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True
