"""OneDrive: the personal folder before a company's, wherever Microsoft's client has put it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from memsync.providers.base import Provider, absolute_paths, home, platform, subfolders

# Set by the Windows client for its signed-in accounts.
_VARIABLES = ("OneDrive", "OneDriveConsumer", "OneDriveCommercial")


class OneDrive(Provider):
    """Microsoft OneDrive; on Linux the folder of abraunegg's client or of a mount."""

    name = "onedrive"
    label = "OneDrive"

    def candidates(self) -> Iterator[Path]:
        """Return the client's folders: from its variables on Windows, otherwise by name."""
        if platform() == "darwin":
            yield from _in_cloud_storage()
        elif platform() == "win32":
            yield from absolute_paths(*map(os.environ.get, _VARIABLES))
        yield home() / "OneDrive"
        if platform() == "win32":
            yield from subfolders(home(), "OneDrive - *")


def _in_cloud_storage() -> Iterator[Path]:
    storage = home() / "Library" / "CloudStorage"
    yield storage / "OneDrive-Personal"
    for folder in subfolders(storage, "OneDrive-*"):
        # A team's SharePoint library, which other people read.
        if not folder.name.startswith("OneDrive-SharedLibraries"):
            yield folder
