"""From the spool to the day's log: every note once, whatever stops or goes away in between."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
import time_machine

from memsync import clock
from memsync.config.workspace import Workspace
from memsync.daemon.intake import mover as module
from memsync.daemon.intake.mover import Mover
from memsync.notes import ledger, reader
from memsync.notes import log as day_logs
from memsync.notes.spool import Spool, SpooledNote
from memsync.text.mark import CAPTURED
from memsync.text.note import Note, make_note
from tests.support.net import until


def keep(text: str, moment: datetime | None = None) -> Note:
    note = make_note(text, moment or clock.now(), CAPTURED)
    Spool().add(SpooledNote(note))
    return note


def logged(workspace: Workspace) -> list[str]:
    return [note.text for day in reader.days(workspace) for note in reader.read_day(workspace, day)]


@pytest.fixture
def mover(workspace: Workspace) -> Iterator[Mover]:
    made = Mover(Spool(), workspace.config)
    yield made
    if made.is_alive():
        made.stop()


def test_a_note_is_in_its_days_log_within_a_second(mover, workspace):
    mover.start()
    mover.submit(keep("straight in"))
    assert until(lambda: logged(workspace), seconds=1) == ["straight in"]
    (note,) = reader.read_day(workspace, clock.now().date())
    assert note.mark == CAPTURED


def test_what_a_killed_process_left_is_moved_once_by_the_next_and_the_one_after(workspace):
    keep("left behind")
    keep("left, too")
    for _ in range(3):
        mover = Mover(Spool(), workspace.config)
        mover.start()
        until(lambda: logged(workspace))
        mover.stop()
    assert logged(workspace) == ["left behind", "left, too"]


def test_a_note_in_the_log_and_in_the_spool_is_not_written_twice(mover, workspace):
    note = keep("half moved")
    day_logs.append(workspace, note)
    mover.start()
    mover.submit(note)
    mover.stop()
    assert logged(workspace) == ["half moved"]


def test_notes_wait_while_the_folder_is_away_and_go_in_by_themselves(
    mover, workspace, monkeypatch, caplog
):
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.05)
    caplog.set_level(logging.INFO)
    away = workspace.root.rename(workspace.root.with_name("unplugged"))
    mover.start()
    mover.submit(keep("first"))
    mover.submit(keep("second"))
    until(lambda: "notes wait in the spool" in caplog.text)
    assert not workspace.root.exists()
    away.rename(workspace.root)
    assert until(lambda: logged(workspace)) == ["first", "second"]
    until(lambda: "the notes that waited are in the log" in caplog.text)
    assert caplog.text.count("notes wait in the spool") == 1


def test_a_folder_that_goes_away_later_is_no_loss_either(mover, workspace, monkeypatch, caplog):
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.05)
    mover.start()
    mover.submit(keep("here"))
    until(lambda: logged(workspace) == ["here"])
    away = workspace.root.rename(workspace.root.with_name("unplugged"))
    mover.submit(keep("gone"))
    until(lambda: "notes wait" in caplog.text)
    away.rename(workspace.root)
    until(lambda: logged(workspace) == ["here", "gone"])


def test_a_log_that_lost_notes_is_mended_without_a_restart(mover, workspace, monkeypatch):
    monkeypatch.setattr(module, "MEND_SECONDS", 0.05)
    mover.start()
    mover.submit(keep("kept"))
    mover.submit(keep("lost by the sync client"))
    until(lambda: len(logged(workspace)) == 2)
    log = reader.log_path(workspace, clock.now().date())
    log.write_bytes(log.read_bytes().partition(b"\n---\n### ")[0])
    assert sorted(until(lambda: logged(workspace))) == ["kept", "lost by the sync client"]


def test_what_is_merged_is_not_put_back_and_old_spool_files_are_cleared(mover, workspace):
    long_ago = clock.now() - timedelta(days=9)
    with time_machine.travel(long_ago, tick=False):
        merged = keep("merged long ago", long_ago)
    waiting = keep("still pending")
    day_logs.add_missing(workspace, [merged])
    ledger.mark_merged(workspace, [merged])
    reader.log_path(workspace, merged.day).unlink()
    assert mover.move_all()
    assert logged(workspace) == ["still pending"]
    assert [entry.note for entry in Spool().entries()] == [waiting]


def test_a_note_taken_before_midnight_goes_into_that_days_log(mover, workspace):
    late = datetime(2026, 11, 23, 23, 59, 59).astimezone()
    note = keep("late", late)
    mover.start()
    mover.submit(note)
    until(lambda: logged(workspace))
    assert [n.text for n in reader.read_day(workspace, late.date())] == ["late"]


def test_stopping_moves_what_is_in_hand_and_does_not_wait(mover, workspace):
    mover.start()
    for number in range(20):
        mover.submit(keep(f"note {number}"))
    began = time.monotonic()
    mover.stop()
    assert time.monotonic() - began < 1
    assert not mover.is_alive()
    assert sorted(logged(workspace)) == sorted(f"note {number}" for number in range(20))


def test_stopping_is_prompt_while_the_folder_is_away(mover, workspace):
    workspace.root.rename(workspace.root.with_name("unplugged"))
    mover.start()
    mover.submit(keep("waits"))
    began = time.monotonic()
    mover.stop()
    assert time.monotonic() - began < 1
    assert [entry.note.text for entry in Spool().entries()] == ["waits"]


def test_a_log_is_read_once_for_many_batches_but_again_when_others_wrote(
    mover, workspace, monkeypatch
):
    reads: list[str] = []
    real = reader.parse_log
    monkeypatch.setattr(reader, "parse_log", lambda *text: reads.append("") or real(*text))
    last_seen = day_logs.DaySeen()
    texts = [f"note {number}" for number in range(6)]
    wanted = [make_note(text, clock.now(), CAPTURED) for text in texts]
    for note in wanted[:4]:
        assert day_logs.add_missing(workspace, [note, wanted[0]], last_seen) == 1
    assert len(reads) == 0  # there was no log before the first
    day_logs.append(workspace, wanted[4])
    reads.clear()
    assert day_logs.add_missing(workspace, wanted, last_seen) == 1
    assert len(reads) == 1
    log = reader.log_path(workspace, clock.now().date())
    log.write_bytes(b"")
    assert day_logs.add_missing(workspace, wanted, last_seen) == 6
    assert logged(workspace) == texts
