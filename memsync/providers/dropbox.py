"""Dropbox: the folder in its client's settings; the personal account's folder first."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

from memsync.providers.base import Provider, absolute_paths, home, platform, read_settings


class Dropbox(Provider):
    """Dropbox, on every platform."""

    name = "dropbox"
    label = "Dropbox"

    def candidates(self) -> Iterator[Path]:
        """Return the folders named in the client's ``info.json``, then ``~/Dropbox``."""
        for source in _info_files():
            yield from _folders(read_settings(source))
        yield home() / "Dropbox"


def _info_files() -> Iterator[Path]:
    if platform() == "win32":
        bases = absolute_paths(os.environ.get("APPDATA"), os.environ.get("LOCALAPPDATA"))
        yield from (base / "Dropbox" / "info.json" for base in bases)
    else:
        yield home() / ".dropbox" / "info.json"


def _folders(data: bytes) -> Iterator[Path]:
    try:
        info = json.loads(data)
    except (ValueError, RecursionError):
        return
    if not isinstance(info, dict):
        return
    for account in (info.get("personal"), info.get("business")):
        if isinstance(account, dict):
            yield from absolute_paths(account.get("path"))
