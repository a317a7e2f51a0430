"""A model of sync clients: a cloud, folders, and what each client does where two wrote one file.

It delivers file by file, whenever and in whatever order it is told to.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

DAY = "2026-11-23"
Name = Callable[[str, str, str, int], str]
"""Makes a copy's name from stem, ending, host and a number that grows until the name is free."""


@dataclass(frozen=True)
class Client:
    """How one client settles a conflict: by a copy of the older text, or by losing it."""

    name: str
    copy_name: Name | None
    newer_wins: bool = False
    renames_both: bool = False


def _onedrive(stem: str, ending: str, host: str, number: int) -> str:
    return f"{stem}-{host}{ending}" if number == 1 else f"{stem}-{host}-{number}{ending}"


CLIENTS = {
    client.name: client
    for client in (
        Client("OneDrive", _onedrive),
        Client("onedrive for Linux", lambda s, e, h, n: f"{s}-{h.lower()}-safeBackup-{n:04}{e}"),
        Client("iCloud", lambda s, e, h, n: f"{s} {n + 1}{e}"),
        Client("Google Drive", lambda s, e, h, n: f"{s} ({n}){e}"),
        Client(
            "Dropbox",
            lambda s, e, h, n: f"{s} ({h}'s conflicted copy {DAY}{f' ({n})' * (n > 1)}){e}",
        ),
        Client(
            "Syncthing",
            lambda s, e, h, n: f"{s}.sync-conflict-20261123-{n:06}-{(h * 7)[:7].upper()}{e}",
            newer_wins=True,
        ),
        Client("rclone bisync", lambda s, e, h, n: f"{s}{e}.conflict{n}", renames_both=True),
        Client("Nextcloud", lambda s, e, h, n: f"{s} (conflicted copy {DAY} {n:06}){e}"),
        Client(
            "Obsidian Sync",
            lambda s, e, h, n: f"{s} (Conflicted copy {h} {DAY.replace('-', '')}{n:04}){e}",
        ),
        Client("last writer wins", None),
    )
}


@dataclass
class Cloud:
    """What the client's servers hold: for each path its content and when it was written."""

    files: dict[str, tuple[bytes, float]] = field(default_factory=dict)


class Folder:
    """One machine's sync folder, with what its client last knew of each path."""

    def __init__(self, path: Path, host: str, cloud: Cloud, client: Client) -> None:
        self.path, self.host, self.cloud, self.client = path, host, cloud, client
        self._base: dict[str, bytes] = {}

    def paths(self) -> list[str]:
        """Return every path that somebody has something to say about."""
        found = {*self.cloud.files, *self._base}
        for folder, _, names in os.walk(self.path):
            inside = os.path.relpath(folder, self.path)
            for name in names:
                if not name.endswith(".tmp"):
                    found.add(name if inside == "." else f"{inside}/{name}")
        return sorted(found)

    def deliver(self, chance: random.Random | None = None) -> bool:
        """Sync every path, or by `chance` some of them in any order; tell whether any changed."""
        wanted = self.paths()
        if chance is not None:
            chance.shuffle(wanted)
            wanted = wanted[: chance.randrange(len(wanted) + 1)]
        return sum(self._sync(path) for path in wanted) > 0

    def _sync(self, path: str) -> bool:
        here, there, base = self._read(path), self.cloud.files.get(path), self._base.get(path)
        known = there[0] if there else None
        if here == known:
            self._agree(path, here)
            return False
        if here == base or (here is None and known is not None and known != base):
            self._write(path, known, there[1] if there else 0)
        elif known in (base, None):
            self._upload(path, here)
        else:
            self._settle(path, here or b"", known, there[1] if there else 0)
            return True
        self._agree(path, self._read(path))
        return True

    def _settle(self, path: str, here: bytes, there: bytes, written: float) -> None:
        stem, dot, ending = path.rpartition(".")
        ending = dot + ending
        if self.client.copy_name is None:
            self._upload(path, here)
            return self._agree(path, here)
        mine_is_newer = (self.path / path).stat().st_mtime >= written
        keep, lose = (here, there) if self.client.newer_wins and mine_is_newer else (there, here)
        self._write(self._free(stem, ending), lose, written)
        if self.client.renames_both:
            self._write(self._free(stem, ending), keep, written)
            self._write(path, None, 0)
            self.cloud.files.pop(path, None)
            return self._agree(path, None)
        if keep == here:
            self._upload(path, here)
        else:
            self._write(path, there, written)
        return self._agree(path, keep)

    def _free(self, stem: str, ending: str) -> str:
        assert self.client.copy_name is not None
        number = 1
        while True:
            name = self.client.copy_name(stem, ending, self.host, number)
            if self._read(name) is None and name not in self.cloud.files:
                return name
            number += 1

    def _read(self, path: str) -> bytes | None:
        try:
            return (self.path / path).read_bytes()
        except FileNotFoundError:
            return None

    def _write(self, path: str, data: bytes | None, written: float) -> None:
        target = self.path / path
        if data is None:
            target.unlink(missing_ok=True)
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        os.utime(target, (written, written))

    def _upload(self, path: str, data: bytes | None) -> None:
        if data is None:
            self.cloud.files.pop(path, None)
        else:
            self.cloud.files[path] = (data, (self.path / path).stat().st_mtime)

    def _agree(self, path: str, data: bytes | None) -> None:
        if data is None:
            self._base.pop(path, None)
        else:
            self._base[path] = data
