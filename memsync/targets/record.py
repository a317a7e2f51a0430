"""What this machine last wrote into each target, kept in the local state.

It tells a block that is merely old (``stale``) from one a person changed (``edited``), and what
a removal has to put back. A lost record costs nothing but a needless copy kept aside.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from memsync.config import RETIRED_MODE
from memsync.config.state import state_folder
from memsync.files.atomic import atomic_write
from memsync.targets.catalog import Target, real_place


@dataclass(frozen=True)
class TargetRecord:
    """One target's record.

    Attributes:
        digest: of the memory as last written there, with LF endings.
        lead: how many bytes stand between the person's text and the block because of us.
        created: the file did not exist before.
        adopted: the whole file became the memory, and its text the block.
        kept: where the file from before is, if not as ``NAME.pre-memsync.bak``.
        folders: how many folders above the file were made for it.
        mode: how the memory was given to it.
    """

    digest: str
    lead: int = 0
    created: bool = False
    adopted: bool = False
    kept: str = ""
    folders: int = 0
    mode: str = ""


def record_of(target: Target, records: dict[str, TargetRecord]) -> TargetRecord | None:
    """Return what is known of a target's file, by whatever name it was reached when written."""
    return records.get(real_place(target.path)) or records.get(str(target.path))


def save_record(
    target: Target, records: dict[str, TargetRecord], written: TargetRecord | None
) -> None:
    """Take down what is known of a target's file from now on; None is nothing."""
    for key in (str(target.path), real_place(target.path)):
        records.pop(key, None)
    if written is not None:
        records[real_place(target.path)] = written


def load_records() -> dict[str, TargetRecord]:
    """Return the records by place; a missing or damaged file has none.

    Raises:
        OSError: the file cannot be read just now, so it must not be written anew either.
    """
    try:
        raw = json.loads(_path().read_text(encoding="utf-8"))
        records = {path: TargetRecord(**entry) for path, entry in raw.items()}
        return {path: one for path, one in records.items() if one.mode != RETIRED_MODE}
    except (FileNotFoundError, ValueError, TypeError, AttributeError):
        return {}


def save_records(records: dict[str, TargetRecord]) -> None:
    """Write all records, atomically."""
    table = {path: asdict(entry) for path, entry in sorted(records.items())}
    atomic_write(_path(), json.dumps(table, indent=1).encode())


def _path() -> Path:
    return state_folder() / "targets.json"
