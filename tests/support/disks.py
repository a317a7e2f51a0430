"""Disks to be cruel to: a loop-mounted file system whose power goes, and a small one that is full.

They are mounted in a mount namespace of their own (`python -m tests.support.disks` begins one),
so that nothing stays mounted however a test ends.
"""

from __future__ import annotations

import fcntl
import os
import struct
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

_SHUTDOWN = 0x8004587D  # FS_IOC_SHUTDOWN: _IOR('X', 125, __u32)
_WITHOUT_FLUSHING_THE_LOG = 2
_MAKE = {"ext4": (["mkfs.ext4", "-q", "-F"], 64), "xfs": (["mkfs.xfs", "-q", "-f"], 320)}
IN_OWN_NAMESPACE = ("unshare", "--mount", "--propagation", "private")


def _run(*words: str | Path) -> None:
    done = subprocess.run([*map(str, words)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{words}: {done.stderr}"


class Loop:
    """A file system in a file, mounted at a folder, whose power can be cut."""

    def __init__(self, kind: str, place: Path) -> None:
        self._kind, self._place = kind, place
        self._image = place.with_name(f"{place.name}.{kind}.img")

    def __enter__(self) -> Self:
        words, megabytes = _MAKE[self._kind]
        with self._image.open("wb") as file:
            file.truncate(megabytes << 20)
        _run(*words, self._image)
        _run("mount", "-o", "loop", self._image, self._place)
        return self

    def cut_power(self) -> None:
        """From now on nothing reaches the disk, not even what the file system still has in hand."""
        descriptor = os.open(self._place, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, _SHUTDOWN, struct.pack("I", _WITHOUT_FLUSHING_THE_LOG))
        finally:
            os.close(descriptor)

    def mount_again(self) -> None:
        """Have the power back: what was written and not synced is gone."""
        _run("umount", self._place)
        _run("mount", "-o", "loop", self._image, self._place)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        subprocess.run(["umount", "-l", str(self._place)], capture_output=True, check=False)
        self._image.unlink()


class Small:
    """A disk of some kilobytes, which a filler can take up."""

    def __init__(self, place: Path, kilobytes: int) -> None:
        self._place, self._kilobytes = place, kilobytes

    def __enter__(self) -> Self:
        _run("mount", "-t", "tmpfs", "-o", f"size={self._kilobytes}k", "tmpfs", self._place)
        return self

    def fill_up_to(self, left: int) -> None:
        """Leave only `left` bytes."""
        free = os.statvfs(self._place)
        size = max(0, free.f_bavail * free.f_frsize - left)
        with (self._place / "filler").open("wb") as file:
            file.write(b"\0" * size)

    def make_room(self) -> None:
        """Take the filler away."""
        (self._place / "filler").unlink()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        _run("umount", "-l", self._place)
