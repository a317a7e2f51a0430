"""A link in the memory folder counts only where this machine wrote that down, and for that place."""

from __future__ import annotations

import pytest

from memsync import clock
from memsync.config.state import seen_folder
from memsync.config.sync_folder import (
    UnansweredLink,
    folder_at,
    own_folder,
    trust_link,
    unanswered_links,
)
from memsync.config.workspace import MEMORY_NAME, Workspace
from memsync.errors import DamagedMemoryError, FolderAwayError, MemsyncError, WrongUsageError
from memsync.memory import store
from memsync.memory.publish import publish, update_targets
from memsync.notes import log
from memsync.text.note import make_note
from tests.conftest import SAMPLE

BETTER = SAMPLE + "- a new line\n"


@pytest.fixture
def moved(workspace: Workspace, tmp_path):
    """Moves a place of the folder elsewhere and leaves a link, as people do with their dotfiles."""

    def move(name: str):
        there = tmp_path / "dotfiles" / name.replace("/", "-")
        there.parent.mkdir(exist_ok=True)
        (workspace.root / name).rename(there)
        (workspace.root / name).symlink_to(there)
        return there

    return move


def updated(workspace: Workspace) -> None:
    """Make this the machine of somebody whose memsync knew no links until now."""
    (seen_folder(workspace.root) / "links.json").unlink()


def test_a_link_found_at_an_update_is_read_and_nothing_goes_through_it_until_it_is_answered(
    workspace, moved
):
    update_targets(workspace)
    real, logs = moved(MEMORY_NAME), moved("sessions")
    updated(workspace)
    memory = store.read(workspace)
    assert memory.text == SAMPLE
    assert [(link.name, link.is_read) for link in unanswered_links(workspace.root)] == [
        (MEMORY_NAME, True),
        ("sessions", True),
    ]
    with pytest.raises(MemsyncError, match="nobody said yet") as refused:
        publish(workspace, BETTER, memory.digest)
    assert refused.value.hint == f"memsync doctor --trust-link {MEMORY_NAME}"
    with pytest.raises(FolderAwayError, match="nobody said yet") as refused:
        log.append(workspace, make_note("a note", clock.now()))
    assert refused.value.hint == "memsync doctor --trust-link sessions"
    assert real.read_text() == SAMPLE
    assert list(logs.iterdir()) == []
    trust_link(workspace.root, MEMORY_NAME)
    trust_link(workspace.root, "sessions")
    assert unanswered_links(workspace.root) == []
    publish(workspace, BETTER, memory.digest)
    log.append(workspace, make_note("a note", clock.now()))
    assert real.read_text() == BETTER
    assert len(list(logs.iterdir())) == 1
    assert workspace.memory.is_symlink()


def test_a_link_that_comes_later_is_not_used_and_damage_for_the_memory(workspace, moved):
    update_targets(workspace)
    moved(MEMORY_NAME)
    with pytest.raises(DamagedMemoryError, match="is a link") as raised:
        store.read(workspace)
    assert "memsync doctor --trust-link" in raised.value.hint
    moved("machines")
    with pytest.raises(OSError, match="it is a link"):
        own_folder(workspace.machines)


def test_a_link_on_a_machine_that_never_saw_the_folder_is_not_used(workspace, moved):
    seen = seen_folder(workspace.root)
    for path in seen.iterdir():
        path.unlink()
    moved(MEMORY_NAME)
    with pytest.raises(DamagedMemoryError, match="is a link"):
        store.read(workspace)


def test_an_answer_holds_for_the_place_it_led_to(workspace, moved, tmp_path):
    moved("sessions")
    trust_link(workspace.root, "sessions")
    (workspace.root / "sessions").unlink()
    (workspace.root / "sessions").symlink_to(tmp_path)
    assert unanswered_links(workspace.root) == [
        UnansweredLink("sessions", str(tmp_path), is_read=False)
    ]
    with pytest.raises(FolderAwayError, match="it is a link"):
        log.append(workspace, make_note("a note", clock.now()))


@pytest.mark.parametrize("content", ["", "[]", "{", '{"sessions": {"to": 1}}', '{"sessions": 1}'])
def test_where_what_was_written_down_is_damaged_no_link_counts(workspace, moved, content):
    moved("sessions")
    trust_link(workspace.root, "sessions")
    (seen_folder(workspace.root) / "links.json").write_text(content)
    assert [link.is_read for link in unanswered_links(workspace.root)] == [False]


def test_only_what_is_a_link_in_our_places_can_be_vouched_for(workspace, tmp_path):
    (workspace.root / "inbox").symlink_to(tmp_path)
    for name in ("sessions", "inbox", "../outside", ""):
        with pytest.raises(WrongUsageError, match="is no link"):
            trust_link(workspace.root, name)


def test_no_contact_is_made_with_a_root_that_is_away(workspace, tmp_path):
    root = tmp_path / "mount"
    root.mkdir()
    folder_at(root)
    assert not (seen_folder(root) / "links.json").exists()
