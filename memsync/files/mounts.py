"""Tells on which mounts data can be lost in spite of fsync."""

from __future__ import annotations

import re
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")
_NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "ceph", "davfs"})


def is_lossy_mount(folder: Path) -> bool:
    """Is the folder on a FUSE or network mount, which can lose data in spite of fsync?

    Such a mount sends data later and may be killed before. False if that cannot be found out, and
    on any system but Linux.
    """
    try:
        lines = MOUNTS.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return False
    real, found, kind = folder.resolve(), Path("/"), ""
    for line in lines:
        mount, _, system = line.partition(" - ")
        place = Path(re.sub(r"\\([0-7]{3})", lambda m: chr(int(m[1], 8)), mount.split(" ")[4]))
        if real.is_relative_to(place) and len(place.parts) >= len(found.parts):
            found, kind = place, system.split(" ")[0]
    return kind.startswith("fuse") or kind in _NETWORK
