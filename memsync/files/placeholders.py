"""Files of which only a placeholder is on this machine, because their content is in the cloud."""

from __future__ import annotations

import stat
from pathlib import Path

_SF_DATALESS = 0x40000000  # <sys/stat.h> of macOS: the content is not on this machine
_RECALL_ON_DATA_ACCESS = 0x00400000  # winnt.h: reading would fetch the file from the cloud


def is_evicted(path: Path) -> bool:
    """Does a sync client keep only a placeholder of `path` here?

    Reading such a file may hang until it is downloaded. Known kinds: macOS dataless files, the
    older iCloud stub ``.NAME.icloud``, Windows files that are recalled on access, and files that
    have a size but no blocks on disk.
    """
    try:
        if icloud_stub(path).exists():
            return True
        info = path.stat()
    except OSError:
        return False
    if getattr(info, "st_flags", 0) & _SF_DATALESS:
        return True
    if getattr(info, "st_file_attributes", 0) & _RECALL_ON_DATA_ACCESS:
        return True
    # A folder may have a size and no blocks for a reason of its own, on tmpfs among others.
    empty = info.st_size > 0 and getattr(info, "st_blocks", 1) == 0
    return empty and stat.S_ISREG(info.st_mode)


def icloud_stub(path: Path) -> Path:
    """Return what older iCloud clients leave in place of `path`, which then cannot be read."""
    return path.parent / f".{path.name}.icloud"
