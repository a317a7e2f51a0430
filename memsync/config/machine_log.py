"""An append-only log that each machine keeps in its own folder, and reads from every machine's.

No two machines ever write the same file, so no sync client makes conflict copies of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from memsync.config.state import own_folder
from memsync.config.workspace import Workspace
from memsync.errors import FolderAwayError, refused
from memsync.files.append import append_line
from memsync.files.listing import list_in_subfolders

SYNC_CLIENT = "check that the sync client runs and the file is yours"


@dataclass(frozen=True)
class MachineLog:
    """One log by its file name.

    Attributes:
        name: the name of the file in each machine's folder.
        must_be_read: whether a machine's log that cannot be read is an error; else it says nothing.
    """

    name: str
    must_be_read: bool = False

    def append(self, workspace: Workspace, line: str) -> None:
        """Add a line, or several, to this machine's own log; durable when this returns.

        Raises:
            FolderAwayError: the memory root is empty.
            OSError: nothing was written.
        """
        append_line(own_folder(workspace.machines) / self.name, line)

    def files(self, workspace: Workspace) -> list[Path]:
        """Return the log of each machine that has one, sorted.

        Raises:
            FolderAwayError: it must be read, and the folder of machines cannot be.
        """
        if not self.must_be_read:
            return sorted(workspace.machines.glob(f"*/{self.name}"))
        hint = "check that the sync client runs and the folder is yours"
        with refused(f"{workspace.machines} cannot be read", hint, FolderAwayError):
            return list_in_subfolders(workspace.machines, self.name)

    def lines(self, workspace: Workspace) -> Iterator[tuple[str, str]]:
        """Yield each line of every machine's log, behind the machine's name.

        Raises:
            FolderAwayError: a log that must be read cannot be.
        """
        for path in self.files(workspace):
            for line in self._text(path).splitlines():
                yield path.parent.name, line

    def _text(self, path: Path) -> str:
        try:
            return path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:  # gone since it was listed
            return ""
        except OSError as error:
            if not self.must_be_read:
                return ""
            words = f"{path} cannot be read: {error.strerror or error}"
            raise FolderAwayError(words, SYNC_CLIENT) from error
