"""One log a machine: everybody's is read, and one that cannot be read speaks for itself alone."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

import pytest

from memsync.config import Config
from memsync.config.machine_log import MachineLog
from memsync.config.sync_folder import own_folder
from memsync.config.workspace import Workspace
from memsync.errors import FolderAwayError
from tests.support.faults import refuse_to_open

SAYS = MachineLog("says.log")
MUST = MachineLog("says.log", must_be_read=True)


def others(workspace, **said):
    for machine, text in said.items():
        folder = workspace.machines / machine
        folder.mkdir(parents=True, exist_ok=True)
        (folder / SAYS.name).write_bytes(text)


def test_a_machine_writes_its_own_and_reads_everybodys(workspace):
    others(workspace, pi=b"one\ntorn \xff", mac=b"two\n")
    SAYS.append(workspace, "three\nfour")
    own = next(m for m, line in MUST.lines(workspace) if line == "three")
    assert sorted(SAYS.lines(workspace)) == sorted(
        [("mac", "two"), ("pi", "one"), ("pi", "torn \N{REPLACEMENT CHARACTER}"),
         (own, "three"), (own, "four")]
    )  # fmt: skip


def test_what_another_machine_has_in_place_of_a_log_is_left_out(workspace):
    others(workspace, mac=b"two\n")
    for name, make in {
        "pi": Path.mkdir,
        "nas": os.mkfifo,
        "old": lambda p: p.symlink_to("/"),
    }.items():
        (workspace.machines / name).mkdir()
        make(workspace.machines / name / SAYS.name)
    for log in (SAYS, MUST):
        assert list(log.lines(workspace)) == [("mac", "two")]


def test_what_this_machine_has_in_place_of_its_own_log_is_an_error(workspace):
    (own_folder(workspace.machines) / SAYS.name).mkdir()
    assert list(SAYS.lines(workspace)) == []
    with pytest.raises(FolderAwayError, match=r"says.log cannot be read: it is a folder"):
        list(MUST.lines(workspace))
    with pytest.raises(OSError, match="it is a folder"):
        SAYS.append(workspace, "line")


def test_a_log_that_the_disk_refuses_says_nothing_or_is_an_error(workspace, monkeypatch):
    others(workspace, mac=b"two\n", pi=b"one\n")
    refuse_to_open(monkeypatch, lambda p: p.parts[-2:] == ("pi", SAYS.name), errno.EIO)
    assert list(SAYS.lines(workspace)) == [("mac", "two")]
    with pytest.raises(FolderAwayError, match=r"pi.*cannot be read"):
        list(MUST.lines(workspace))


def test_a_machine_folder_that_is_closed_does_not_silence_the_others():
    """What all machines made of the memory must not be forgotten because of one folder."""
    with tempfile.TemporaryDirectory() as name:  # a test's own folder is root's alone
        root = Path(name)
        root.chmod(0o755)
        workspace = Workspace(root, Config())
        others(workspace, mac=b"two\n", pi=b"one\n")
        closed, own = workspace.machines / "pi", os.geteuid()
        closed.chmod(0)
        os.seteuid(own or 65534)
        try:
            assert list(SAYS.lines(workspace)) == [("mac", "two")]
            assert list(MUST.lines(workspace)) == [("mac", "two")]
        finally:
            os.seteuid(own)
            closed.chmod(0o700)
