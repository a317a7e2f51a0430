"""The sync clients that can carry a memory: found by name, or by their folders on this machine.

Each client has a module, which is imported only when it is needed: a command that knows its
provider does not load the others' parsers. A new provider is one module and a line in `_CLASSES`.
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
"""The names of all providers, in the order in which they are tried."""


def get_provider(name: str) -> Provider:
    """Return the provider called `name`, one of `NAMES`.

    Raises:
        WrongUsageError: there is no such provider; the hint lists all names.
    """
    if name not in _CLASSES:
        raise WrongUsageError(
            f"there is no provider {name!r}", hint="choose one of " + ", ".join(NAMES)
        )
    module = importlib.import_module(f"memsync.providers.{name}")
    provider: Provider = getattr(module, _CLASSES[name])()
    return provider


def auto_detect(
    on_timeout: Callable[[Provider], object] = lambda _provider: None,
) -> list[tuple[Provider, Path]]:
    """Return every provider whose folder is on this machine, with its sync root.

    Args:
        on_timeout: called with each provider whose folder does not answer; it is left out.

    Returns:
        First the providers whose folder already has a memory, then the others, both in the order
        of `NAMES`. Never ``custom``, because only the config knows its folder.
    """
    found = []
    for name in NAMES:
        provider = get_provider(name)
        try:
            root = provider.detect()
        except TimeoutError:
            on_timeout(provider)
            continue
        if root is not None:
            found.append((provider, root))
    return sorted(found, key=lambda pair: not _holds_memory(*pair))


def _holds_memory(provider: Provider, sync_root: Path) -> bool:
    memory = provider.get_memory_root(sync_root) / MEMORY_FILE
    try:
        # A memory whose content is only in the cloud at the moment is a memory, too.
        return with_timeout(sync_root, lambda: memory.exists() or is_evicted(memory))
    except OSError:
        return False
