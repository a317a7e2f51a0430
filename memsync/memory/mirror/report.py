"""The settings of one run of the mirror, and the report of what it did."""

from __future__ import annotations

from dataclasses import dataclass

from memsync.errors import MemsyncError
from memsync.memory.mirror.verify import BadFile


@dataclass(frozen=True)
class MirrorReport:
    """What one run of the mirror did.

    Attributes:
        copied: files copied because they were new or different.
        kept_versions: replaced or deleted files kept as versions.
        pruned: old versions removed.
        unchanged: files that were the same on both sides.
        findings: with `verify`, damaged files whose size and time had not changed. Those of the
            mirror are copied again.
        skipped: links, special files and cloud placeholders in the source, which are not copied.
    """

    copied: int = 0
    kept_versions: int = 0
    pruned: int = 0
    unchanged: int = 0
    findings: tuple[BadFile, ...] = ()
    skipped: int = 0

    @property
    def damaged(self) -> tuple[str, ...]:
        """The damaged files of the mirror, which were copied again."""
        return tuple(found.name for found in self.findings if found.where == "mirror")

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


class UnfinishedMirrorError(MemsyncError):
    """Some files could not be mirrored; `report` says what was done with all others."""

    def __init__(self, message: str, hint: str, report: MirrorReport) -> None:
        super().__init__(message, hint)
        self.report = report


@dataclass(frozen=True)
class Rules:
    """The settings of one run.

    Attributes:
        keep_days: for how many days versions are kept.
        backup_days: for how many days the source keeps backups: a pruned one is no loss.
        verify: read unchanged files on both sides, and copy again what differs.
        accept: a person said that files gone from the source are gone on purpose.
        prune: remove old versions; False if the clock cannot be trusted.
    """

    keep_days: int = 30
    backup_days: int = 30
    verify: bool = False
    accept: bool = False
    prune: bool = True


def _count(number: int, noun: str, done: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'} {done}" if number else ""
