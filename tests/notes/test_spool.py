"""The spool: acknowledged is on disk, however many come at once and whatever is torn."""

from __future__ import annotations

import errno
import json
import os
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine

from memsync.notes.spool import KEPT_FOR, Spool, SpooledNote
from memsync.text.mark import CAPTURED
from memsync.text.note import Note, make_note
from tests.support.marks import MARKS
from tests.support.net import until

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def note(text: str, moment: datetime = NOON) -> Note:
    return make_note(text, moment, CAPTURED)


def texts(spool: Spool) -> list[str]:
    return [entry.note.text for entry in spool.entries()]


def day_files(spool: Spool) -> list[str]:
    return sorted(path.name for path in spool.folder.iterdir())


@pytest.fixture
def spool() -> Spool:
    return Spool()


def test_a_note_comes_back_from_another_process_as_it_was(spool):
    entry = SpooledNote(note("日本語 · \u2028 line\n---\n### 01:02:03\n\\end"), key="k")
    spool.add(entry)
    assert Spool().entries() == [entry]


@pytest.mark.parametrize("mark", MARKS, ids=str)
def test_whose_word_a_note_is_is_kept(mark, spool):
    spool.add(SpooledNote(make_note("x", NOON, mark)))
    assert [entry.note.mark for entry in Spool().entries()] == [mark]


def test_what_an_older_version_spooled_came_by_the_network(spool):
    line = {"day": "2026-11-23", "time": "12:00:00", "captured": True, "text": "x", "key": ""}
    (spool.folder / "2026-11-23.jsonl").write_text(json.dumps(line) + "\n")
    assert [entry.note for entry in spool.entries()] == [note("x")]


def test_only_this_user_may_read_the_spool(spool):
    spool.add(SpooledNote(note("private")))
    (file,) = spool.folder.iterdir()
    assert spool.folder.stat().st_mode & 0o077 == 0
    assert file.stat().st_mode & 0o077 == 0


def test_many_notes_at_once_are_all_there_once_and_share_their_fsyncs(spool, monkeypatch):
    calls: list[int] = []
    real = os.fsync
    slow_disk = threading.Event()

    def counted(descriptor: int) -> None:
        calls.append(descriptor)
        slow_disk.wait(0.002)
        real(descriptor)

    monkeypatch.setattr("memsync.files.atomic.os.fsync", counted)
    kept: list[str] = []

    def post(number: int) -> None:
        for count in range(50):
            text = f"note {number}-{count}"
            spool.add(SpooledNote(note(text)))
            on_disk = b"".join(file.read_bytes() for file in spool.folder.glob("*.jsonl"))
            assert f'"{text}"'.encode() in on_disk
            kept.append(text)

    threads = [threading.Thread(target=post, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(kept) == 800
    assert sorted(texts(spool)) == sorted(kept)
    assert 0 < len(calls) < 400


def test_a_torn_last_line_is_no_note_and_the_next_one_has_a_line_of_its_own(spool):
    spool.add(SpooledNote(note("whole")))
    (file,) = spool.folder.iterdir()
    with file.open("ab") as torn:
        torn.write(b'{"day": "2026-11-23", "time": "12:00:00", "capt')
    assert texts(spool) == ["whole"]
    spool.add(SpooledNote(note("next")))
    assert texts(spool) == ["whole", "next"]


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"null",
        b"7",
        b"[]",
        b"{}",
        b"\x00\xff",
        b'{"day": "yesterday", "time": "", "text": ""}',
    ],
)
def test_a_damaged_line_hides_no_other(spool, line):
    spool.add(SpooledNote(note("before")))
    (file,) = spool.folder.iterdir()
    with file.open("ab") as damaged:
        damaged.write(line + b"\n")
    spool.add(SpooledNote(note("after")))
    assert texts(spool) == ["before", "after"]


def test_only_old_days_whose_notes_are_all_merged_are_cleared(spool):
    days = [NOON - timedelta(days=ago) for ago in (9, 8, 2, 1, 0)]
    for number, moment in enumerate(days):
        with time_machine.travel(moment, tick=False):
            spool.add(SpooledNote(note(f"a {number}", moment)))
            spool.add(SpooledNote(note(f"b {number}", moment)))
    (spool.folder / "README.jsonl").write_text("mine")

    def is_settled(note):
        return note.text != "b 1"

    with time_machine.travel(NOON, tick=False):
        spool.settle(is_settled)
    assert texts(spool) == [f"{half} {number}" for number in (1, 2, 3, 4) for half in "ab"]
    assert day_files(spool)[-1] == "README.jsonl"
    with time_machine.travel(NOON + KEPT_FOR + timedelta(days=1), tick=False):
        spool.settle(lambda _: True)
    assert day_files(spool) == ["README.jsonl"]


def test_a_record_that_the_disk_damaged_is_kept_and_one_that_was_torn_is_not(spool):
    with time_machine.travel(NOON, tick=False):
        spool.add(SpooledNote(note("merged")))
    (file,) = spool.folder.iterdir()
    whole = file.read_bytes()
    late = NOON + KEPT_FOR + timedelta(days=1)
    for broken, stays in ((whole.replace(b"day", b"d\0y"), True), (whole[:-9] + b"\n", False)):
        file.write_bytes(whole + broken)
        with time_machine.travel(late, tick=False):
            spool.settle(lambda _: True)
        assert file.exists() is stays


def test_a_full_disk_is_told_to_every_sender_of_the_batch_and_leaves_none(spool, monkeypatch):
    spool.add(SpooledNote(note("before")))
    (file,) = spool.folder.iterdir()
    before = file.read_bytes()
    errors: list[OSError] = []
    is_writing, others_wait = threading.Event(), threading.Event()
    real, written = os.write, []

    def write(descriptor: int, data: bytes) -> int:
        is_writing.set()
        others_wait.wait(10)
        if written and written[-1] == "half":
            written.append("full")
            raise OSError(errno.ENOSPC, "No space left on device")
        written.append("half")
        return real(descriptor, bytes(data)[: len(data) // 2])

    def post(number: int) -> None:
        try:
            spool.add(SpooledNote(note(f"lost {number}")))
        except OSError as error:
            errors.append(error)

    monkeypatch.setattr("memsync.files.atomic.os.write", write)
    threads = [threading.Thread(target=post, args=(number,)) for number in range(8)]
    threads[0].start()
    assert is_writing.wait(10)
    for thread in threads[1:]:
        thread.start()
    until(lambda: len(spool._gathering.lines) == 7)
    others_wait.set()
    for thread in threads:
        thread.join()
    assert [error.errno for error in errors] == [errno.ENOSPC] * 8
    assert written == ["half", "full"] * 2
    assert file.read_bytes() == before
    monkeypatch.undo()
    spool.add(SpooledNote(note("after")))
    assert texts(spool) == ["before", "after"]


def test_a_spool_folder_that_went_away_is_an_error_and_no_silent_loss(spool):
    spool.folder.rmdir()
    with pytest.raises(OSError, match="No such file"):
        spool.add(SpooledNote(note("nowhere")))


def test_lines_are_plain_ascii_so_that_no_editor_breaks_them(spool):
    spool.add(SpooledNote(note("é\u2028🦔")))
    (file,) = spool.folder.iterdir()
    lines = file.read_bytes().splitlines()
    assert lines == file.read_bytes().rstrip(b"\n").split(b"\n")
    assert json.loads(lines[0].decode("ascii"))["text"] == "é\u2028🦔"


def test_the_home_of_the_spool_is_this_machines_state(home: Path, spool):
    assert home in spool.folder.parents


def test_a_days_file_that_went_away_is_begun_anew_and_a_new_day_has_its_own(spool):
    spool.add(SpooledNote(note("before")))
    (file,) = spool.folder.iterdir()
    file.unlink()
    spool.add(SpooledNote(note("after")))
    assert texts(spool) == ["after"]
    with time_machine.travel(NOON + timedelta(days=400), tick=False):
        spool.add(SpooledNote(note("next year")))
    assert texts(spool) == ["after", "next year"]
    assert len(day_files(spool)) == 2
