"""The sync clients that can carry a memory: found by name, or by the folders they left here.

Each client is a module of its own, imported only when asked for: a command that knows its
provider does not pay for the others' parsers.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path

from memsync.errors import WrongUsageError
from memsync.files.placeholders import is_evicted
from memsync.files.timeout import with_timeout
from memsync.providers.base import Provider

__all__ = ["MEMORY_FILE", "NAMES", "Provider", "auto_detect", "get_provider"]

MEMORY_FILE = "GLOBAL_MEMORY.md"

_CLASSES = {
    "onedrive": "OneDrive",
    "icloud": "ICloud",
    "gdrive": "GoogleDrive",
    "dropbox": "Dropbox",
    "syncthing": "Syncthing",
    "rclone": "Rclone",
    "custom": "Custom",
}

NAMES = tuple(_CLASSES)
"""Every provider's name, in the order in which they are tried; the same as `config.PROVIDERS`."""


def get_provider(name: str) -> Provider:
    """Return the provider called `name`, one of `NAMES`.

    Raises:
        WrongUsageError: there is none of that name; the hint lists those there are.
    """
    if name not in _CLASSES:
        raise WrongUsageError(
            f"there is no provider {name!r}", hint="choose one of " + ", ".join(NAMES)
        )
    module = importlib.import_module(f"memsync.providers.{name}")
    provider: Provider = getattr(module, _CLASSES[name])()
    return provider


def auto_detect(
    silent: Callable[[Provider], object] = lambda _provider: None,
) -> list[tuple[Provider, Path]]:
    """Return every provider whose folder is on this machine, each with its sync root.

    Args:
        silent: told of each provider that is left out because its folder does not answer.

    Returns:
        Those that already hold a memory first, otherwise in the order of `NAMES`; empty where
        no client's folder is found. Never ``custom``, whose folder only the config knows.
    """
    found = []
    for name in NAMES:
        provider = get_provider(name)
        try:
            root = provider.detect()
        except TimeoutError:
            silent(provider)
            continue
        if root is not None:
            found.append((provider, root))
    return sorted(found, key=lambda pair: not _holds_memory(*pair))


def _holds_memory(provider: Provider, sync_root: Path) -> bool:
    memory = provider.get_memory_root(sync_root) / MEMORY_FILE
    try:
        # A memory that the client keeps only in the cloud for now is still this person's memory.
        return with_timeout(sync_root, lambda: memory.exists() or is_evicted(memory))
    except OSError:
        return False
