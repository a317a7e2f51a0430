"""Where the memory is: the provider's folder resolved once, and a named path for all below it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from memsync.config import Config
from memsync.errors import FolderAwayError
from memsync.files.timeout import with_timeout
from memsync.providers import Provider, get_provider

MEMORY_NAME = "GLOBAL_MEMORY.md"


@dataclass(frozen=True)
class Workspace:
    """The memory root of this machine, and what lies in it."""

    root: Path
    config: Config

    @property
    def memory(self) -> Path:
        """The one memory."""
        return self.root / MEMORY_NAME

    @property
    def backups(self) -> Path:
        """The folder of what the memory was before each change."""
        return self.root / "backups"

    @property
    def sessions(self) -> Path:
        """The folder of every note ever taken, one file a day."""
        return self.root / "sessions"

    @property
    def machines(self) -> Path:
        """The folder of every machine's own folder."""
        return self.root / "machines"

    @classmethod
    def open(cls, config: Config) -> Workspace:
        """Return the workspace that `config` points at; creates nothing.

        Raises:
            FolderAwayError: the folder is not there, cannot be read, does not answer, or is
                empty, as it is where a drive is not mounted or a sync client has not started.
        """
        workspace = cls(memory_root(config), config)
        workspace.require_present()
        return workspace

    def require_present(self) -> None:
        """Check that the folder is there, as `open` does: a drive may go while a process runs.

        Raises:
            FolderAwayError: it is not there, cannot be read, does not answer, or is empty.
        """
        with _away_on_os_error(self.root):
            with_timeout(self.root, self._look)

    def _look(self) -> None:
        if not self.root.is_dir():
            raise FolderAwayError(
                f"there is no memory folder at {self.root}",
                hint="start your sync client, or run memsync init if this is the first time",
            )
        with os.scandir(self.root) as entries:
            is_bare = next(entries, None) is None
        if is_bare:
            raise FolderAwayError(
                f"the memory folder {self.root} is empty",
                hint="mount the drive or let your sync client finish;"
                " memsync init --force starts a new memory there",
            )

    @classmethod
    def create(cls, config: Config) -> Workspace:
        """Make the memory root and its folders, for ``init`` alone.

        Raises:
            FolderAwayError: the sync folder itself is not there or cannot be written.
        """
        root = memory_root(config)
        with _away_on_os_error(root):
            workspace = cls(root, config)
            with_timeout(root.parent, workspace._make)
        return workspace

    def _make(self) -> None:
        if not self.root.parent.is_dir():
            raise FolderAwayError(
                f"there is no sync folder at {self.root.parent}",
                hint="memsync init --sync-root PATH names another",
            )
        self.root.mkdir(exist_ok=True)
        for folder in (self.backups, self.sessions, self.machines):
            with suppress(FileExistsError):  # a link, even one that leads nowhere, is asked about
                folder.mkdir()


def memory_root(config: Config) -> Path:
    """Return where the memory root is by `config`, whether it is there or not.

    Raises:
        FolderAwayError: no sync folder is named, and none of the provider's is found or one of
            them does not answer.
    """
    provider = get_provider(config.provider)
    if config.sync_root:
        return provider.get_memory_root(_expanded(config.sync_root))
    detected = detect_sync_root(provider)
    if detected is None:
        raise FolderAwayError(
            f"no {provider.label} folder was found on this machine",
            hint="memsync config set paths.sync_root PATH, or memsync init --provider NAME",
        )
    return provider.get_memory_root(detected)


def detect_sync_root(provider: Provider) -> Path | None:
    """Return the folder that the provider's client syncs on this machine, None where none is found.

    Raises:
        FolderAwayError: one of the places where it may be does not answer.
    """
    try:
        return provider.detect()
    except TimeoutError as error:
        raise FolderAwayError(
            f"the {provider.label} folder does not answer",
            hint="see that its drive is there; memsync config set paths.sync_root PATH, or"
            " memsync init --sync-root PATH, names another",
        ) from error


def require_folder(sync_root: Path) -> None:
    """Check that a sync folder is there before it is written down.

    Raises:
        FolderAwayError: it is not there or does not answer.
    """
    with _away_on_os_error(sync_root, "sync"):
        if not with_timeout(sync_root, sync_root.is_dir):
            raise FolderAwayError(
                f"there is no sync folder at {sync_root}", hint="memsync init --sync-root PATH"
            )


def _expanded(sync_root: str) -> Path:
    try:
        return Path(sync_root).expanduser().absolute()
    except RuntimeError as error:  # `~name` of a user this machine does not have
        raise FolderAwayError(
            f"the sync folder {sync_root} cannot be found: {error}",
            hint="memsync config set paths.sync_root PATH",
        ) from error


@contextmanager
def _away_on_os_error(root: Path, kind: str = "memory") -> Iterator[None]:
    """Report any failure to reach the folder (ENOTCONN of a dead mount, EACCES…) as what it is."""
    try:
        yield
    except OSError as error:
        raise FolderAwayError(
            f"the {kind} folder {root} cannot be reached: {error.strerror or error}",
            hint="check that the sync client runs and the folder is mounted and yours",
        ) from error
