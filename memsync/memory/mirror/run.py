"""The mirror: an independent local copy of the memory folder, if the sync folder fails one day.

It never trusts a source that is away or damaged, never replaces or deletes content without keeping
it as a version, and never leaves a torn file.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from memsync.config.sync_folder import folder_at
from memsync.errors import FolderAwayError, MemsyncError
from memsync.files.atomic import TEMP_SUFFIX, fsync_folder
from memsync.files.opener import RootFolder
from memsync.files.temps import sweep_temps
from memsync.memory.history import retention
from memsync.memory.history.backups import backup_at
from memsync.memory.mirror import mark, verify
from memsync.memory.mirror.disk import Copier, is_synced_at_once, sync_file_system
from memsync.memory.mirror.plan import (
    Listing,
    Plan,
    check_memory,
    list_mirror,
    list_source,
    make_plan,
    refuse_loss,
    refuse_nesting,
    system_reason,
)
from memsync.memory.mirror.report import MirrorReport, Rules, UnfinishedMirrorError
from memsync.memory.mirror.verify import BadFile
from memsync.memory.mirror.versions import Folders, Versions

_STEADY_SECONDS = 7 * 86_400


def mirror(source: Path, destination: Path, rules: Rules, now: datetime) -> MirrorReport:
    """Make the mirror at `destination` equal to the memory folder `source`.

    Files that are replaced or deleted go to ``.versions/`` in the mirror. Links, temp files, cloud
    placeholders and a ``.versions`` folder at the top of the source are not copied; if a file
    became one of these, its last copy stays. A memory that is a link is copied as the file it leads
    to. The caller makes sure that only one run works on a mirror.

    Args:
        source: the memory folder.
        destination: the mirror's folder; made if it is missing.
        rules: the settings of the run.
        now: the moment that versions are named after.

    Raises:
        FolderAwayError: the source is missing, unreadable or empty, or the mirror that was there
            is gone. Nothing was changed.
        DamagedMemoryError: its GLOBAL_MEMORY.md is no readable text. Nothing was changed.
        RefusedError: one folder lies in the other, or most files of the mirror are gone or empty
            in the source. Nothing was changed.
        UnfinishedMirrorError: some files could not be copied; all others are mirrored.
    """
    root, copy = resolve_path(source), resolve_path(destination)
    opener = folder_at(source)
    wanted = list_source(opener)
    refuse_nesting(root, copy)
    check_memory(opener)
    mark.recognise_mirror(copy, accept=rules.accept)
    present = list_mirror(copy)
    plan = make_plan(wanted, present)
    if not rules.accept:
        thinned = partial(_thinned_out, now=now, keep_days=rules.backup_days)
        refuse_loss(plan, wanted, present, thinned)
    _mark(copy)
    # A mirror has no links of its own; if somebody made one, nothing is written through it.
    plan.retire.extend(present.odd)
    return _Run(opener, copy, now, wanted, present).carry_out(plan, rules)


def _mark(mirror: Path) -> None:
    try:
        mark.remember_mirror(mirror)
    except OSError as error:
        raise MemsyncError(
            f"the mirror {mirror} cannot be marked as one ({system_reason(error)}); "
            "nothing was copied",
            hint="see that it can be written and has room, and so has memsync's state folder",
        ) from error


def _thinned_out(names: Iterable[str], now: datetime, keep_days: int) -> set[str]:
    """Return those of `names` that are backups which the source has pruned by now."""
    listed = (backup_at(Path(name)) for name in names if name.startswith("backups/"))
    found = [entry for entry in listed if entry is not None]
    gone = retention.expired_copies(found, lambda _entry: True, now, keep_days)
    return {entry.path.as_posix() for entry in gone}


@dataclass
class _Run:
    """One run of the mirror: where it works, and what it could not do."""

    opener: RootFolder
    mirror: Path
    now: datetime
    wanted: Listing
    present: Listing

    def __post_init__(self) -> None:
        self.source = self.opener.root
        self.folders = Folders(self.mirror)
        self.copier = Copier()
        self.versions = Versions(self.folders, self.now)
        self.faults = dict(self.wanted.faults)
        self.evicted: set[str] = set()
        self.staged: dict[str, str] = {}
        self.token = f"{os.getpid()}-{secrets.token_hex(4)}"

    def carry_out(self, plan: Plan, rules: Rules) -> MirrorReport:
        for folder in self.present.littered:
            sweep_temps(self.mirror / folder)
        # First, because it makes room.
        pruned = self.versions.prune(rules.keep_days, self._clock_goes_on) if rules.prune else 0
        findings = self._verify(plan.unchanged) if rules.verify else ()
        damaged = [found.name for found in findings if found.where == "mirror"]
        changed = self._differing(plan.compare)
        self._retire(plan.retire)
        copied = self._copy([*plan.copy, *changed, *damaged])
        report = MirrorReport(
            copied=copied - len(damaged),
            kept_versions=self.versions.kept,
            pruned=pruned,
            unchanged=len(plan.unchanged) + len(plan.compare) - len(damaged) - len(changed),
            findings=findings,
            skipped=len(self.wanted.odd) + len(self.wanted.held) + len(self.evicted),
        )
        self._raise_faults(report)
        return report

    def _clock_goes_on(self) -> bool:
        """Was something in the source changed within a week, by the clock as it is now?

        If nothing changed for long, there is nothing to prune either, and a clock that leapt ahead
        would prune too much.
        """
        newest = max((info[1] for info in self.wanted.files.values()), default=0)
        return self.now.timestamp() - newest / 1e9 < _STEADY_SECONDS

    def _verify(self, names: list[str]) -> tuple[BadFile, ...]:
        here = [name for name in names if not self._is_away(name)]
        found = [verify.examine(name, self.opener, self.mirror) for name in here]
        return (*filter(None, found), *verify.unreadable_versions(self.mirror))

    def _differing(self, names: list[str]) -> list[str]:
        """Return those of `names` whose content differs; give the others the source's time.

        If a sync client fetched a file anew, or a file system keeps times by two seconds, that is
        no reason for a new version.
        """
        differing = []
        for name in names:
            with self._noting(name):
                if self._is_away(name):
                    continue
                if verify.differs(name, self.opener, self.mirror):
                    differing.append(name)
                else:
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

        All of them are written to temp files and synced before the first one is renamed, so that
        after a power cut every file is either old or new.
        """
        at_once = is_synced_at_once(len(names))
        try:
            for name in names:
                with self._noting(name):
                    self._stage(name, durable=not at_once)
            if at_once:
                self._sync()
            return self._place()
        finally:
            for temp in self.staged.values():
                Path(temp).unlink(missing_ok=True)

    def _sync(self) -> None:
        try:
            sync_file_system(str(self.mirror))
        except OSError as error:
            raise MemsyncError(
                f"what was copied to the mirror {self.mirror} cannot be made durable"
                f" ({system_reason(error)}); its files are as they were",
                hint="look after its disk; the next run tries again",
            ) from error

    def _stage(self, name: str, *, durable: bool) -> None:
        parent, _, base = name.rpartition("/")
        # Shortened, because a name of 250 bytes would leave no room for the rest.
        label = f".{base[:40]}.memsync-{self.token}{len(self.staged)}{TEMP_SUFFIX}"
        temp = f"{self.folders.ensure(parent)}/{label}"
        with self.opener.opened(self.source / name) as reader:
            # A file with blocks on disk is no placeholder; only the others need a closer look.
            if not getattr(os.fstat(reader), "st_blocks", 0) and self._is_away(name):
                return
            self.copier.copy(reader, temp, durable=durable)
        self.staged[name] = temp

    def _place(self) -> int:
        placed = []
        for name, temp in list(self.staged.items()):
            with self._noting(name):
                if name in self.present.files:
                    self.versions.keep(name, stays=True)
                os.replace(temp, f"{self.mirror}/{name}")  # noqa: PTH105 - see Copier
                del self.staged[name]
                placed.append(name)
        for folder in {name.rpartition("/")[0] for name in placed}:
            with self._noting(folder):
                fsync_folder(self.mirror / folder)
        return len(placed)

    def _is_away(self, name: str) -> bool:
        """Is `name` only a placeholder of a sync client? Remembers it if so."""
        if self.opener.is_evicted(self.source / name):
            self.evicted.add(name)
        return name in self.evicted

    @contextlib.contextmanager
    def _noting(self, name: str) -> Iterator[None]:
        """Note an OSError of the body for `name`, so that the other files are still mirrored."""
        try:
            yield
        except OSError as error:
            self.faults[name] = error

    def _raise_faults(self, report: MirrorReport) -> None:
        if not self.faults:
            return
        name, error = next(iter(self.faults.items()))
        # repr, because a name may hold line breaks, or bytes that are no text.
        what = f"{name!r} ({system_reason(error)})"
        if len(self.faults) > 1:
            what = f"{len(self.faults)} files, the first one {what},"
        raise UnfinishedMirrorError(
            f"{what} could not be mirrored; everything else is up to date",
            f"see that {self.source} can be read and that {self.mirror} can be written"
            " and has room; the next run tries again",
            report,
        ) from error


def resolve_path(path: Path) -> Path:
    """Return where a path leads; raise `FolderAwayError` if its links form a circle."""
    try:
        return path.expanduser().resolve()
    except (OSError, RuntimeError) as error:  # RuntimeError: a loop of links, until Python 3.13
        raise FolderAwayError(
            f"{path} cannot be resolved ({error})", hint="see where its links lead"
        ) from error
