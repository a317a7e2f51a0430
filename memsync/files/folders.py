"""Making something in a folder that may be a mount: in the folder seen, or not at all.

A drive can go between a look and a write. What then stands at the same path is its bare mount
point, an empty folder, and whatever is made there is hidden when the drive is back. A folder held
open stays the one it was, so the look and the write are at the same one.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from memsync.errors import FolderAwayError

MOUNTS = Path("/proc/self/mountinfo")
_NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "ceph", "davfs"})
_CAN_HOLD = {os.open, os.mkdir, os.rename, os.unlink} <= os.supports_dir_fd


@contextmanager
def open_folder(folder: Path, *, in_use: bool = False) -> Iterator[int | None]:
    """Hold a folder open while the body runs, and give its descriptor.

    Args:
        folder: an existing folder.
        in_use: True where something must stand in it, as in a memory root.

    Yields:
        What the functions of `os` take as ``dir_fd``; None on Windows, where they take none.

    Raises:
        FolderAwayError: it should be in use, and is empty.
        OSError: it is not there, or cannot be opened.
    """
    if not _CAN_HOLD:
        _require_content(folder, folder, in_use=in_use)
        yield None
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _require_content(folder, descriptor, in_use=in_use)
        yield descriptor
    finally:
        os.close(descriptor)


def make_subfolder(root: Path, *names: str) -> Path:
    """Return a folder below a memory root, made where it is missing; never the root itself.

    Args:
        root: the memory root; an empty one is a bare mount point.
        names: the path below it, one name a level.

    Raises:
        FolderAwayError: the root is empty; nothing was made.
        OSError: the root is not there, or refuses.
    """
    path = root.joinpath(*names)
    if path.is_dir():
        return path
    above = root
    for name in names:
        here = open_folder(above, in_use=above == root)
        with here as descriptor, contextlib.suppress(FileExistsError):
            if descriptor is None:
                (above / name).mkdir()
            else:
                os.mkdir(name, dir_fd=descriptor)
        above /= name
    return path


def is_lossy_mount(folder: Path) -> bool:
    """Tell whether a folder is on a mount that can lose what it has fsynced: FUSE or a network.

    Such a mount keeps what is written until it has sent it, and may be killed before. False where
    it cannot be told, and on other systems than Linux.
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


def _require_content(folder: Path, to_list: Path | int, *, in_use: bool) -> None:
    if not in_use:
        return
    with os.scandir(to_list) as entries:
        if next(entries, None) is None:
            raise FolderAwayError(
                f"the memory folder {folder} is empty",
                hint="mount the drive or let your sync client finish, then do it again",
            )
