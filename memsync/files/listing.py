"""Lists folders; a folder that cannot be read is an error and never counts as empty.

`Path.glob` silently skips what it cannot read, and notes that it skips would seem not to exist.
"""

from __future__ import annotations

import fnmatch
import os
from pathlib import Path


def list_matching(folder: Path, pattern: str = "*") -> list[Path]:
    """Return the entries of `folder` whose names match, sorted; none if the folder is missing.

    Raises:
        OSError: the folder cannot be read.
    """
    try:
        names = os.listdir(folder)  # noqa: PTH208 - Path.iterdir makes a path of every name
    except FileNotFoundError:
        return []
    return [folder / name for name in sorted(fnmatch.filter(names, pattern))]
