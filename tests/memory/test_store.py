"""The memory is read whole or refused, and replaced only over the text that was looked at."""

import errno
import os
import time

import pytest

from memsync.config.sync_folder import trust_link
from memsync.config.workspace import MEMORY_NAME, Workspace
from memsync.errors import DamagedMemoryError, FolderAwayError, MemoryMovedError
from memsync.memory import store
from memsync.memory.history import backups
from memsync.text.digest import digest
from tests.conftest import SAMPLE
from tests.files.test_atomic import failing_with, names

BETTER = SAMPLE.replace("- Ship the importer\n", "- Ship the exporter\n")


def not_there(path):
    path.unlink()


def a_folder(path):
    path.unlink()
    path.mkdir()


def a_placeholder(path):
    path.unlink()
    path.with_name(".GLOBAL_MEMORY.md.icloud").write_bytes(b"bplist00")


def no_blocks(path):
    path.write_bytes(b"")
    os.truncate(path, 5000)


def holding(data):
    return lambda path: path.write_bytes(data)


DAMAGE = {
    "missing": not_there,
    "a dangling link": lambda path: (path.unlink(), path.symlink_to("nowhere.md")),
    "a folder": a_folder,
    "a pipe": lambda path: (path.unlink(), os.mkfifo(path)),
    "empty": holding(b""),
    "white space": holding(b" \n\r\n\t\n"),
    "wide white space": holding("\u00a0\u2003\n".encode()),
    "a byte order mark": holding(b"\xef\xbb\xbf\n"),
    "NULs at its right size": holding(b"\0" * len(SAMPLE)),
    "a NUL in the middle": holding(b"# Memory\n\0\n- line\n"),
    "half a character": holding(SAMPLE.encode() + b"- caf\xc3"),
    "UTF-16": holding(SAMPLE.encode("utf-16")),
    "a placeholder": a_placeholder,
    "a size without blocks": no_blocks,
}
every_damage = pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)


@every_damage
def test_a_damaged_memory_is_an_error_that_names_restore(damage, workspace):
    damage(workspace.memory)
    with pytest.raises(DamagedMemoryError) as raised:
        store.read(workspace)
    assert raised.value.exit_code == 6
    assert str(workspace.memory) in raised.value.message
    assert "memsync restore" in raised.value.hint


@every_damage
def test_nothing_is_written_over_a_damaged_memory_on_a_digest(damage, workspace):
    based_on = store.read(workspace).digest
    damage(workspace.memory)
    before = names(workspace.root)
    with pytest.raises(DamagedMemoryError):
        store.replace(workspace, BETTER, based_on)
    assert names(workspace.root) == before
    assert names(workspace.backups) == []


@every_damage
def test_a_restore_goes_over_a_damaged_memory_and_keeps_its_bytes(damage, workspace):
    damage(workspace.memory)
    there = workspace.memory.read_bytes() if workspace.memory.is_file() else b""
    written = store.replace(workspace, SAMPLE, None)
    workspace.memory.with_name(".GLOBAL_MEMORY.md.icloud").unlink(missing_ok=True)
    assert store.read(workspace) == store.Memory(SAMPLE, written.digest)
    if there and damage is not no_blocks:  # the bytes of a placeholder are not here to be kept
        assert written.backup.read_bytes() == there


def test_a_folder_that_stops_answering_is_away_and_not_damaged(workspace, monkeypatch):
    monkeypatch.setattr(os, "open", failing_with(errno.ENOTCONN))
    with pytest.raises(FolderAwayError, match="not connected"):
        store.read(workspace)


@pytest.mark.parametrize("is_bare", [True, False])
def test_a_folder_that_goes_while_a_command_runs_is_away_and_not_damaged(workspace, is_bare):
    """`memsync restore` is no way out where the whole drive went."""
    workspace.root.rename(workspace.root.with_name("unmounted"))
    if is_bare:
        workspace.root.mkdir()
    with pytest.raises(FolderAwayError, match="not there, or empty") as raised:
        store.read(workspace)
    assert "mount the drive" in raised.value.hint


def test_a_memory_that_is_a_link_to_an_unmounted_drive_is_away(workspace, tmp_path):
    """Nothing can be restored there, and restore would have said no more than "No such file"."""
    text = store.read(workspace).text
    workspace.memory.unlink()
    workspace.memory.symlink_to(tmp_path / "usb" / "memory.md")
    trust_link(workspace.root, MEMORY_NAME)
    with pytest.raises(FolderAwayError, match="is a link to") as raised:
        store.read(workspace)
    assert "mount the drive" in raised.value.hint
    (tmp_path / "usb").mkdir()  # its bare mount point
    with pytest.raises(FolderAwayError, match="is empty"):
        store.replace(workspace, text, None)
    assert list((tmp_path / "usb").iterdir()) == []


@pytest.mark.parametrize(
    "text", ["\ufeff# Memory\r\n- crlf\r\n", "no final newline", "😀\n", "a\r\r\nb\x0c\n"]
)
def test_a_memory_is_read_byte_for_byte(text, workspace):
    workspace.memory.write_bytes(text.encode())
    assert store.read(workspace) == store.Memory(text, digest(text.encode()))


def test_a_replace_keeps_the_text_before_byte_for_byte(workspace):
    old = b"\xef\xbb\xbf# Mine\r\nno newline at its end"
    workspace.memory.write_bytes(old)
    written = store.replace(workspace, BETTER, digest(old))
    assert workspace.memory.read_bytes() == BETTER.encode()
    assert written.digest == digest(BETTER.encode())
    assert written.backup.read_bytes() == old
    assert written.backup.parent == workspace.backups


def test_a_text_based_on_an_older_memory_is_refused_and_nothing_is_written(workspace):
    based_on = store.read(workspace).digest
    workspace.memory.write_text(SAMPLE + "- from another machine\n")
    with pytest.raises(MemoryMovedError) as raised:
        store.replace(workspace, BETTER, based_on)
    assert raised.value.exit_code == 6
    assert raised.value.hint
    assert workspace.memory.read_text() == SAMPLE + "- from another machine\n"
    assert names(workspace.backups) == []


def test_the_same_text_writes_nothing_and_makes_no_backup(workspace):
    long_ago = time.time() - 5000
    os.utime(workspace.memory, (long_ago, long_ago))
    before = workspace.memory.stat()
    written = store.replace(workspace, SAMPLE, digest(SAMPLE.encode()))
    assert written == store.Replaced(digest(SAMPLE.encode()), None)
    assert workspace.memory.stat().st_mtime_ns == before.st_mtime_ns
    assert workspace.memory.stat().st_ino == before.st_ino
    assert names(workspace.backups) == []


@pytest.mark.parametrize("text", ["", " \n", "\u00a0", "\ufeff", "a\0b", "# Memory\n- \ud800\n"])
@pytest.mark.parametrize("restoring", [True, False])
def test_a_text_that_cannot_be_read_back_never_becomes_the_memory(text, restoring, workspace):
    based_on = None if restoring else store.read(workspace).digest
    with pytest.raises(DamagedMemoryError):
        store.replace(workspace, text, based_on)
    assert workspace.memory.read_text() == SAMPLE
    assert names(workspace.backups) == []


def test_a_memory_that_is_a_link_stays_one(workspace, tmp_path):
    real = tmp_path / "dotfiles" / "memory.md"
    real.parent.mkdir()
    workspace.memory.rename(real)
    workspace.memory.symlink_to(real)
    trust_link(workspace.root, MEMORY_NAME)
    written = store.replace(workspace, BETTER, store.read(workspace).digest)
    assert workspace.memory.is_symlink()
    assert real.read_text() == BETTER
    assert written.backup.read_text() == SAMPLE
    assert names(real.parent) == ["memory.md"]


def test_without_a_backup_there_is_no_change(workspace, monkeypatch):
    monkeypatch.setattr(os, "link", failing_with(errno.ENOSPC))
    with pytest.raises(OSError, match="No space left"):
        store.replace(workspace, BETTER, store.read(workspace).digest)
    assert workspace.memory.read_text() == SAMPLE
    assert names(workspace.backups) == []


def test_what_a_killed_writer_left_is_swept_at_the_next_change(workspace):
    an_hour_ago = time.time() - 3700
    strays = [
        folder / f".GLOBAL_MEMORY.md.memsync-{os.getppid()}-x.tmp"
        for folder in (workspace.root, workspace.backups)
    ]
    for stray in strays:
        stray.write_text("half")
        os.utime(stray, (an_hour_ago, an_hour_ago))
    store.replace(workspace, BETTER, store.read(workspace).digest)
    assert not any(stray.exists() for stray in strays)


def test_a_first_memory_is_made_only_where_there_is_none(config):
    workspace = Workspace.create(config)
    store.create(workspace, SAMPLE)
    with pytest.raises(MemoryMovedError):
        store.create(workspace, BETTER)
    assert workspace.memory.read_text() == SAMPLE


@pytest.mark.parametrize("kind", ["a placeholder", "a dangling link", "empty"])
def test_a_first_memory_never_takes_the_place_of_one_that_is_not_here_yet(kind, workspace):
    DAMAGE[kind](workspace.memory)
    before = names(workspace.root)
    with pytest.raises(MemoryMovedError):
        store.create(workspace, store.STARTER)
    assert names(workspace.root) == before


def test_the_starter_begins_with_the_line_that_marks_a_memory(config):
    assert store.STARTER.startswith("<!-- memsync v1 -->\n")
    written = store.create(workspace := Workspace.create(config), store.STARTER)
    assert store.read(workspace).digest == written.digest
    assert backups.list_backups(workspace.backups) == []
