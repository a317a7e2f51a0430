"""What this machine last wrote to each target, kept in the state folder.

It tells a block that is only old (``stale``) from one that a person edited (``edited``), and what a
removal must restore. A lost record only costs a needless copy under ``aside/``.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from memsync.config import RETIRED_MODE
from memsync.config.state_file import StateFile
from memsync.targets.catalog import Target, real_place

_FILE = StateFile("targets.json", indent=1)


@dataclass(frozen=True)
class TargetRecord:
    """One target's record.

    Attributes:
        digest: of the memory as last written there, with LF endings.
        lead: how many bytes memsync put between the person's text and the block.
        created: True if the file did not exist before.
        adopted: True if the memory started from this file, and its text became the block.
        kept: where the earlier file is kept, if not as ``NAME.pre-memsync.bak``.
        folders: how many folders above the file were created for it.
        mode: the mode in which the memory was written.
    """

    digest: str
    lead: int = 0
    created: bool = False
    adopted: bool = False
    kept: str = ""
    folders: int = 0
    mode: str = ""


def record_of(target: Target, records: dict[str, TargetRecord]) -> TargetRecord | None:
    """Return the record of a target's file, by whichever path it was written; None without one."""
    return records.get(real_place(target.path)) or records.get(str(target.path))


def save_record(
    target: Target, records: dict[str, TargetRecord], written: TargetRecord | None
) -> None:
    """Set the record of a target's file in `records`; None removes it."""
    for key in (str(target.path), real_place(target.path)):
        records.pop(key, None)
    if written is not None:
        records[real_place(target.path)] = written


def load_records() -> dict[str, TargetRecord]:
    """Return the records by place; none if the file is missing or damaged.

    Raises:
        OSError: the file cannot be read now, so it must not be overwritten either.
    """
    return _FILE.load_if_readable(_parse, {})


def _parse(table: dict[str, Any]) -> dict[str, TargetRecord]:
    records = {path: TargetRecord(**entry) for path, entry in table.items()}
    return {path: one for path, one in records.items() if one.mode != RETIRED_MODE}


def save_records(records: dict[str, TargetRecord]) -> None:
    """Write all records, atomically."""
    _FILE.save({path: asdict(entry) for path, entry in sorted(records.items())})
