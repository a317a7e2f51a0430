"""Which text a restore means is the same for the command and the page."""

from memsync.memory import store
from memsync.memory.publish import publish
from memsync.memory.restore_point import find_restore_point, last_seen_point
from tests.conftest import SAMPLE


def test_of_a_sound_memory_it_is_the_text_before_the_last_change(workspace):
    publish(workspace, SAMPLE + "- one\n", None)
    point = find_restore_point(workspace, None, store.read(workspace), differing=True)
    assert point.entry.path.read_text() == SAMPLE
    assert last_seen_point(workspace) is None


def test_of_a_damaged_memory_it_is_the_text_that_was_last_seen(workspace):
    publish(workspace, SAMPLE + "- one\n", None)
    workspace.memory.write_bytes(b"\0" * 100)
    point = find_restore_point(workspace, None, None, differing=True)
    assert point.entry.path.read_text() == SAMPLE + "- one\n"
    assert point.entry.path == last_seen_point(workspace).path


def test_a_name_means_that_backup_whatever_the_memory_is(workspace):
    publish(workspace, SAMPLE + "- one\n", None)
    (backup,) = workspace.backups.glob("*.md")
    workspace.memory.write_bytes(b"")
    assert find_restore_point(workspace, backup.name, None).entry.path == backup
