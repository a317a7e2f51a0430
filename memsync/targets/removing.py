"""Remove the memory from a target's file, and restore what was there before.

Text edited by hand is never lost: an edited block is kept aside, an edited copy is left as it is.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from memsync.files.atomic import atomic_write
from memsync.targets import block, record
from memsync.targets.catalog import Target
from memsync.targets.keeping import keep_text_aside, original_path
from memsync.targets.record import TargetRecord
from memsync.targets.states import text_digest


def forget_target(target: Target) -> str:
    """Remove the memory from a target's file and return what was done, in words.

    The text around the block stays. A file that memsync created is removed, with the folders made
    for it. An adopted file, and the file that an unedited copy replaced, is restored.

    Raises:
        OSError: the file cannot be changed; it is as it was.
    """
    if target.is_retired:
        return "file left as it is"
    records = record.load_records()
    done = take_out(target, record.record_of(target, records) or TargetRecord(""))
    record.save_record(target, records, None)
    record.save_records(records)
    return done


def take_out(target: Target, written: TargetRecord) -> str:
    """Remove the memory as `forget_target` does, by the record `written`; keep the record."""
    path = target.path
    if path.is_symlink() or not path.is_file():
        return "file left as it is"
    data = path.read_bytes()
    if target.mode == "copy":
        as_written = text_digest(data) == written.digest
        return _put_back(target, written) if as_written else _left(target)
    found = block.find_block(data)
    if found is None:
        return "file left as it is: it has no block"
    kept = keep_text_aside(target, data) if found.doubled else _keep(target, found, written)
    done = _take_out_block(target, found, written)
    return f"{done}; its former text is kept in {kept}" if kept else done


def _left(target: Target) -> str:
    before = original_path(target)
    hint = f"; the earlier file is {before}" if before.exists() else ""
    return f"file left as it is: it was edited by hand{hint}"


def _keep(target: Target, found: block.Block, written: TargetRecord) -> Path | None:
    """Keep a block aside if a person edited it, or if the restored file will lack its text."""
    now = text_digest(found.content)
    if now == written.digest and not written.adopted:
        return None
    if written.adopted and now == text_digest(_adopted_text(target, found)):
        return None
    return keep_text_aside(target, found.content)


def _put_back(target: Target, written: TargetRecord) -> str:
    """Replace a copy by the file that was there before, or remove it."""
    before = Path(written.kept) if written.kept else original_path(target)
    if written.created:
        _unlink(target.path, written)
        return "file removed"
    if not before.exists():
        return "file left as it is"
    atomic_write(target.path, before.read_bytes())
    return "earlier file restored"


def _take_out_block(target: Target, found: block.Block, written: TargetRecord) -> str:
    path = target.path
    if written.adopted:
        atomic_write(path, _adopted_file(target, found))
        return "earlier file restored"
    rest = _before(target, found, written) + found.after
    if written.created and not rest.strip():
        _unlink(path, written)
        return "file removed"
    atomic_write(path, rest)
    return "block removed"


def _before(target: Target, found: block.Block, written: TargetRecord) -> bytes:
    """Return the text before the block, without the blank line that memsync added."""
    before = found.before
    if written.lead and before[-written.lead :].strip(b"\r\n") == b"":
        return before[: len(before) - written.lead]
    first = _original_text(target)
    if not written.digest and first is not None and before.startswith(first):  # the record is lost
        return first if not before[len(first) :].strip(b"\r\n") else before
    return before


def _adopted_file(target: Target, found: block.Block) -> bytes:
    """Return an adopted file as it was, with the text added around the block since."""
    first, rest = _original_text(target), found.before + found.after
    if first is not None and rest.strip(b"\r\n") == block.split_foreign(first)[1].strip(b"\r\n"):
        return first
    return found.before + _adopted_text(target, found) + found.after


def _adopted_text(target: Target, found: block.Block) -> bytes:
    first = _original_text(target)
    return found.content if first is None else block.split_foreign(first)[0]


def _original_text(target: Target) -> bytes | None:
    try:
        return original_path(target).read_bytes()
    except OSError:
        return None


def _unlink(path: Path, written: TargetRecord) -> None:
    """Remove the file, and the folders created for it if they are empty."""
    path.unlink()
    with contextlib.suppress(OSError):
        for folder in list(path.parents)[: written.folders]:
            folder.rmdir()
