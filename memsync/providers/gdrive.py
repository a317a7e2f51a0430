"""Google Drive: "My Drive", whatever its client calls it and wherever it is."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from pathlib import Path

from memsync.providers.base import Provider, home, is_folder, platform, subfolders

_MY_DRIVE = (
    "My Drive",
    "Meine Ablage",
    "Mon Drive",
    "Mi unidad",
    "Il mio Drive",
    "Meu Drive",
    "O meu disco",
    "Mijn Drive",
    "Mój dysk",
    "Min enhet",
    "マイドライブ",
)
_SHARED = frozenset(
    {
        "Shared drives",
        "Team Drives",
        "Geteilte Ablagen",
        "Drive partagés",
        "Disques partagés",
        "Unidades compartidas",
        "Drive condivisi",
        "Drives compartilhados",
        "Gedeelde Drives",
        "Other computers",
        "Computers",
        "Weitere Computer",
        "Andere Computer",
        "Autres ordinateurs",
        "Otros ordenadores",
        "Altri computer",
    }
)
_MARK = ".shortcut-targets-by-id"  # Google's client puts this folder beside "My Drive"


class GoogleDrive(Provider):
    """Google Drive for desktop; on Linux the folder of a mount (rclone, ocamlfuse)."""

    name = "gdrive"
    label = "Google Drive"
    volume = Path("/Volumes/GoogleDrive")
    """The client's mount point on macOS before CloudStorage existed."""

    # The client uses G by default. A and B are floppies, and C is Windows itself.
    drives = tuple(Path(f"{letter}:/") for letter in "GHIJKLMNOPQRSTUVWXYZDEF")
    """The drives on which the client may be mounted on Windows."""

    def candidates(self) -> Iterator[Path]:
        """Return each account's own drive, under its name in each of the client's languages."""
        if platform() == "darwin":
            storage = home() / "Library" / "CloudStorage"
            for account in [*subfolders(storage, "GoogleDrive-*"), self.volume]:
                yield from _my_drive(account)
        elif platform() == "win32":
            for drive in self.drives:
                yield from _my_drive(drive) if is_folder(drive / _MARK) else _known(drive)
        else:
            yield from (home() / name for name in ("Google Drive", "GoogleDrive", "gdrive"))


def _known(account: Path) -> Iterator[Path]:
    return (account / name for name in _MY_DRIVE)


def _my_drive(account: Path) -> Iterator[Path]:
    yield from _known(account)
    # In a language that is not listed, it is the only folder without a known name. If there are
    # two, one may be shared with others, so neither is chosen.
    unknown = [folder for folder in subfolders(account) if not _is_other(folder.name)]
    if len(unknown) == 1:
        yield unknown[0]


def _is_other(name: str) -> bool:
    # macOS may store accents as separate characters.
    return name.startswith((".", "$")) or unicodedata.normalize("NFC", name) in _SHARED
