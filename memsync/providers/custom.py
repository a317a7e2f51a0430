"""A folder that the user chooses: another sync client, a network drive, a git checkout."""

from __future__ import annotations

from pathlib import Path

from memsync.providers.base import Provider


class Custom(Provider):
    """A folder that only the config knows, in ``paths.sync_root``."""

    name = "custom"
    label = "Custom folder"

    def candidates(self) -> tuple[Path, ...]:
        """Return no place to look, so `detect` finds nothing."""
        return ()
