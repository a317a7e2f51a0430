"""Write the memory to each target.

A person's text is never replaced without a copy: the first write keeps the file as
``NAME.pre-memsync.bak``, and a block edited by hand is kept in the state folder.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from memsync.files.atomic import atomic_write, create_new
from memsync.files.temps import sweep_temps
from memsync.targets import block, record
from memsync.targets.catalog import Target, twins
from memsync.targets.keeping import (
    keep_edited,
    keep_text_aside,
    keep_whole,
    original_path,
)
from memsync.targets.record import TargetRecord
from memsync.targets.removing import take_out
from memsync.targets.states import TargetState, inspect, shared_state, text_digest


def apply_all(targets: Iterable[Target], memory: bytes, memory_path: Path) -> list[TargetState]:
    """Write `memory` to each target that is out of date; return the states afterwards.

    A target that cannot be written says so in its state and does not stop the others.
    """
    records = record.load_records()
    before = dict(records)
    wanted = list(targets)
    doubled = twins(wanted)
    states = [
        shared_state(t, doubled[t.name])
        if t.name in doubled
        else _apply(t, memory, memory_path, records)
        for t in wanted
    ]
    if records != before:
        record.save_records(records)
    return states


def adopt(target: Target, memory: bytes) -> None:
    """Put markers around the text of a file from which the memory started.

    The file is kept as ``NAME.pre-memsync.bak`` first. The text between the markers is
    unchanged; a block of another tool moves behind them.

    Raises:
        OSError: the file cannot be written; it is as it was.
    """
    data = target.path.read_bytes()
    create_new(original_path(target), data)
    if target.mode == "block":
        ending = block.ending_of(data)
        theirs = block.split_foreign(data)[1]
        atomic_write(
            target.path, block.render_block(memory, ending) + (ending + theirs if theirs else b"")
        )
    records = record.load_records()
    record.save_record(
        target, records, TargetRecord(text_digest(memory), adopted=True, mode=target.mode)
    )
    record.save_records(records)


def _apply(
    target: Target, memory: bytes, memory_path: Path, records: dict[str, TargetRecord]
) -> TargetState:
    written = record.record_of(target, records)
    if target.is_retired:
        return inspect(target, memory, memory_path, written)
    try:
        if written is not None and written.mode not in {"", target.mode}:
            take_out(replace(target, mode=written.mode), written)
            record.save_record(target, records, None)
            written = None
        return _update(target, memory, memory_path, records, written)
    except OSError as error:
        state = inspect(target, memory, memory_path, written)
        words = f"cannot be written: {error.strerror or error}"
        return replace(state, advice=words, fault=True)


def _update(
    target: Target,
    memory: bytes,
    memory_path: Path,
    records: dict[str, TargetRecord],
    written: TargetRecord | None,
) -> TargetState:
    state = inspect(target, memory, memory_path, written)
    if state.state in {"symlink", "unreadable"}:
        return state
    kept = _keep(target, state.state, first=written is None)
    known = written or _first_record(target, kept)
    if state.state != "in-sync":
        known = _write(target, memory, known)
    now = replace(known, digest=text_digest(memory), mode=target.mode)
    record.save_record(target, records, now)
    shown = kept if target.mode == "block" or state.state == "edited" else None
    return replace(state, state="in-sync", advice="", kept=shown)


def _first_record(target: Target, kept: Path | None) -> TargetRecord:
    return TargetRecord(
        "",
        created=not target.path.exists(),
        kept=str(kept) if kept and target.mode != "block" else "",
        folders=sum(1 for folder in target.path.parents if not folder.exists()),
    )


def _keep(target: Target, state: str, *, first: bool) -> Path | None:
    """Keep a person's text: the whole file before the first write, later what was edited by hand.

    Returns:
        Where it is kept, or None if as the original or nothing was kept.
    """
    if target.path.is_symlink() or not target.path.exists():
        return None
    if first and target.mode == "copy":
        return keep_whole(target, target.path.read_bytes())
    data = target.path.read_bytes()
    found = block.find_block(data) if target.mode == "block" else None
    if found is not None and found.doubled:
        return keep_whole(target, data) if first else keep_text_aside(target, data)
    kept = keep_edited(target) if state == "edited" else None
    if first or (target.mode == "block" and found is None):
        create_new(original_path(target), data)
    return kept


def _write(target: Target, memory: bytes, known: TargetRecord) -> TargetRecord:
    target.path.parent.mkdir(parents=True, exist_ok=True)
    sweep_temps(target.path.parent)
    if target.mode == "block":
        return _write_block(target, memory, known)
    atomic_write(target.path, memory)
    return known


def _write_block(target: Target, memory: bytes, known: TargetRecord) -> TargetRecord:
    exists = target.path.exists()
    data = target.path.read_bytes() if exists else b""
    ending = block.ending_of(data)
    found = block.find_block(data)
    if found is not None:
        new = found.before + block.render_block(memory, ending) + found.after
        if not found.after and not data.endswith(b"\n"):
            new = new.removesuffix(ending)
        atomic_write(target.path, new)
        return known
    lead = block.lead_for(data)
    atomic_write(target.path, data + lead + block.render_block(memory, ending))
    return TargetRecord("", lead=len(lead), created=not exists, folders=known.folders)
