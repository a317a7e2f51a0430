"""rclone: a local copy of a folder in any cloud, for machines without a sync client.

The daemon carries changes both ways; see `docs/rclone.md`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from memsync.providers.base import Provider, absolute_paths, home, platform


class Rclone(Provider):
    """The local copy that the daemon synchronises with ``paths.rclone_remote``."""

    name = "rclone"
    label = "rclone"

    def candidates(self) -> Iterator[Path]:
        """Return the default folder of the copy, in this user's data folder."""
        if platform() == "darwin":
            base = home() / "Library" / "Application Support"
        elif platform() == "win32":
            base = next(absolute_paths(os.environ.get("LOCALAPPDATA")), home() / "AppData/Local")
        else:
            usual = home() / ".local" / "share"
            base = next(absolute_paths(os.environ.get("XDG_DATA_HOME")), usual)
        yield base / "memsync" / "rclone"
