"""What is made in a folder is made in the one that was seen, never under a bare mount point."""

from __future__ import annotations

import errno
import os

import pytest

from memsync.errors import FolderAwayError
from memsync.files import walk
from memsync.files.opener import RootFolder


def listing(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


@pytest.fixture
def root(tmp_path):
    made = tmp_path / "root"
    made.mkdir()
    (made / "GLOBAL_MEMORY.md").write_text("here\n")
    return made


def swapped(root):
    """The drive goes: what stands at its path is the bare mount point."""
    root.rename(root.with_name("drive"))
    root.mkdir()


@pytest.mark.parametrize("can_hold", [walk._CAN_HOLD, False])
def test_folders_are_made_in_a_root_in_use_and_found_again(root, monkeypatch, can_hold):
    monkeypatch.setattr(walk, "_CAN_HOLD", can_hold)
    for _ in range(2):
        assert (
            RootFolder(root).make_folder(root / "machines" / "pi-0001")
            == root / "machines" / "pi-0001"
        )
    assert listing(root) == ["GLOBAL_MEMORY.md", "machines", "machines/pi-0001"]


@pytest.mark.parametrize("can_hold", [walk._CAN_HOLD, False])
def test_nothing_is_made_in_an_empty_root_nor_is_a_missing_one_made(root, monkeypatch, can_hold):
    monkeypatch.setattr(walk, "_CAN_HOLD", can_hold)
    swapped(root)
    with pytest.raises(FolderAwayError, match="is empty"):
        RootFolder(root).make_folder(root / "sessions")
    with pytest.raises(FolderAwayError, match="is empty"):
        RootFolder(root).replace(root / "GLOBAL_MEMORY.md", b"new\n")
    assert listing(root) == []
    root.rmdir()
    with pytest.raises(FileNotFoundError):
        RootFolder(root).make_folder(root / "machines" / "pi-0001")
    assert not root.exists()


@pytest.mark.skipif(not walk._CAN_HOLD, reason="this platform holds no folders open")
@pytest.mark.parametrize("call", ["open", "replace"])
def test_a_drive_that_goes_amid_a_write_takes_the_write_with_it(root, monkeypatch, call):
    """It goes right before the temp file is made, or right before that is renamed."""
    real, gone = getattr(os, call), []

    def going(*args, **kwargs):
        if not gone and (kwargs.get("dir_fd") or kwargs.get("src_dir_fd")):
            gone.append(True)
            swapped(root)
        return real(*args, **kwargs)

    monkeypatch.setattr(os, call, going)
    RootFolder(root).replace(root / "GLOBAL_MEMORY.md", b"new\n")
    assert gone
    assert listing(root) == []
    drive = root.with_name("drive")
    assert listing(drive) == ["GLOBAL_MEMORY.md"]
    assert (drive / "GLOBAL_MEMORY.md").read_bytes() == b"new\n"


@pytest.mark.skipif(not walk._CAN_HOLD, reason="this platform holds no folders open")
def test_a_drive_that_goes_amid_making_a_folder_gets_nothing_under_it(root, monkeypatch):
    real = os.mkdir

    def going(*args, **kwargs):
        monkeypatch.setattr(os, "mkdir", real)
        swapped(root)
        return real(*args, **kwargs)

    monkeypatch.setattr(os, "mkdir", going)
    RootFolder(root).make_folder(root / "sessions")
    assert listing(root) == []


def test_a_file_in_place_of_a_folder_is_an_error(root):
    with pytest.raises(NotADirectoryError):
        RootFolder(root).entries(root / "GLOBAL_MEMORY.md")
    (root / "machines").write_text("no folder")
    with pytest.raises(OSError, match=os.strerror(errno.ENOTDIR)):
        RootFolder(root).make_folder(root / "machines" / "pi-0001")


@pytest.mark.skipif(not walk._CAN_HOLD, reason="this platform holds no folders open")
def test_a_failed_write_in_a_folder_held_open_leaves_no_temp_file(root, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise OSError(errno.ENOSPC, "full")

    for call in ("write", "replace"):
        with monkeypatch.context() as patch:
            patch.setattr(os, call, refuse)
            with pytest.raises(OSError, match="full"):
                RootFolder(root).replace(root / "GLOBAL_MEMORY.md", b"new\n")
    assert listing(root) == ["GLOBAL_MEMORY.md"]
    assert (root / "GLOBAL_MEMORY.md").read_text() == "here\n"
