"""iCloud Drive, on macOS and Windows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from memsync.providers.base import Provider, home, platform


class ICloud(Provider):
    """Apple iCloud Drive; there is no client for Linux."""

    name = "icloud"
    label = "iCloud Drive"
    memory_folder = "claude-memory"  # iCloud Drive does not sync folders that begin with a dot

    def candidates(self) -> Iterator[Path]:
        """Return the folder that Apple's client uses on this platform, if it exists there."""
        if platform() == "darwin":
            yield home() / "Library" / "Mobile Documents" / "com~apple~CloudDocs"
        elif platform() == "win32":
            yield home() / "iCloudDrive"
