"""Where the memory comes from is told from what was recorded, and never guessed."""

import time_machine

from memsync import clock
from memsync.memory import machines, store
from memsync.memory.last_change import LastChange, find_last_change, remember_change
from memsync.memory.publish import publish
from tests.conftest import SAMPLE

NOON = "2026-11-23T12:00:00+00:00"


def last_change(workspace):
    digest = store.read(workspace).digest
    return find_last_change(workspace, digest, lambda machine, _: f"asked about {machine}")


def test_of_a_memory_that_never_changed_nothing_is_known(workspace):
    assert last_change(workspace) == LastChange()


def test_the_machine_that_reported_a_publish_made_the_change(workspace):
    with time_machine.travel(NOON, tick=False):
        publish(workspace, SAMPLE + "- one\n", None)
        here = machines.this_machine()
        assert last_change(workspace) == LastChange(clock.now(), here, True, f"asked about {here}")


def test_what_this_machine_remembers_is_not_asked_about(workspace):
    done = publish(workspace, SAMPLE + "- one\n", None)
    remember_change(done.digest, "an edit")
    found = last_change(workspace)
    assert (found.by, found.is_here) == ("an edit", True)


def test_an_edit_in_the_file_itself_leaves_no_trace(workspace):
    done = publish(workspace, SAMPLE + "- one\n", None)
    remember_change(done.digest, "an edit")
    workspace.memory.write_text(SAMPLE + "- two\n")
    assert last_change(workspace) == LastChange()
