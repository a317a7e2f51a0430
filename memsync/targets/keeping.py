"""Keep a person's text before it is replaced.

The first time, the whole file is kept as ``NAME.pre-memsync.bak``, which is never overwritten.
Later texts are kept in the state folder, under ``aside/``.
"""

from __future__ import annotations

from pathlib import Path

from memsync import clock
from memsync.config.state import state_folder
from memsync.files.atomic import create_new
from memsync.targets import block
from memsync.targets.catalog import Target

ORIGINAL_SUFFIX = ".pre-memsync.bak"


def original_path(target: Target) -> Path:
    """Return where the file from before the first write is kept."""
    return target.path.with_name(target.path.name + ORIGINAL_SUFFIX)


def keep_edited(target: Target) -> Path | None:
    """Keep a block or a copy that was edited by hand; return where, None if as the original."""
    data = target.path.read_bytes()
    found = block.find_block(data)
    if target.mode == "block" and found:
        return keep_text_aside(target, found.content)
    return keep_whole(target, data)


def keep_whole(target: Target, data: bytes) -> Path | None:
    """Keep a whole file: as the original, or aside if the original differs (then return where)."""
    if create_new(original_path(target), data) or original_path(target).read_bytes() == data:
        return None
    return keep_text_aside(target, data)


def keep_text_aside(target: Target, content: bytes) -> Path:
    """Keep a text in the state folder and return where."""
    folder = state_folder() / "aside"
    folder.mkdir(exist_ok=True, mode=0o700)
    stamp = clock.now().strftime("%Y%m%d_%H%M%S")
    number = 1
    while True:
        kept = folder / f"{target.name}_{stamp}{'' if number == 1 else f'_{number}'}.md"
        if not kept.exists() and create_new(kept, content):
            return kept
        number += 1
