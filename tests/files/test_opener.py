"""What lies below a root is opened where it was seen: never behind a link, nor under a bare mount."""

from __future__ import annotations

import contextlib
import errno
import os

import pytest

from memsync.errors import FolderAwayError
from memsync.files import walk
from memsync.files.opener import RootFolder
from memsync.files.place import OddFileError, kind_if_not_file
from memsync.files.walk import KnownLink


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


both_ways = pytest.mark.parametrize("can_hold", [walk._CAN_HOLD, False])
"""As on systems that hold folders open, and as on Windows, which looks before and after."""


@pytest.fixture
def outside(tmp_path):
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "file.md").write_text("private\n")
    return folder


ODD = {
    "a link": lambda path: path.symlink_to("/etc/hostname"),
    "a folder": lambda path: path.mkdir(),
    "no regular file": os.mkfifo,
}


@both_ways
@pytest.mark.parametrize("kind", ODD)
def test_what_is_no_file_is_neither_read_nor_written(root, monkeypatch, can_hold, kind):
    monkeypatch.setattr(walk, "_CAN_HOLD", can_hold)
    files, path = RootFolder(root), root / "machines" / "log"
    files.make_folder(path.parent)
    ODD[kind](path)
    for act in (
        lambda: files.read(path),
        lambda: files.append_line(path, "line"),
        lambda: files.append_entries(path, b"entry", head=b"e"),
    ):
        with pytest.raises(OddFileError, match=f"it is {kind}") as raised:
            act()
        assert raised.value.filename == str(path)
    assert files.why_odd(path) == files.why_unreadable(path) == kind
    assert files.create(path, b"new") is False
    assert files.exists(path)
    assert files.files_in(path.parent) == []


@both_ways
@pytest.mark.parametrize("kind", ODD)
def test_a_replace_moves_what_is_no_file_aside(root, monkeypatch, can_hold, kind):
    monkeypatch.setattr(walk, "_CAN_HOLD", can_hold)
    files, path = RootFolder(root), root / "report.toml"
    for name in ("report.toml.aside", "report.toml.aside-2"):
        ODD[kind](path)
        files.replace(path, b"new")
        assert path.read_bytes() == b"new"
        assert not path.is_symlink()
        assert kind_if_not_file((root / name).lstat()) == kind
        path.unlink()


@both_ways
def test_no_folder_is_entered_through_a_link(root, monkeypatch, can_hold, outside):
    monkeypatch.setattr(walk, "_CAN_HOLD", can_hold)
    files = RootFolder(root)
    (root / "sessions").symlink_to(outside)
    path = root / "sessions" / "file.md"
    for act in (
        lambda: files.read(path),
        lambda: files.look(path),
        lambda: files.entries(path.parent),
        lambda: files.append_line(path, "line"),
        lambda: files.create(path.with_name("new"), b""),
        lambda: files.replace(path, b"new"),
        lambda: files.rename(path, "other"),
        lambda: files.unlink(path),
        lambda: files.make_folder(path.parent / "new"),
    ):
        with pytest.raises(OddFileError, match="it is a link"):
            act()
    assert files.sweep(path) == 0
    assert files.below(root, "file.md") == []
    assert files.below_all(root, "file.md", "*") == []
    assert files.all_files() == [root / "GLOBAL_MEMORY.md"]
    assert listing(outside) == ["file.md"]
    assert (outside / "file.md").read_text() == "private\n"


@both_ways
def test_a_link_that_counts_is_followed_to_where_it_led_and_nowhere_else(
    root, monkeypatch, can_hold, outside, tmp_path
):
    monkeypatch.setattr(walk, "_CAN_HOLD", can_hold)
    known = {"sessions": KnownLink(str(outside), may_write=True),
             "GLOBAL_MEMORY.md": KnownLink("../outside/file.md", may_write=True)}  # fmt: skip
    files, path = RootFolder(root, known.get), root / "sessions" / "file.md"
    (root / "sessions").symlink_to(outside)
    memory = root / "GLOBAL_MEMORY.md"
    memory.unlink()
    memory.symlink_to("../outside/file.md")
    assert files.read(path) == files.read(memory) == b"private\n"
    files.replace(memory, b"both\n")
    files.append_line(path, "more")
    assert memory.is_symlink()
    assert (outside / "file.md").read_text() == "both\nmore\n"
    assert files.entries(path.parent) == [path]
    assert files.move_aside(memory) is None
    known["sessions"] = KnownLink(str(outside), may_write=False)
    assert files.read(path) == b"both\nmore\n"
    with pytest.raises(OddFileError, match="nobody said yet") as refused:
        files.append_line(path, "more")
    assert refused.value.hint == "memsync doctor --trust-link sessions"
    (root / "sessions").unlink()
    (root / "sessions").symlink_to(tmp_path)
    with pytest.raises(OddFileError, match="it is a link"):
        files.read(path)


@pytest.mark.skipif(not walk._CAN_HOLD, reason="this platform holds no folders open")
@pytest.mark.parametrize("call", ["open", "stat"])
def test_a_link_that_comes_between_look_and_use_gains_nothing(root, monkeypatch, outside, call):
    """Before any of the calls that a read makes, somebody puts a link in the folder's place."""
    files, sessions = RootFolder(root), root / "sessions"
    files.make_folder(sessions)
    (sessions / "file.md").write_text("ours\n")
    real, asked = getattr(os, call), []
    for number in range(1, 9):
        asked.clear()

        def swapping(*args, number=number, **kwargs):
            asked.append(args)
            if len(asked) == number:
                sessions.rename(root / "moved")
                sessions.symlink_to(outside)
            return real(*args, **kwargs)

        with monkeypatch.context() as patch:
            patch.setattr(os, call, swapping)
            with contextlib.suppress(OSError):
                assert files.read(sessions / "file.md") == b"ours\n"
        if sessions.is_symlink():
            sessions.unlink()
            (root / "moved").rename(sessions)
    assert len(asked) < 8, "every call was tried"


def test_windows_looks_again_after_it_has_read(root, monkeypatch, outside):
    monkeypatch.setattr(walk, "_CAN_HOLD", False)
    (root / "sessions").mkdir()
    (root / "sessions" / "file.md").write_text("ours\n")
    held = RootFolder(root).opened(root / "sessions" / "file.md")
    held.__enter__()
    (root / "sessions").rename(root / "moved")
    (root / "sessions").symlink_to(outside)
    with pytest.raises(OddFileError, match="it is a link"):
        held.__exit__(None, None, None)


@pytest.mark.parametrize(
    ("tag", "kind"),
    [(0x9000701A, ""), (0x80000013, ""), (0xA0000003, "a link"), (0xA000000C, "a link")],
    ids=["a cloud placeholder", "a deduplicated file", "a junction", "a symbolic link"],
)
def test_of_the_reparse_points_of_windows_only_links_are_refused(root, tag, kind):
    class Info:
        st_mode = (root / "GLOBAL_MEMORY.md").stat().st_mode
        st_reparse_tag = tag

    assert kind_if_not_file(Info()) == kind


@pytest.mark.parametrize(
    ("name", "most"),
    [("GLOBAL_MEMORY.md", 16), ("sessions/2026-11-23.md", 64), ("machines/pi/report.toml", 1),
     ("machines/pi/proposals/0123456789.json", 4), ("machines/pi/merged.log", 64)],
)  # fmt: skip
def test_what_is_larger_than_such_a_file_ever_is_is_not_read(root, name, most):
    files, path = RootFolder(root), root / name
    files.make_folder(path.parent)
    path.write_bytes(b"x")
    os.truncate(path, most << 20)
    assert len(files.read(path)) == most << 20
    os.truncate(path, (most << 20) + 1)
    assert files.why_odd(path) == f"larger than {most} MiB"
    with pytest.raises(OddFileError, match=f"larger than {most} MiB"):
        files.read(path)
    assert len(files.read(path, 9)) == 9
    assert files.move_aside(path) == path.with_name(f"{path.name}.aside")


def test_a_placeholder_is_seen_and_not_waited_for(root):
    files = RootFolder(root)
    assert not files.is_evicted(root / "GLOBAL_MEMORY.md")
    (root / ".GLOBAL_MEMORY.md.icloud").write_bytes(b"stub")
    assert files.is_evicted(root / "GLOBAL_MEMORY.md")
    assert files.why_unreadable(root / "GLOBAL_MEMORY.md") == "its content is in the cloud"


def test_a_path_outside_the_root_is_a_fault_of_the_program(root, outside):
    with pytest.raises(ValueError, match="not below"):
        RootFolder(root).read(outside / "file.md")
    with pytest.raises(ValueError, match="not below"):
        RootFolder(root).read(root / ".." / "outside" / "file.md")
