"""The state of each target, from its bytes, the memory and the record of the last write."""

from __future__ import annotations

import stat
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from memsync.files.placeholders import is_evicted
from memsync.targets import block, record
from memsync.targets.catalog import Target, twins
from memsync.targets.record import TargetRecord
from memsync.text.digest import digest


@dataclass(frozen=True)
class TargetState:
    """A target's state (see docs/targets.md), advice if a person must act, and the text kept.

    `fault` is True if the disk refused to read or write the file.
    """

    name: str
    path: Path
    mode: str
    state: str
    advice: str = ""
    kept: Path | None = None
    fault: bool = False


def inspect_all(targets: Iterable[Target], memory: bytes, memory_path: Path) -> list[TargetState]:
    """Return the state of each target, compared with `memory`. Changes and raises nothing."""
    try:
        records = record.load_records()
    except OSError:  # then a stale file counts as edited
        records = {}
    wanted = list(targets)
    doubled = twins(wanted)
    return [
        shared_state(t, doubled[t.name])
        if t.name in doubled
        else inspect(t, memory, memory_path, record.record_of(t, records))
        for t in wanted
    ]


def shared_state(target: Target, first: str) -> TargetState:
    """Return the state of a target whose file is already written by the target `first`."""
    advice = f"the target {first!r} has the same file: memsync targets remove {target.name}"
    return TargetState(target.name, target.path, target.mode, "shared", advice)


def inspect(
    target: Target, memory: bytes, memory_path: Path, written: TargetRecord | None
) -> TargetState:
    """Return the state of one target; `written` is this machine's record of it, if any."""
    state = TargetState(target.name, target.path, target.mode, "missing")
    if target.is_retired:
        advice = f"links are no longer supported, this file is left alone; switch: {target.adding}"
        return replace(state, state="symlink", advice=advice)
    try:
        if target.path.is_symlink():
            return _inspect_link(state, memory_path)
        data = _read(target.path, memory_path)
    except FileNotFoundError:
        return state
    except (OSError, ValueError) as error:
        fault = isinstance(error, OSError)
        return replace(state, state="unreadable", advice=_reason(error), fault=fault)
    if target.mode == "copy":
        return replace(state, state=_compare(target.mode, data, memory, written))
    return _inspect_block(state, data, memory, written)


def _inspect_block(
    state: TargetState, data: bytes, memory: bytes, written: TargetRecord | None
) -> TargetState:
    found = block.find_block(data)
    if found is None:
        return state
    compared = _compare(state.mode, found.content, memory, written)
    if not found.doubled:
        return replace(state, state=compared)
    # the agent also reads the other blocks, and they may be old
    advice = "the file contains the memory more than once; memsync targets sync keeps the first"
    return replace(state, state="stale" if compared == "in-sync" else compared, advice=advice)


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, OSError):
        return f"cannot be read: {error.strerror or error}"
    return str(error)


def _inspect_link(state: TargetState, memory_path: Path) -> TargetState:
    if _same_file(state.path, memory_path):  # the agent reads the memory through it
        return replace(state, state="in-sync")
    return replace(
        state,
        state="symlink",
        advice=f"{state.path} is a link to {state.path.readlink()}, and memsync does not write"
        " through a link: add the real file as the target, or replace the link by a file",
    )


def _same_file(path: Path, other: Path) -> bool:
    try:
        return path.samefile(other)
    except (OSError, ValueError):
        return False


def _read(path: Path, memory_path: Path) -> bytes:
    """Return the file's bytes; raise OSError, or ValueError with a reason for a person."""
    if _same_file(path, memory_path):
        raise ValueError("this is the memory itself; add the agent's own file as the target")
    if is_evicted(path):
        raise ValueError("the file is only in the cloud; open it once to download it")
    if not stat.S_ISREG(path.stat().st_mode):  # reading a pipe would block for ever
        raise ValueError("this is a folder or a special file; move it away")
    data = path.read_bytes()
    if b"\0" in data:
        raise ValueError("the file contains NUL bytes")
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError("the file is not UTF-8; save it as UTF-8 first") from None
    return data


def _compare(mode: str, present: bytes, memory: bytes, written: TargetRecord | None) -> str:
    if mode == "copy":
        same = present == memory
    else:
        same = block.with_lf(present) == block.block_content(memory, b"\n")
    if same:
        return "in-sync"
    if written is not None and text_digest(present) == written.digest:
        return "stale"
    return "edited"


def text_digest(data: bytes) -> str:
    """Return the digest of a text as a block contains it: LF line endings, a newline at the end."""
    return digest(block.block_content(data, b"\n"))
