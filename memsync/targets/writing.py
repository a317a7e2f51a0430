"""Giving the memory to each target, and taking it out again.

Nothing a person wrote is replaced without a copy: the first contact keeps the file as
``NAME.pre-memsync.bak`` for good, a block changed by hand is kept aside in the local state.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from memsync import clock
from memsync.files import TEMP_SUFFIX, atomic_write, create_new, sweep_temps
from memsync.state import state_folder
from memsync.targets import block, record
from memsync.targets.catalog import Target, twins
from memsync.targets.record import Written
from memsync.targets.states import TargetState, inspect, shared, text_digest

ORIGINAL_SUFFIX = ".pre-memsync.bak"


def apply_all(targets: Iterable[Target], memory: bytes, memory_path: Path) -> list[TargetState]:
    """Bring each target in step with `memory`; return what each is in afterwards.

    A target that cannot be written is reported in its state and does not stop the others.
    """
    records = record.load()
    before = dict(records)
    wanted = list(targets)
    doubled = twins(wanted)
    states = [
        shared(t, doubled[t.name]) if t.name in doubled else _apply(t, memory, memory_path, records)
        for t in wanted
    ]
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
    an adopted file stays without its markers; what a link or an unchanged copy took the place of
    comes back.

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
        return _put_back(target, written)
    if path.is_symlink() or not path.is_file():
        return "file left as it is"
    if target.mode == "copy":
        as_written = text_digest(path.read_bytes()) == written.digest
        return _put_back(target, written) if as_written else "file left as it is"
    found = block.find(path.read_bytes())
    if found is None:
        return "file left as it is: no block in it"
    if written.adopted:
        atomic_write(path, found.before + _adopted_text(target, found) + found.after)
        return "markers removed, text kept"
    return _take_out_block(path, found, written)


def _put_back(target: Target, written: Written) -> str:
    """Replace a link or a copy by the file that stood there before, or by nothing."""
    path, original, is_link = target.path, _original(target), target.path.is_symlink()
    if original.exists() and not written.created:
        place = _temp_beside(path) if is_link else path
        atomic_write(place, original.read_bytes())
        if is_link:
            _replace(place, path)
        return "the file from before put back"
    if not is_link and not written.created:
        return "file left as it is"
    path.unlink()
    return "link removed" if is_link else "file removed"


def _adopted_text(target: Target, found: block.Block) -> bytes:
    """Return the text of an adopted file: the very bytes from before where it is still the same."""
    try:
        before = _original(target).read_bytes()
    except OSError:
        return found.content
    return before if text_digest(before) == text_digest(found.content) else found.content


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
        records[str(target.path)] = replace(written or Written(""), digest=text_digest(memory))
        return state
    try:
        kept = _keep_aside(target) if state.state == "edited" else None
        target.path.parent.mkdir(parents=True, exist_ok=True)
        sweep_temps(target.path.parent)
        writers = {"block": _write_block, "copy": _write_copy, "link": _write_link}
        records[str(target.path)] = writers[target.mode](target, memory, memory_path, written)
    except OSError as error:
        return replace(state, advice=f"cannot be written: {error.strerror or error}")
    return replace(state, state="in-sync", advice="", kept=kept)


def _keep_aside(target: Target) -> Path | None:
    """Keep a block or a copy that was changed by hand; None where the original is kept just so."""
    data = target.path.read_bytes()
    found = block.find(data)
    if target.mode == "block" and found:
        return _aside(target, found.content)
    return _keep_whole(target, data)


def _keep_whole(target: Target, data: bytes) -> Path | None:
    """Keep a whole file before it is replaced: as the original, or aside where that is another."""
    if create_new(_original(target), data) or _original(target).read_bytes() == data:
        return None
    return _aside(target, data)


def _aside(target: Target, content: bytes) -> Path:
    folder = state_folder() / "aside"
    folder.mkdir(exist_ok=True, mode=0o700)
    stamp = clock.now().strftime("%Y%m%d_%H%M%S")
    number = 1
    while True:
        kept = folder / f"{target.name}_{stamp}{'' if number == 1 else f'_{number}'}.md"
        if not kept.exists() and create_new(kept, content):
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
    if exists and (written is None or found is None):
        create_new(_original(target), data)
    if found is not None:
        new = found.before + block.render(memory, ending) + found.after
        if not found.after and not data.endswith(b"\n"):
            new = new.removesuffix(ending)
        atomic_write(target.path, new)
        return replace(written or Written(""), digest=text_digest(memory))
    lead = block.lead_for(data)
    atomic_write(target.path, data + lead + block.render(memory, ending))
    return Written(text_digest(memory), lead=len(lead), created=not exists)


def _write_copy(
    target: Target, memory: bytes, memory_path: Path, written: Written | None
) -> Written:
    del memory_path
    exists = target.path.exists()  # `_keep_aside` has seen to what stands there
    atomic_write(target.path, memory)
    return replace(written or Written("", created=not exists), digest=text_digest(memory))


def _write_link(
    target: Target, memory: bytes, memory_path: Path, written: Written | None
) -> Written:
    exists = target.path.exists()
    if exists:
        _keep_whole(target, target.path.read_bytes())
    temp = _temp_beside(target.path)
    temp.symlink_to(memory_path)
    _replace(temp, target.path)
    return replace(written or Written("", created=not exists), digest=text_digest(memory))


def _temp_beside(path: Path) -> Path:
    """Return a name for a temp file that `sweep_temps` knows."""
    return path.with_name(f".{path.name}.memsync-{os.getpid()}-{secrets.token_hex(4)}{TEMP_SUFFIX}")


def _replace(temp: Path, path: Path) -> None:
    try:
        temp.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            temp.unlink()
        raise


def _original(target: Target) -> Path:
    return target.path.with_name(target.path.name + ORIGINAL_SUFFIX)
