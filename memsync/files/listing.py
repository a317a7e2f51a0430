"""What is in a folder, or an error: a folder that may not be read is never taken for an empty one.

`Path.glob` passes over what it may not read in silence, and notes that are not seen would be
counted as none.
"""

from __future__ import annotations

import fnmatch
import os
from pathlib import Path


def list_matching(folder: Path, pattern: str = "*") -> list[Path]:
    """Return the entries of `folder` whose names match `pattern`, sorted; none where it is missing.

    Raises:
        OSError: the folder cannot be read.
    """
    try:
        names = os.listdir(folder)  # noqa: PTH208 - a path each would be made for nothing
    except FileNotFoundError:
        return []
    return [folder / name for name in sorted(fnmatch.filter(names, pattern))]


def list_in_subfolders(folder: Path, name: str) -> list[Path]:
    """Return the entries called `name` in the folders that `folder` holds, sorted by these.

    Raises:
        OSError: one of the folders cannot be read.
    """
    found = []
    for path in (below / name for below in list_matching(folder)):
        try:
            path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            continue
        found.append(path)
    return found
