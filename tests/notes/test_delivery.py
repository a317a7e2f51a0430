"""A note taken while the folder is away waits on this machine, and goes in once it is back."""

from __future__ import annotations

import errno
import os
from datetime import timedelta

import pytest

from memsync import clock
from memsync.config.state import state_path
from memsync.config.workspace import Workspace
from memsync.daemon.intake.mover import Mover
from memsync.errors import FolderAwayError
from memsync.notes import delivery, ledger, log, reader, spool
from memsync.notes.spool import Spool, SpooledNote
from memsync.refresh import run
from memsync.text.mark import CAPTURED, SCRIPT
from memsync.text.note import make_note


def logged(workspace: Workspace) -> list[str]:
    return [note.text for day in reader.days(workspace) for note in reader.read_day(workspace, day)]


def kept() -> list[str]:
    return [note.text for note in spool.notes_of_commands().values()]


def test_what_was_kept_goes_into_its_own_days_log_once(workspace):
    yesterday = clock.now() - timedelta(days=1)
    note = make_note("said yesterday", yesterday)
    spool.keep_aside(note)
    spool.keep_aside(make_note("said today", clock.now()))
    assert delivery.deliver(workspace) == 2
    assert delivery.deliver(workspace) == 0
    assert reader.read_day(workspace, yesterday.date()) == [note]
    assert logged(workspace) == ["said yesterday", "said today"]
    assert kept() == []


def test_who_says_it_again_because_the_folder_was_away_has_said_it_once(workspace):
    first = spool.keep_aside(make_note("again", clock.now()))
    assert spool.keep_aside(make_note("again", clock.now() + timedelta(seconds=9))) == first
    later = clock.now() + timedelta(seconds=20)
    spool.keep_aside(make_note("again", later, SCRIPT))
    assert kept() == ["again", "again"]


def test_a_folder_that_goes_amid_the_delivery_loses_nothing(workspace, monkeypatch):
    spool.keep_aside(make_note("waits on", clock.now()))
    real = os.write

    def refuse(descriptor, data):
        if b"waits on" in bytes(data):
            raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))
        return real(descriptor, data)

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", refuse)
        with pytest.raises(FolderAwayError):
            delivery.deliver(workspace)
    assert kept() == ["waits on"]
    assert delivery.deliver(workspace) == 1
    assert logged(workspace) == ["waits on"]


def test_a_delivery_cut_off_before_the_file_is_gone_is_no_second_note(workspace):
    note = spool.keep_aside(make_note("half delivered", clock.now()))
    log.append(workspace, note)
    ledger.mark_merged(workspace, [note])
    assert delivery.deliver(workspace) == 0
    assert logged(workspace) == ["half delivered"]
    assert kept() == []


def test_a_refresh_merges_what_waited_for_it_and_what_the_ear_took(workspace):
    spool.keep_aside(make_note("I moved to Oslo", clock.now()))
    Spool().add(SpooledNote(make_note("From a phone", clock.now(), CAPTURED)))
    outcome = run.merge_pending(workspace)
    assert outcome.notes == 2
    assert "I moved to Oslo" in workspace.memory.read_text()
    assert "From a phone" in workspace.memory.read_text()
    assert run.merge_pending(workspace).notes == 0


def test_a_spool_that_cannot_be_read_is_told_before_anything_is_merged(workspace, monkeypatch):
    spool.keep_aside(make_note("unreadable", clock.now()))
    (path,) = spool.notes_of_commands()
    path.unlink()
    path.mkdir()
    with pytest.raises(Exception, match="the notes that wait on this machine") as raised:
        run.merge_pending(workspace)
    assert str(state_path()) in raised.value.hint


def test_the_daemon_takes_what_a_command_kept_beside_it(workspace):
    spool.keep_aside(make_note("by a command", clock.now()))
    Spool().add(SpooledNote(make_note("by the ear", clock.now(), CAPTURED)))
    mover = Mover(Spool(), workspace.config)
    assert mover.move_all()
    assert sorted(logged(workspace)) == ["by a command", "by the ear"]
    assert kept() == []
    assert [entry.note.text for entry in Spool().entries()] == ["by the ear"]
