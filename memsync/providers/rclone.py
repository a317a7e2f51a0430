"""rclone: a copy on this machine of a folder of any cloud, for machines without a sync client.

The daemon carries changes both ways; `docs/rclone.md`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from memsync.providers.base import Provider, absolute_paths, home, platform


class Rclone(Provider):
    """The working copy that the daemon keeps in step with ``paths.rclone_remote``."""

    name = "rclone"
    label = "rclone"

    def candidates(self) -> Iterator[Path]:
        """Return the folder in this user's data folder where the copy lies unless named."""
        if platform() == "darwin":
            base = home() / "Library" / "Application Support"
        elif platform() == "win32":
            base = next(absolute_paths(os.environ.get("LOCALAPPDATA")), home() / "AppData/Local")
        else:
            usual = home() / ".local" / "share"
            base = next(absolute_paths(os.environ.get("XDG_DATA_HOME")), usual)
        yield base / "memsync" / "rclone"
