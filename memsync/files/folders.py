"""Writes into a folder that may be a mount: into the folder that was checked, or not at all.

A drive can go away between the check and the write. Its path then leads to the bare mount point,
an empty folder, and a file written there is hidden once the drive is back. A folder that is held
open stays the same folder, so the check and the write are about the same one.
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
        in_use: True if the folder cannot be empty, such as a memory root.

    Yields:
        The ``dir_fd`` for functions of `os`; None on Windows, which has none.

    Raises:
        FolderAwayError: the folder is in use, but empty.
        OSError: the folder is missing or cannot be opened.
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
    """Return a folder below a memory root and make it if it is missing; never make the root.

    Args:
        root: the memory root; an empty one is a bare mount point.
        names: the path below it, one name for each level.

    Raises:
        FolderAwayError: the root is empty; nothing was made.
        OSError: the root is missing, or the folder cannot be made.
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


def _require_content(folder: Path, to_list: Path | int, *, in_use: bool) -> None:
    if not in_use:
        return
    with os.scandir(to_list) as entries:
        if next(entries, None) is None:
            raise FolderAwayError(
                f"the memory folder {folder} is empty",
                hint="mount the drive or let your sync client finish, then do it again",
            )
