"""Taking the memory out of a target's file again: what was there before comes back.

What was changed by hand is never lost on the way: a block is kept aside, a copy left as it is.
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
    """Take the memory out of a target's file again and return what was done, in words.

    What stood around the block stays. A file that was there only for memsync goes, and the
    folders made for it; an adopted file, and what an unchanged copy took the place of, comes back.

    Raises:
        OSError: the file is as it was.
    """
    if target.is_retired:
        return "file left as it is"
    records = record.load_records()
    done = take_out(target, record.record_of(target, records) or TargetRecord(""))
    record.save_record(target, records, None)
    record.save_records(records)
    return done


def take_out(target: Target, written: TargetRecord) -> str:
    """Do what `forget` says for a target of which `written` is known; the record stays."""
    path = target.path
    if path.is_symlink() or not path.is_file():
        return "file left as it is"
    data = path.read_bytes()
    if target.mode == "copy":
        as_written = text_digest(data) == written.digest
        return _put_back(target, written) if as_written else _left(target)
    found = block.find_block(data)
    if found is None:
        return "file left as it is: no block in it"
    kept = keep_text_aside(target, data) if found.doubled else _keep(target, found, written)
    done = _take_out_block(target, found, written)
    return f"{done}; what stood there is kept in {kept}" if kept else done


def _left(target: Target) -> str:
    before = original_path(target)
    hint = f"; the one from before is {before}" if before.exists() else ""
    return f"file left as it is, it was changed by hand{hint}"


def _keep(target: Target, found: block.Block, written: TargetRecord) -> Path | None:
    """Keep a block aside that a person changed, or that an adopted file will not have any more."""
    now = text_digest(found.content)
    if now == written.digest and not written.adopted:
        return None
    if written.adopted and now == text_digest(_adopted_text(target, found)):
        return None
    return keep_text_aside(target, found.content)


def _put_back(target: Target, written: TargetRecord) -> str:
    """Replace a copy by the file that stood there before, or by nothing."""
    before = Path(written.kept) if written.kept else original_path(target)
    if written.created:
        _unlink(target.path, written)
        return "file removed"
    if not before.exists():
        return "file left as it is"
    atomic_write(target.path, before.read_bytes())
    return "the file from before put back"


def _take_out_block(target: Target, found: block.Block, written: TargetRecord) -> str:
    path = target.path
    if written.adopted:
        atomic_write(path, _adopted_file(target, found))
        return "the file from before put back"
    rest = _before(target, found, written) + found.after
    if written.created and not rest.strip():
        _unlink(path, written)
        return "file removed"
    atomic_write(path, rest)
    return "block removed"


def _before(target: Target, found: block.Block, written: TargetRecord) -> bytes:
    """Return what a person wrote before the block, without the blank line that we put between."""
    before = found.before
    if written.lead and before[-written.lead :].strip(b"\r\n") == b"":
        return before[: len(before) - written.lead]
    first = _original_text(target)
    if not written.digest and first is not None and before.startswith(first):  # no record is left
        return first if not before[len(first) :].strip(b"\r\n") else before
    return before


def _adopted_file(target: Target, found: block.Block) -> bytes:
    """Return an adopted file as it was, with what a person or another tool put around since."""
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
    """Remove the file, and as many folders above it as were made for it and are empty."""
    path.unlink()
    with contextlib.suppress(OSError):
        for folder in list(path.parents)[: written.folders]:
            folder.rmdir()
