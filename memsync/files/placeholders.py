"""Placeholders: files whose content is only in the cloud."""

from __future__ import annotations

import stat
from pathlib import Path

from memsync.files.place import Place, place_of

_SF_DATALESS = 0x40000000  # <sys/stat.h> of macOS: the content is not on this machine
_RECALL_ON_DATA_ACCESS = 0x00400000  # winnt.h: reading would fetch the file from the cloud


def is_evicted(where: Path | Place) -> bool:
    """Is there only a placeholder of this file on this machine?

    Reading it may hang until the file is downloaded. Known kinds: dataless files of macOS, the
    older stub ``.NAME.icloud``, Windows files that are recalled on access, and files with a size
    but without blocks on disk.
    """
    place = place_of(where)
    try:
        if place.beside(icloud_stub(place.path).name).exists():
            return True
        info = place.look()
    except OSError:
        return False
    if getattr(info, "st_flags", 0) & _SF_DATALESS:
        return True
    if getattr(info, "st_file_attributes", 0) & _RECALL_ON_DATA_ACCESS:
        return True
    # A folder may have a size and no blocks for other reasons, for example on tmpfs.
    empty = info.st_size > 0 and getattr(info, "st_blocks", 1) == 0
    return empty and stat.S_ISREG(info.st_mode)


def icloud_stub(path: Path) -> Path:
    """Return the path of the stub that older iCloud clients put in place of `path`."""
    return path.parent / f".{path.name}.icloud"
