"""No note is lost and none is merged twice: over midnights, machines, torn files and full disks."""

import errno
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from threading import Barrier

import pytest
import time_machine

from memsync import clock, config
from memsync.config.workspace import Workspace
from memsync.errors import FolderAwayError, MemsyncError
from memsync.notes import ledger, reader
from memsync.notes import log as day_logs
from memsync.notes.ledger import LEDGER_HEAD
from memsync.refresh.pending import pending_notes
from memsync.text import note as notes
from memsync.text.mark import CAPTURED
from tests.files.test_atomic import DISK_ERRORS, failing_runs, names

DAY = date(2026, 11, 23)
EVENING, NEXT_NIGHT = "2026-11-23T23:58:00+00:00", "2026-11-24T23:55:00+00:00"
OLD_TOOL = """# Session notes

---
### 09:00:00
an old note

---
### 10:30:00 (captured)
another old note
"""


@pytest.fixture
def noon():
    with time_machine.travel("2026-11-23T12:00:00+00:00", tick=False) as traveller:
        yield traveller


def say(workspace, text):
    note = notes.make_note(text, clock.now())
    day_logs.append(workspace, note)
    return note


def pending(workspace):
    return [note.text for note in pending_notes(workspace)]


def other_machine(workspace, *lines, name="pi-0001"):
    folder = workspace.machines / name
    folder.mkdir(exist_ok=True)
    (folder / "merged.log").write_text("".join(f"{line}\n" for line in lines))


def test_a_note_is_in_its_days_log_and_pending_until_it_is_marked(workspace, noon):
    first = say(workspace, "buy bread")
    second = say(workspace, "two\nlines\n---\n### 09:00:00\nforged")
    assert reader.log_path(workspace, DAY).name == "2026-11-23.md"
    assert reader.read_day(workspace, DAY) == [first, second]
    assert pending_notes(workspace) == [first, second]
    ledger.mark_merged(workspace, [first])
    assert pending_notes(workspace) == [second]
    ledger.mark_merged(workspace, [second])
    assert pending_notes(workspace) == []
    assert reader.read_day(workspace, DAY) == [first, second]


def test_a_note_said_at_two_minutes_to_midnight_is_merged_the_next_night_and_once(workspace):
    with time_machine.travel(EVENING, tick=False):
        note = say(workspace, "said late")
    with time_machine.travel(NEXT_NIGHT, tick=False):
        assert pending_notes(workspace) == [note]
        ledger.mark_merged(workspace, [note])
        assert pending_notes(workspace) == []
    with time_machine.travel("2026-12-24T23:55:00+00:00", tick=False):
        assert pending_notes(workspace) == []


def test_notes_of_many_days_come_oldest_first(workspace, noon):
    for number in range(40):
        say(workspace, f"note {number}")
        noon.shift(timedelta(hours=7))
    assert pending(workspace) == [f"note {number}" for number in range(40)]
    assert len(reader.days(workspace)) == 12


def test_the_folder_of_a_years_logs_is_listed_once(workspace, noon, monkeypatch):
    for day in range(1, 31):
        note = notes.make_note(f"day {day}", datetime(2026, 10, day, 9, tzinfo=UTC))
        day_logs.append(workspace, note)
    listed = []
    real = os.scandir
    monkeypatch.setattr(os, "scandir", lambda at: listed.append(os.fstat(at).st_ino) or real(at))
    assert len(pending(workspace)) == 30
    assert listed.count(workspace.sessions.stat().st_ino) == 1


def test_what_any_machine_has_merged_is_merged(workspace, noon):
    here, there, nowhere = (say(workspace, text) for text in ("here", "there", "nowhere"))
    ledger.mark_merged(workspace, [here])
    other_machine(workspace, f"2026-11-23T12:00:00+00:00 2026-11-23 12:00:00 {there.id}")
    assert pending_notes(workspace) == [nowhere]


def test_in_the_folder_of_an_older_tool_only_todays_notes_are_pending_and_stay_so(workspace, noon):
    workspace.sessions.joinpath("2026-11-22.md").write_text(OLD_TOOL)
    workspace.sessions.joinpath("2026-11-23.md").write_text("- free text of today\n")
    for folder in (workspace.machines, workspace.backups):
        shutil.rmtree(folder)
    assert pending(workspace) == ["- free text of today"]
    assert not workspace.machines.exists()  # looking changes nothing
    say(workspace, "a new note")
    assert pending(workspace) == ["- free text of today", "a new note"]
    for _ in range(3):
        noon.shift(timedelta(days=1))
        assert pending(workspace) == ["- free text of today", "a new note"]
    ledger.mark_merged(workspace, pending_notes(workspace))
    assert pending(workspace) == []


@pytest.mark.parametrize("number", DISK_ERRORS, ids=errno.errorcode.get)
def test_a_first_contact_that_is_cut_off_does_not_make_old_notes_pending(
    workspace, noon, monkeypatch, number
):
    workspace.sessions.joinpath("2026-11-22.md").write_text(OLD_TOOL)

    def forget():
        for found in workspace.machines.glob("*/merged.log"):
            found.unlink()

    for raised in failing_runs(monkeypatch, number, forget, lambda: ledger.open_ledger(workspace)):
        assert raised is None or isinstance(raised, OSError | FolderAwayError)
        noon.shift(timedelta(days=1))
        assert pending(workspace) == []
        noon.shift(timedelta(days=-1))
    assert len(list(workspace.machines.glob("*/merged.log"))) == 1


def test_a_torn_ledger_line_repeats_its_note_and_harms_no_other(workspace, noon):
    first, second, third = (say(workspace, text) for text in ("first", "second", "third"))
    ledger.mark_merged(workspace, [first, second])
    merged_log = next(workspace.machines.glob("*/merged.log"))
    os.truncate(merged_log, merged_log.stat().st_size - 7)
    assert pending_notes(workspace) == [second, third]
    ledger.mark_merged(workspace, [third])
    assert pending_notes(workspace) == [second]
    merged_log.write_bytes(merged_log.read_bytes() + b"\0\0\xff\xfe\n\n")
    assert pending_notes(workspace) == [second]


@pytest.mark.parametrize(
    "tail", ["", "\n", "x", "\n---\n### 11:5", "\n---\n### 11:59:00\nhalf a no"]
)
def test_a_note_after_a_torn_log_is_whole_and_its_own(workspace, noon, tail):
    say(workspace, "before")
    path = reader.log_path(workspace, DAY)
    path.write_bytes(path.read_bytes() + tail.encode())
    note = say(workspace, "after")
    assert reader.read_day(workspace, DAY)[-1] == note
    assert path.read_text().startswith("\n---\n### 12:00:00 (typed)\nbefore\n")


def test_a_note_of_which_a_part_stayed_behind_is_written_to_its_end(workspace, noon):
    """The disk neither ended the append nor let it be undone; the note is then given again."""
    first, second = (notes.make_note(f"two\nlines {number}", clock.now()) for number in range(2))
    whole = "".join(map(notes.render_entry, (first, second)))
    path = reader.log_path(workspace, DAY)
    for cut in range(len(notes.ENTRY_HEAD), len(whole) - 1):
        if whole[cut - 1] == "\n" or 0 < cut - whole.rfind("\n---") < len(notes.ENTRY_HEAD):
            continue  # the line is whole, or hardly begun: what stays is then a note of its own
        path.write_text(whole[:cut])
        seen = day_logs.DaySeen()
        day_logs.add_missing(workspace, [first, second], seen)
        assert path.read_text() == whole
        assert day_logs.add_missing(workspace, [first, second], seen) == 0


def test_adding_what_is_there_changes_nothing(workspace, noon):
    wanted = [
        notes.make_note(f"note {number}", clock.now() - timedelta(hours=9 * number), CAPTURED)
        for number in range(6)
    ]
    assert day_logs.add_missing(workspace, wanted[:4]) == 4
    assert day_logs.add_missing(workspace, [*wanted, *wanted]) == 2
    before = {path: path.read_bytes() for path in workspace.sessions.iterdir()}
    assert day_logs.add_missing(workspace, wanted) == 0
    assert {path: path.read_bytes() for path in workspace.sessions.iterdir()} == before
    assert sorted(pending(workspace)) == sorted(note.text for note in wanted)


def test_a_copy_that_a_sync_client_made_of_a_days_log_is_read_as_well(workspace, noon):
    ours = say(workspace, "ours")
    log = reader.log_path(workspace, DAY)
    copies = {
        "2026-11-23-PI.md": "OneDrive",
        "2026-11-23 (1).md": "Google Drive",
        "2026-11-23 2.md": "iCloud",
        "2026-11-23 (Ada's conflicted copy 2026-11-23).md": "Dropbox",
        "2026-11-23.sync-conflict-20261123-120000-ABCDEFG.md": "Syncthing",
    }
    for name, text in copies.items():
        theirs = notes.render_entry(notes.make_note(text, clock.now()))
        log.with_name(name).write_text(log.read_text() + theirs)
    log.with_name("2026-11-22-PI.md").write_text(OLD_TOOL)  # the log itself never came
    assert reader.days(workspace) == [date(2026, 11, 22), DAY]
    assert sorted(pending(workspace)) == sorted(
        ["ours", *copies.values(), "an old note", "another old note"]
    )
    assert day_logs.add_missing(workspace, [ours]) == 0
    ledger.mark_merged(workspace, pending_notes(workspace))
    assert pending_notes(workspace) == []


def test_what_is_no_file_among_the_logs_is_skipped_and_never_opened(workspace, noon):
    note = say(workspace, "kept")
    (workspace.sessions / "2026-11-23 4.md").mkdir()
    os.mkfifo(workspace.sessions / "2026-11-23 5.md")  # opening it would wait for a writer
    (workspace.sessions / "2026-11-23 6.md").symlink_to("/nonexistent")
    assert pending_notes(workspace) == [note]
    assert reader.log_copies(workspace) == []
    again = say(workspace, "and more")
    assert pending_notes(workspace) == [note, again]
    whys = [left.why for left in reader.unreadable_logs(workspace)]
    assert whys == ["a folder", "no regular file", "a link"]


@pytest.mark.parametrize("is_dangling", [True, False])
def test_a_log_that_is_a_link_is_neither_read_nor_written_through(
    workspace, noon, tmp_path, is_dangling
):
    target = tmp_path / "private.txt"
    if not is_dangling:
        target.write_text("SECRET\n")
    workspace.sessions.mkdir(exist_ok=True)
    reader.log_path(workspace, DAY).symlink_to(target)
    assert pending_notes(workspace) == []
    with pytest.raises(FolderAwayError, match="it is a link"):  # who asks for that day is told
        reader.read_day(workspace, DAY)
    with pytest.raises(FolderAwayError, match="it is a link"):
        say(workspace, "for the log")
    assert target.exists() != is_dangling
    assert is_dangling or target.read_text() == "SECRET\n"


def test_a_file_of_a_persons_own_beside_the_log_is_no_note(workspace, noon):
    note = say(workspace, "for the memory")
    diary = workspace.sessions / "2026-11-23-diary.md"
    diary.write_text("my private diary\n")
    assert pending_notes(workspace) == [note]
    assert reader.log_copies(workspace) == []
    (workspace.sessions / "2026-11-22-diary.md").write_text("of another day\n")
    assert reader.days(workspace) == [DAY]


def test_a_copy_that_an_editor_gave_a_byte_order_mark_adds_no_note(workspace, noon):
    note = say(workspace, "said once")
    text = reader.log_path(workspace, DAY).read_text()
    copy = workspace.sessions / "2026-11-23 2.md"
    for lines in (text, text.lstrip("\n")):
        copy.write_bytes(b"\xef\xbb\xbf" + lines.replace("\n", "\r\n").encode())
        assert pending_notes(workspace) == [note]


def test_other_files_among_the_logs_are_none(workspace, noon):
    for name in ("README.md", "2026-13-01.md", "2026-11-23.txt", ".2026-11-23.md.tmp"):
        (workspace.sessions / name).write_text("no note")
    assert reader.days(workspace) == []
    assert reader.read_day(workspace, DAY) == []


def test_a_ledger_that_is_only_in_the_cloud_is_not_a_missing_one(workspace, noon):
    other_machine(workspace, LEDGER_HEAD)
    say(workspace, "yesterday's")
    ledger = workspace.machines / "pi-0001" / "merged.log"
    ledger.rename(ledger.with_name(".merged.log.icloud"))
    noon.shift(timedelta(days=1))
    for act in (lambda: pending_notes(workspace), lambda: say(workspace, "today's")):
        with pytest.raises(FolderAwayError, match="placeholder"):
            act()
    ledger.with_name(".merged.log.icloud").rename(ledger)
    assert pending(workspace) == ["yesterday's"]


def test_a_log_that_is_only_in_the_cloud_gets_no_second_one_beside_it(workspace, noon):
    say(workspace, "in the cloud")
    log = reader.log_path(workspace, DAY)
    stub = log.rename(log.with_name(f".{log.name}.icloud"))
    with pytest.raises(FolderAwayError, match="placeholder"):
        say(workspace, "a second")
    assert names(workspace.sessions) == [stub.name]


@pytest.mark.parametrize("number", DISK_ERRORS, ids=errno.errorcode.get)
@pytest.mark.parametrize("already", ["", "a note from before"])
def test_a_disk_that_fails_at_any_step_leaves_the_log_as_it_was(
    workspace, noon, monkeypatch, number, already
):
    log = reader.log_path(workspace, DAY)
    if already:
        say(workspace, already)
    before = log.read_bytes() if already else b""

    def as_before():
        log.write_bytes(before) if already else log.unlink(missing_ok=True)

    refused = 0
    for raised in failing_runs(monkeypatch, number, as_before, lambda: say(workspace, "new")):
        if raised is None:  # a folder could not be made that is there
            assert pending(workspace) == [*filter(None, [already]), "new"]
            continue
        refused += 1
        assert isinstance(raised, MemsyncError)
        assert isinstance(raised, FolderAwayError) or "the lock" in raised.message
        assert os.strerror(number) in raised.message
        assert (log.read_bytes() if log.exists() else b"") == before
    assert refused >= 4
    assert pending(workspace) == [*filter(None, [already]), "new"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
def test_a_ledger_that_cannot_be_written_leaves_the_notes_pending(
    workspace, noon, monkeypatch, number
):
    note = say(workspace, "said")
    merged_log = next(workspace.machines.glob("*/merged.log"))
    before = merged_log.read_bytes()
    for raised in failing_runs(
        monkeypatch,
        number,
        lambda: merged_log.write_bytes(before),
        lambda: ledger.mark_merged(workspace, [note]),
    ):
        if raised is not None:
            assert isinstance(raised, MemsyncError)
            assert "once more" in raised.hint
            assert pending_notes(workspace) == [note]
    assert pending_notes(workspace) == []


@pytest.fixture
def slow_disk(monkeypatch):
    real = os.open

    def slow_open(*args, **kwargs):
        time.sleep(0.005)
        return real(*args, **kwargs)

    monkeypatch.setattr(os, "open", slow_open)


def test_eight_that_bring_the_same_note_at_once_write_it_once(workspace, noon, slow_disk):
    start = Barrier(8)

    def bring(number):
        start.wait()
        return day_logs.add_missing(workspace, [notes.make_note(f"note {number}", clock.now())])

    with ThreadPoolExecutor(8) as pool:
        for number in range(4):
            assert sum(pool.map(bring, [number] * 8)) == 1
    assert pending(workspace) == [f"note {number}" for number in range(4)]


WRITER = """
import sys
from memsync import clock, config
from memsync.notes import log
from memsync.text.note import make_note
from memsync.config.workspace import Workspace
workspace = Workspace.open(config.load())
for number in range(50):
    log.append(workspace, make_note(f"{sys.argv[1]} says {number}", clock.now()))
"""


def test_eight_processes_that_note_at_once_lose_and_double_nothing(workspace):
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(n)]) for n in range(8)]
    assert [writer.wait(120) for writer in writers] == [0] * 8
    said = [note.text for day in reader.days(workspace) for note in reader.read_day(workspace, day)]
    assert sorted(said) == sorted(f"{n} says {number}" for n in range(8) for number in range(50))
    assert sorted(pending(Workspace.open(config.load()))) == sorted(said)


def test_where_another_machine_has_been_its_ledger_may_be_on_its_way(workspace):
    """A sync client brings files in any order: a note must not count as merged for that."""
    (workspace.machines / "desktop-0001").mkdir(parents=True)
    workspace.sessions.mkdir(exist_ok=True)
    note = notes.make_note("said on the other machine", clock.now() - timedelta(days=2))
    reader.log_path(workspace, note.day).write_text(notes.render_entry(note))
    ledger.open_ledger(workspace)
    assert pending_notes(workspace) == [note]
