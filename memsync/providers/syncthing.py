"""Syncthing: one of the folders in its config, preferably one that already has the memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

from memsync.providers.base import (
    Provider,
    absolute_paths,
    home,
    is_folder,
    platform,
    read_settings,
)

_ONE_WAY = frozenset({"receiveonly", "receiveencrypted"})


class Syncthing(Provider):
    """Syncthing, on every platform."""

    name = "syncthing"
    label = "Syncthing"

    def candidates(self) -> Iterator[Path]:
        """Return the folders in Syncthing's ``config.xml``, then ``~/Sync``.

        Folders with a memory come first. Folders that never send changes from this machine come
        last. Otherwise the order is that of the config.
        """
        found = [
            (not is_folder(self.get_memory_root(path)), one_way, path)
            for source in _config_files()
            for path, one_way in _folders(read_settings(source))
            if is_folder(path)
        ]
        yield from (path for *_, path in sorted(found, key=lambda entry: entry[:2]))
        yield home() / "Sync"


def _config_files() -> Iterator[Path]:
    if platform() == "darwin":
        yield home() / "Library" / "Application Support" / "Syncthing" / "config.xml"
    elif platform() == "win32":
        bases = absolute_paths(os.environ.get("LOCALAPPDATA"), os.environ.get("APPDATA"))
        yield from (base / "Syncthing" / "config.xml" for base in bases)
    else:
        # The old place first: if a config is left there, Syncthing uses it.
        old = (os.environ.get("XDG_CONFIG_HOME"), str(home() / ".config"))
        new = (os.environ.get("XDG_STATE_HOME"), str(home() / ".local" / "state"))
        yield from (base / "syncthing" / "config.xml" for base in absolute_paths(*old, *new))


def _folders(data: bytes) -> Iterator[tuple[Path, bool]]:
    # Syncthing writes UTF-8 without a document type, and only a document type can define entities.
    if b"<!DOCTYPE" in data or b"\0" in data:
        return
    try:
        config = ET.fromstring(data)  # noqa: S314 - the user's own file, no entities
    except (ET.ParseError, LookupError, ValueError):
        return
    # Only folders directly below the root: the template in <defaults> is called <folder>, too.
    for folder in config.findall("folder"):
        for path in absolute_paths(folder.get("path")):
            yield path, folder.get("type") in _ONE_WAY
