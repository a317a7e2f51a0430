"""The mirror: an independent local copy of the memory root, for the day the sync folder fails.

It promises never to believe a source that is away or damaged, never to replace or delete a
content without keeping it as a version, and never to leave a torn file.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from memsync.daemon.mirror_listing import (
    Listing,
    Plan,
    check_memory,
    decide,
    list_mirror,
    list_source,
    reason,
    refuse_nesting,
)
from memsync.daemon.mirror_versions import Folders, Versions, copy_file
from memsync.errors import FolderAwayError, MemsyncError
from memsync.files import TEMP_SUFFIX, fsync_folder, is_evicted, sweep_temps
from memsync.workspace import MEMORY_NAME

_FEW = 64


@dataclass(frozen=True)
class MirrorReport:
    """What one run of the mirror did.

    Attributes:
        copied: files copied because they were new or different.
        kept_versions: replaced or deleted files put aside as versions.
        pruned: old versions removed.
        unchanged: files that were the same on both sides.
        damaged: with `verify`, files whose content in the mirror had changed behind its back
            (size and time agreed); they were copied anew.
        skipped: links, special files and cloud placeholders in the source, which are not copied.
    """

    copied: int = 0
    kept_versions: int = 0
    pruned: int = 0
    unchanged: int = 0
    damaged: tuple[str, ...] = ()
    skipped: int = 0

    @property
    def sentence(self) -> str:
        """One sentence for the job history, such as "3 files copied, 1 old version kept"."""
        parts = [
            _count(self.copied, "file", "copied"),
            _count(len(self.damaged), "damaged file", "of the mirror renewed"),
            _count(self.kept_versions, "old version", "kept"),
            _count(self.pruned, "old version", "pruned"),
            _count(self.skipped, "file", "skipped"),
        ]
        if not (self.copied or self.kept_versions):
            parts.insert(0, "nothing changed")
        return ", ".join(part for part in parts if part)


def mirror(
    source: Path, destination: Path, keep_days: int, now: datetime, verify: bool = False
) -> MirrorReport:
    """Bring the copy at `destination` up to what the memory root `source` holds.

    What is replaced or deleted goes to ``.versions/`` in the mirror for `keep_days`. Links,
    temp files and cloud placeholders are not copied, nor is a ``.versions`` folder at the top of
    the source; the last copy of a file that turned into one of these stays. The caller sees to it
    that one run at a time works on a mirror.

    Args:
        source: the memory root.
        destination: the mirror's folder; made where it is missing.
        keep_days: for how long versions are kept.
        now: the moment that versions are named after.
        verify: read both sides of what seems unchanged, and renew what differs.

    Raises:
        FolderAwayError: the source is missing, unreadable or empty. Nothing was touched.
        DamagedMemoryError: its GLOBAL_MEMORY.md is no readable text. Nothing was touched.
        RefusedError: one folder lies in the other, or most of the mirror would be deleted.
            Nothing was touched.
        MemsyncError: some files could not be copied; all others are mirrored.
    """
    root, copy = _resolve(source), _resolve(destination)
    wanted = list_source(root)
    refuse_nesting(root, copy)
    check_memory(root / MEMORY_NAME)
    present = list_mirror(copy)
    plan = decide(wanted, present)
    return _Run(root, copy, now, wanted, present).carry_out(plan, keep_days, verify=verify)


@dataclass
class _Run:
    """One run of the mirror: where it works, and what it could not do."""

    source: Path
    mirror: Path
    now: datetime
    wanted: Listing
    present: Listing

    def __post_init__(self) -> None:
        self.folders = Folders(self.mirror)
        self.versions = Versions(self.folders, self.now)
        self.faults = dict(self.wanted.faults)
        self.evicted: set[str] = set()
        self.staged: dict[str, str] = {}
        self.token = f"{os.getpid()}-{secrets.token_hex(4)}"

    def carry_out(self, plan: Plan, keep_days: int, *, verify: bool) -> MirrorReport:
        for folder in self.present.littered:
            sweep_temps(self.mirror / folder)
        pruned = self.versions.prune(keep_days)  # first: it makes room for what comes
        damaged = self._differing(plan.unchanged) if verify else []
        changed = self._differing(plan.compare, retouch=True)
        self._retire(plan.retire)
        copied = self._copy([*plan.copy, *changed, *damaged])
        self._raise_faults()
        return MirrorReport(
            copied=copied - len(damaged),
            kept_versions=self.versions.kept,
            pruned=pruned,
            unchanged=len(plan.unchanged) + len(plan.compare) - len(damaged) - len(changed),
            damaged=tuple(damaged),
            skipped=len(self.wanted.odd) + len(self.wanted.held) + len(self.evicted),
        )

    def _differing(self, names: list[str], *, retouch: bool = False) -> list[str]:
        """Return those of `names` whose content differs.

        With `retouch` the others take on the source's time: a sync client that fetched a file
        anew, or a stick that keeps times by two seconds, is no reason for a new version.
        """
        differing = []
        for name in names:
            with self._noting(name):
                if self._is_away(name):
                    continue
                if _digest(self.source / name) != _digest_or_none(self.mirror / name):
                    differing.append(name)
                elif retouch:
                    modified = self.wanted.files[name][1]
                    os.utime(self.mirror / name, ns=(modified, modified))
        return differing

    def _retire(self, names: list[str]) -> None:
        for name in names:
            with self._noting(name):
                self.versions.keep(name, stays=False)
                self._remove_empty_folders(name)

    def _remove_empty_folders(self, name: str) -> None:
        with contextlib.suppress(OSError):  # the first one that is not empty ends it
            while "/" in name:
                name = name.rpartition("/")[0]
                (self.mirror / name).rmdir()

    def _copy(self, names: list[str]) -> int:
        """Copy `names`, and return how many were copied.

        All contents are written beside their places and synced before the first one is renamed,
        so that a power cut leaves every file either old or new. Python has no syncfs: a few files
        are synced one by one, while for many a single os.sync costs a quarter of that (an SD card
        fares even better), though it waits for other programs' writes too.
        """
        one_by_one = len(names) <= _FEW or not hasattr(os, "sync")
        try:
            for name in names:
                with self._noting(name):
                    self._stage(name, durable=one_by_one)
            if not one_by_one:
                os.sync()
            return self._place()
        finally:
            for temp in self.staged.values():
                Path(temp).unlink(missing_ok=True)

    def _stage(self, name: str, *, durable: bool) -> None:
        parent, _, base = name.rpartition("/")
        # Cut short, or a name of 250 bytes would leave no room for the rest.
        label = f".{base[:40]}.memsync-{self.token}{len(self.staged)}{TEMP_SUFFIX}"
        temp = f"{self.folders.ensure(parent)}/{label}"
        if copy_file(f"{self.source}/{name}", temp, durable=durable):
            self.staged[name] = temp
        else:
            self.evicted.add(name)

    def _place(self) -> int:
        placed = []
        for name, temp in list(self.staged.items()):
            with self._noting(name):
                if name in self.present.files:
                    self.versions.keep(name, stays=True)
                os.replace(temp, f"{self.mirror}/{name}")  # noqa: PTH105 - see copy_file
                del self.staged[name]
                placed.append(name)
        for folder in {name.rpartition("/")[0] for name in placed}:
            with self._noting(folder):
                fsync_folder(self.mirror / folder)
        return len(placed)

    def _is_away(self, name: str) -> bool:
        """Tell, and remember, whether a sync client keeps only a placeholder of `name`."""
        if is_evicted(self.source / name):
            self.evicted.add(name)
        return name in self.evicted

    @contextlib.contextmanager
    def _noting(self, name: str) -> Iterator[None]:
        """Note an OSError of the body against `name`, so that the other files go on."""
        try:
            yield
        except OSError as error:
            self.faults[name] = error

    def _raise_faults(self) -> None:
        if not self.faults:
            return
        name, error = next(iter(self.faults.items()))
        # repr: a file's name may hold line breaks, or bytes that are no text.
        what = f"{name!r} ({reason(error)})"
        if len(self.faults) > 1:
            what = f"{len(self.faults)} files, the first one {what},"
        raise MemsyncError(
            f"{what} could not be mirrored; everything else is up to date",
            hint=f"see that {self.source} can be read and that {self.mirror} can be written"
            " and has room; the next run tries again",
        ) from error


def _resolve(path: Path) -> Path:
    try:
        return path.expanduser().resolve()
    except (OSError, RuntimeError) as error:  # RuntimeError: a loop of links, until Python 3.13
        raise FolderAwayError(
            f"{path} cannot be resolved ({error})", hint="see where its links lead"
        ) from error


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _digest_or_none(path: Path) -> str | None:
    try:
        return _digest(path)
    except OSError:
        return None  # a copy that cannot be read is no copy


def _count(number: int, noun: str, done: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'} {done}" if number else ""
