"""What state each target is in: told from its bytes, the memory and what we last wrote there."""

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
    """What a target is in: a state of the spec, advice where a person must act, what was kept.

    `fault` tells that the disk refused something, so that it is not what it could be.
    """

    name: str
    path: Path
    mode: str
    state: str
    advice: str = ""
    kept: Path | None = None
    fault: bool = False


def inspect_all(targets: Iterable[Target], memory: bytes, memory_path: Path) -> list[TargetState]:
    """Return the state of each target against `memory`; changes nothing, raises nothing."""
    try:
        records = record.load_records()
    except OSError:  # stale and edited cannot be told apart; all else can
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
    """Return the state of a target whose file `first` has already: it is left to that one."""
    advice = f"its file is the target {first!r} already: memsync targets remove {target.name}"
    return TargetState(target.name, target.path, target.mode, "shared", advice)


def inspect(
    target: Target, memory: bytes, memory_path: Path, written: TargetRecord | None
) -> TargetState:
    """Return the state of one target; `written` is this machine's record of it, if there is one."""
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
    # the agent reads the other blocks, too, and they may be old
    advice = "the memory stands there more than once; memsync targets sync leaves the first"
    return replace(state, state="stale" if compared == "in-sync" else compared, advice=advice)


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, OSError):
        return f"cannot be read: {error.strerror or error}"
    return str(error)


def _inspect_link(state: TargetState, memory_path: Path) -> TargetState:
    if _same_file(state.path, memory_path):  # a person's own link is as good as ours
        return replace(state, state="in-sync")
    return replace(
        state,
        state="symlink",
        advice=f"{state.path} links to {state.path.readlink()}; memsync does not write through"
        " a link: name the real file as the target, or replace the link by a file",
    )


def _same_file(path: Path, other: Path) -> bool:
    try:
        return path.samefile(other)
    except (OSError, ValueError):
        return False


def _read(path: Path, memory_path: Path) -> bytes:
    """Return the file's bytes; raise OSError or ValueError with a reason a person can read."""
    if _same_file(path, memory_path):
        raise ValueError("this is the memory itself; name the agent's own file as the target")
    if is_evicted(path):
        raise ValueError("only a cloud placeholder is here; open the file once to fetch it")
    if not stat.S_ISREG(path.stat().st_mode):  # reading a pipe would wait for ever
        raise ValueError("this is a folder or a special file; move it away")
    data = path.read_bytes()
    if b"\0" in data:
        raise ValueError("the file holds NUL bytes")
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
    """Digest of a text as it stands in a block: LF, one newline at its end."""
    return digest(block.block_content(data, b"\n"))
