"""Giving the memory to each target, and taking it out again.

Nothing a person wrote is replaced without a copy: the first contact keeps the file as
``NAME.pre-memsync.bak`` for good, a block changed by hand is kept aside in the local state.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from memsync import clock
from memsync.files import atomic_write, create_new, sweep_temps
from memsync.state import state_folder
from memsync.targets import block, record
from memsync.targets.catalog import Target
from memsync.targets.record import Written
from memsync.targets.states import TargetState, inspect, text_digest

ORIGINAL_SUFFIX = ".pre-memsync.bak"


def apply_all(targets: Iterable[Target], memory: bytes, memory_path: Path) -> list[TargetState]:
    """Bring each target in step with `memory`; return what each is in afterwards.

    A target that cannot be written is reported in its state and does not stop the others.
    """
    records = record.load()
    before = dict(records)
    states = [_apply(target, memory, memory_path, records) for target in targets]
    if records != before:
        record.save(records)
    return states


def adopt(target: Target, memory: bytes) -> None:
    """Make the whole present text of a file its block, after it has become the memory.

    The text is kept as ``NAME.pre-memsync.bak`` first and stands unchanged between the markers.

    Raises:
        OSError: the file is as it was.
    """
    create_new(_original(target), target.path.read_bytes())
    if target.mode == "block":
        atomic_write(target.path, block.render(memory, block.ending_of(memory)))
    records = record.load()
    records[str(target.path)] = Written(text_digest(memory), adopted=True)
    record.save(records)


def forget(target: Target) -> str:
    """Take the memory out of a target's file again and return what was done, in words.

    What stood around the block stays; a file that was there only for memsync goes; the text of
    an adopted file stays without its markers.

    Raises:
        OSError: the file is as it was.
    """
    records = record.load()
    written = records.pop(str(target.path), Written(""))
    done = _take_out(target, written)
    record.save(records)
    return done


def _take_out(target: Target, written: Written) -> str:
    path = target.path
    if path.is_symlink() and target.mode == "link":
        path.unlink()
        return "link removed"
    if path.is_symlink() or not path.is_file() or target.mode == "copy":
        return "file left as it is"
    found = block.find(path.read_bytes())
    if found is None:
        return "file left as it is: no block in it"
    if written.adopted:
        atomic_write(path, found.before + found.content + found.after)
        return "markers removed, text kept"
    return _take_out_block(path, found, written)


def _take_out_block(path: Path, found: block.Block, written: Written) -> str:
    before = found.before
    if written.lead and before[-written.lead :].strip(b"\r\n") == b"":
        before = before[: len(before) - written.lead]
    rest = before + found.after
    if written.created and not rest.strip():
        path.unlink()
        return "file removed"
    atomic_write(path, rest)
    return "block removed"


def _apply(
    target: Target, memory: bytes, memory_path: Path, records: dict[str, Written]
) -> TargetState:
    written = records.get(str(target.path))
    state = inspect(target, memory, memory_path, written)
    if state.state in {"symlink", "unreadable"}:
        return state
    if state.state == "in-sync":
        records.setdefault(str(target.path), Written(text_digest(memory)))
        return state
    try:
        kept = _keep_aside(target, written) if state.state == "edited" else None
        target.path.parent.mkdir(parents=True, exist_ok=True)
        sweep_temps(target.path.parent)
        writers = {"block": _write_block, "copy": _write_copy, "link": _write_link}
        records[str(target.path)] = writers[target.mode](target, memory, memory_path, written)
    except OSError as error:
        return replace(state, advice=f"cannot be written: {error.strerror or error}")
    return replace(state, state="in-sync", advice="", kept=kept)


def _keep_aside(target: Target, written: Written | None) -> Path | None:
    """Keep a block or copy that was changed by hand; None where first contact keeps the file."""
    data = target.path.read_bytes()
    if target.mode == "copy" and written is None:
        return None
    found = block.find(data)
    content = found.content if target.mode == "block" and found else data
    folder = state_folder() / "aside"
    folder.mkdir(exist_ok=True, mode=0o700)
    stamp = clock.now().strftime("%Y%m%d_%H%M%S")
    number = 1
    while True:
        kept = folder / f"{target.name}_{stamp}{'' if number == 1 else f'_{number}'}.md"
        if create_new(kept, content):
            return kept
        number += 1


def _write_block(
    target: Target, memory: bytes, memory_path: Path, written: Written | None
) -> Written:
    del memory_path
    exists = target.path.exists()
    data = target.path.read_bytes() if exists else b""
    ending = block.ending_of(data)
    found = block.find(data)
    if found is not None:
        new = found.before + block.render(memory, ending) + found.after
        if not found.after and not data.endswith(b"\n"):
            new = new.removesuffix(ending)
        atomic_write(target.path, new)
        return replace(written or Written(""), digest=text_digest(memory))
    if exists:
        create_new(_original(target), data)
    lead = block.lead_for(data)
    atomic_write(target.path, data + lead + block.render(memory, ending))
    return Written(text_digest(memory), lead=len(lead), created=not exists)


def _write_copy(
    target: Target, memory: bytes, memory_path: Path, written: Written | None
) -> Written:
    del memory_path
    exists = target.path.exists()
    if exists and written is None:
        create_new(_original(target), target.path.read_bytes())
    atomic_write(target.path, memory)
    return replace(written or Written("", created=not exists), digest=text_digest(memory))


def _write_link(
    target: Target, memory: bytes, memory_path: Path, written: Written | None
) -> Written:
    exists = target.path.exists()
    if exists:
        create_new(_original(target), target.path.read_bytes())
    temp = target.path.with_name(f".{target.path.name}.{secrets.token_hex(4)}.tmp")
    temp.symlink_to(memory_path)
    try:
        temp.replace(target.path)
    except OSError:
        with contextlib.suppress(OSError):
            temp.unlink()
        raise
    return replace(written or Written("", created=not exists), digest=text_digest(memory))


def _original(target: Target) -> Path:
    return target.path.with_name(target.path.name + ORIGINAL_SUFFIX)
