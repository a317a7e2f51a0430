"""An append-only log that each machine keeps in its own folder, and reads from every machine's.

No two machines ever write the same file, so no sync client makes conflict copies of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from memsync.config.state import machine_name
from memsync.config.sync_folder import folder_at, own_folder
from memsync.config.workspace import Workspace
from memsync.errors import FolderAwayError, refused
from memsync.files.opener import RootFolder
from memsync.files.place import OddFileError

SYNC_CLIENT = "check that the sync client runs and the file is yours"


@dataclass(frozen=True)
class MachineLog:
    """One log by its file name.

    Attributes:
        name: the name of the file in each machine's folder.
        must_be_read: whether a machine's log that cannot be read is an error, unless it is another
            machine's and no file; else it says nothing.
    """

    name: str
    must_be_read: bool = False

    def append(self, workspace: Workspace, line: str) -> None:
        """Add a line, or several, to this machine's own log; durable when this returns.

        Raises:
            FolderAwayError: the memory root is empty.
            OSError: nothing was written.
        """
        path = own_folder(workspace.machines) / self.name
        folder_at(workspace.root).append_line(path, line)

    def files(self, workspace: Workspace) -> list[Path]:
        """Return the log of each machine that has one, sorted.

        Raises:
            FolderAwayError: it must be read, and the folder of machines cannot be.
        """
        hint = "check that the sync client runs and the folder is yours; memsync doctor"
        try:
            with refused(f"{workspace.machines} cannot be read", hint, FolderAwayError):
                return folder_at(workspace.root).below(workspace.machines, self.name)
        except FolderAwayError:
            if self.must_be_read:
                raise
        return []

    def lines(self, workspace: Workspace) -> Iterator[tuple[str, str]]:
        """Yield each line of every machine's log, behind the machine's name.

        Raises:
            FolderAwayError: a log that must be read cannot be.
        """
        files = folder_at(workspace.root)
        for path in self.files(workspace):
            for line in self._text(files, path).splitlines():
                yield path.parent.name, line

    def _text(self, files: RootFolder, path: Path) -> str:
        try:
            return files.read(path).decode("utf-8", "replace")
        except FileNotFoundError:  # gone since it was listed
            return ""
        except OSError as error:
            if not self.must_be_read or is_left_out(error, path.parent.name):
                return ""
            words = f"{path} cannot be read: {error.strerror or error}"
            raise FolderAwayError(words, SYNC_CLIENT) from error


def is_left_out(error: OSError, machine: str) -> bool:
    """May a file of another machine that gave `error` be left out? `doctor` names it.

    No note is lost by that: without its ledger, or a decision, notes are merged or shown once more.
    A disk that fails may give the file later, so what it refuses is not left out.
    """
    return isinstance(error, OddFileError | PermissionError) and machine != machine_name()
