"""Carry the memory itself, without bisync: read it whole, check it, replace it in one step.

rclone before 1.63 writes a file in place, piece by piece. Whoever read the memory meanwhile, or
after a power cut, would take a piece of it for what a person left of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from memsync.config.sync_folder import folder_at
from memsync.config.workspace import MEMORY_NAME, Workspace
from memsync.memory import reading, store
from memsync.memory.rclone import client
from memsync.memory.rclone.client import Listing
from memsync.text.digest import digest


@dataclass(frozen=True)
class BothSides:
    """The memory here and there, and the digest that both had last; empty if it is unknown."""

    mine: bytes
    theirs: bytes | None
    agreed: str

    @property
    def is_theirs_new(self) -> bool:
        """Does the remote's memory replace ours?"""
        there = self.theirs not in {None, self.mine}
        return there and digest(self.theirs or b"") != self.agreed

    @property
    def are_both_new(self) -> bool:
        """Does the remote's memory replace one that only this machine has?"""
        return self.is_theirs_new and digest(self.mine) != self.agreed


def read_theirs(workspace: Workspace, remote: str, there: Listing) -> bytes | None:
    """Return the remote's memory; None if it has none.

    Raises:
        DamagedMemoryError: it is damaged, and would replace the good one here.
        FolderAwayError: it cannot be read.
    """
    if MEMORY_NAME not in there:
        return None
    place = client.remote_path(remote, MEMORY_NAME)
    theirs = client.read_remote(remote, MEMORY_NAME)
    reading.require_memory(
        theirs, place, f"rclone copyto {workspace.memory} {place} puts the one here there"
    )
    return theirs


def carry_memory(workspace: Workspace, remote: str, sides: BothSides) -> str | None:
    """Copy the memory to the side that lacks it, and return the digest that both have then.

    The caller holds the publish lock, and has kept a copy of ours if both are new.

    Returns:
        None if one of the two changed since they were read; nothing was done.

    Raises:
        DamagedMemoryError: ours was damaged meanwhile.
        FolderAwayError: the remote cannot be reached; it is unknown which memory it has.
        OSError: ours could not be replaced, and is as it was.
    """
    if sides.theirs == sides.mine:
        return digest(sides.mine)
    if reading.read_bytes(folder_at(workspace.root)) != sides.mine:
        return None
    if sides.theirs is not None and sides.is_theirs_new:
        store.take_over(workspace, sides.theirs)
        return digest(sides.theirs)
    if sides.theirs is not None and client.read_remote(remote, MEMORY_NAME) != sides.theirs:
        return None
    client.put_file(workspace.memory.resolve(), client.remote_path(remote, MEMORY_NAME))
    return digest(sides.mine)
