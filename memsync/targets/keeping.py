"""What a person wrote, kept before anything takes its place.

The first contact keeps a file as ``NAME.pre-memsync.bak`` for good; what comes later is kept in
the local state, under ``aside/``.
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
    """Return where the file from the first contact is kept."""
    return target.path.with_name(target.path.name + ORIGINAL_SUFFIX)


def keep_edited(target: Target) -> Path | None:
    """Keep a block or a copy that was changed by hand; None where the original is kept just so."""
    data = target.path.read_bytes()
    found = block.find_block(data)
    if target.mode == "block" and found:
        return keep_text_aside(target, found.content)
    return keep_whole(target, data)


def keep_whole(target: Target, data: bytes) -> Path | None:
    """Keep a whole file before it is replaced: as the original, or aside where that is another."""
    if create_new(original_path(target), data) or original_path(target).read_bytes() == data:
        return None
    return keep_text_aside(target, data)


def keep_text_aside(target: Target, content: bytes) -> Path:
    """Keep a text in the local state and return where."""
    folder = state_folder() / "aside"
    folder.mkdir(exist_ok=True, mode=0o700)
    stamp = clock.now().strftime("%Y%m%d_%H%M%S")
    number = 1
    while True:
        kept = folder / f"{target.name}_{stamp}{'' if number == 1 else f'_{number}'}.md"
        if not kept.exists() and create_new(kept, content):
            return kept
        number += 1
