"""A real mount that hangs, dies or is gone: the folder is away, nothing is made under it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from memsync.clock import now
from memsync.config.workspace import Workspace
from memsync.errors import FolderAwayError
from memsync.files import timeout
from memsync.notes import log as day_logs
from memsync.notes import spool
from memsync.refresh.pending import pending_notes
from memsync.text.note import make_note
from tests.support.daemons import memsync
from tests.support.mounts import Mount
from tests.support.scale import need


@pytest.fixture
def mirror_disk(workspace: Workspace, tmp_path: Path) -> Iterator[Mount]:
    """A disk for the mirror, mounted beside the workspace."""
    need("rclone", "fusermount3", root=True)
    for name in ("store", "disk", "cache"):
        (tmp_path / name).mkdir()
    made = Mount(tmp_path / "store", tmp_path / "disk", tmp_path / "cache")
    try:
        made.mount()
        yield made
    finally:
        made.unmount()


def test_a_mount_that_hangs_is_away_at_once_for_the_second_who_asks(
    mount, workspace, monkeypatch, config
):
    monkeypatch.setattr(timeout, "PATIENCE_SECONDS", 0.5)
    assert Workspace.open(config) == workspace
    mount.hang()
    with pytest.raises(FolderAwayError, match="cannot be reached: it does not answer"):
        Workspace.open(config)
    monkeypatch.setattr(timeout, "PATIENCE_SECONDS", 0.0)  # who asks now, waits no more
    with pytest.raises(FolderAwayError):
        Workspace.open(config)
    mount.resume()
    monkeypatch.undo()
    assert Workspace.open(config) == workspace


@pytest.mark.parametrize("way", ["hangs", "died", "unmounted"])
def test_commands_tell_that_it_is_away_and_make_nothing(mount, workspace, way):
    {"hangs": mount.hang, "died": mount.kill, "unmounted": mount.unmount}[way]()
    commands = (["show"], ["status"], ["refresh"], ["note", "not lost"])
    with ThreadPoolExecutor() as crowd:
        answers = list(crowd.map(lambda words: memsync(*words), commands))
    for done in answers:
        assert done.code == 4
        assert str(workspace.root) in done.err
        assert "Try: " in done.err
    mount.unmount()
    assert list(workspace.root.iterdir()) == []
    mount.mount()
    assert memsync("show").out == workspace.memory.read_text()


@pytest.mark.parametrize("way", ["hangs", "died"])
def test_a_mirror_on_a_disk_that_went_is_away(mirror_disk, way):
    place = mirror_disk.place / "mirror"
    memsync("config", "set", "daemon.backup_mirror_path", str(place))
    assert memsync("daemon", "run", "mirror").code == 0
    {"hangs": mirror_disk.hang, "died": mirror_disk.kill}[way]()
    words = [["daemon", "run", "mirror"], ["daemon", "run", "mirror", "--verify"]]
    words += [["restore", "--from-mirror"], ["log", "--from-mirror"]]
    with ThreadPoolExecutor() as crowd:
        answers = list(crowd.map(lambda line: memsync(*line), words))
    for done in answers:
        assert done.code == 4
        assert f"the mirror {place} cannot be read" in done.err


def test_a_note_at_a_dead_mount_is_refused_in_words(mount, workspace):
    mount.kill()
    with pytest.raises(FolderAwayError):
        day_logs.append(workspace, make_note("not lost", now()))


def test_a_note_on_a_mount_that_forgets_it_is_put_back_until_it_is_merged(mount, workspace):
    assert memsync("note", "not forgotten").code == 0
    (log,) = workspace.sessions.iterdir()
    log.unlink()  # what the mount had not sent yet when it was killed
    assert memsync("status").code == 0
    assert [note.text for note in pending_notes(workspace)] == ["not forgotten"]
    assert memsync("refresh").code == 0
    assert memsync("status").code == 0
    assert spool.notes_of_commands() == {}
    assert "not forgotten" in workspace.memory.read_text()
