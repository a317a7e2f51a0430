"""A sync folder that is away is never mistaken for a new one: exit 4, and nothing is created."""

import errno
import os
from dataclasses import replace
from pathlib import Path

import pytest

from memsync import clock, doctor
from memsync.config import PROVIDERS, Config
from memsync.config.workspace import Workspace, memory_root
from memsync.errors import FolderAwayError, MemsyncError
from memsync.memory import store
from memsync.memory.publish import update_targets
from memsync.notes import log
from memsync.refresh.run import merge_pending
from memsync.text import note


def tree(folder):
    """Every path below a folder, with the bytes of the files."""
    return {
        path: path.read_bytes() if path.is_file() else None for path in sorted(folder.rglob("*"))
    }


@pytest.fixture
def sync_folder(config):
    return Path(config.sync_root)


def away_by(kind, folder, monkeypatch):
    """Make the memory root unreachable in one of the ways drives and clients know."""
    root = folder / ".claude-memory"
    if kind == "no sync folder":
        folder.rmdir()
    elif kind == "no root":
        return
    elif kind == "a file":
        root.write_text("this is no folder")
    elif kind == "empty":
        root.mkdir()
    else:
        root.mkdir()
        (root / "GLOBAL_MEMORY.md").write_text("there, but out of reach")
        name, number = kind
        real = getattr(os, name)

        def unreachable(path, *args, **kwargs):
            if Path(path).is_relative_to(root):
                raise OSError(number, os.strerror(number), str(path))
            return real(path, *args, **kwargs)

        monkeypatch.setattr(os, name, unreachable)


AWAY = [
    "no sync folder",
    "no root",
    "a file",
    "empty",
    ("stat", errno.ENOTCONN),
    ("stat", errno.EACCES),
    ("stat", errno.EIO),
    ("scandir", errno.EACCES),
    ("scandir", errno.ENOTCONN),
    ("scandir", errno.ESTALE),
]


@pytest.mark.parametrize("kind", AWAY, ids=str)
def test_a_folder_that_is_away_is_exit_4_and_stays_as_it_is(kind, config, home, monkeypatch):
    with monkeypatch.context() as patch:
        away_by(kind, Path(config.sync_root), patch)
        with pytest.raises(FolderAwayError) as raised:
            Workspace.open(config)
        found = doctor.run_checks(config.source)
    assert raised.value.exit_code == 4
    assert str(memory_root(config)) in raised.value.message
    assert raised.value.hint
    assert not found[-1].ok
    assert found[-1].name == "sync folder"
    kept = {"there, but out of reach", "this is no folder", ""}
    left = tree(Path(config.sync_root))
    assert {(data or b"").decode() for data in left.values()} <= kept
    assert len(left) <= 2


@pytest.mark.parametrize("remains", ["the bare mountpoint", "nothing"])
def test_a_drive_that_goes_while_we_work_gets_nothing_written_under_it(
    remains, workspace, tmp_path
):
    workspace.root.rename(tmp_path / "unmounted")
    if remains == "the bare mountpoint":
        workspace.root.mkdir()
    before = tree(workspace.root.parent)
    for act in (
        lambda: log.append(workspace, note.make_note("buy bread", clock.now())),
        lambda: merge_pending(workspace),
        lambda: update_targets(workspace),
        lambda: store.replace(workspace, "text", "a digest"),
    ):
        with pytest.raises(MemsyncError) as raised:
            act()
        assert raised.value.exit_code in {4, 6}
        assert str(workspace.root) in raised.value.message
    assert tree(workspace.root.parent) == before


def test_opening_creates_nothing(workspace, config):
    before = tree(workspace.root)
    opened = Workspace.open(config)
    assert opened == workspace
    assert tree(workspace.root) == before


@pytest.mark.parametrize("provider", PROVIDERS)
def test_only_icloud_has_a_folder_without_a_dot(provider, config):
    name = "claude-memory" if provider == "icloud" else ".claude-memory"
    root = memory_root(replace(config, provider=provider))
    assert root == Path(config.sync_root) / name


def test_every_file_has_its_place_below_the_root(workspace):
    root = workspace.root
    assert workspace.memory == root / "GLOBAL_MEMORY.md"
    assert {workspace.backups, workspace.sessions, workspace.machines} == {
        path for path in root.iterdir() if path.is_dir()
    }


def test_init_makes_the_root_but_never_the_sync_folder(config, sync_folder):
    made = Workspace.create(config)
    assert Workspace.create(config) == made  # a second init finds all of it
    absent = replace(config, sync_root=str(sync_folder / "unmounted"))
    with pytest.raises(FolderAwayError, match="there is no sync folder"):
        Workspace.create(absent)
    assert not (sync_folder / "unmounted").exists()


def test_a_sync_folder_that_nobody_finds_is_away(home):
    with pytest.raises(FolderAwayError, match="no OneDrive folder was found") as raised:
        Workspace.open(Config())
    assert "paths.sync_root" in raised.value.hint
    with pytest.raises(FolderAwayError, match="no Custom folder"):
        Workspace.open(Config(provider="custom"))


def test_the_home_of_somebody_who_is_not_here_is_away():
    with pytest.raises(FolderAwayError, match="~nobody-here/Sync"):
        Workspace.open(Config(provider="custom", sync_root="~nobody-here/Sync"))


def test_a_sync_root_may_begin_at_home(home):
    config = Config(provider="custom", sync_root="~/Sync")
    assert memory_root(config) == home / "Sync" / ".claude-memory"
