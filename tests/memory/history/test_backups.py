"""Every text the memory ever had keeps a name of its own, and the last good one is never pruned."""

import errno
import itertools
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from memsync.errors import RefusedError, WrongUsageError
from memsync.memory.history import backups
from tests.files.test_atomic import names
from tests.support.faults import refuse_to_open

NOON = "2026-11-23T12:00:00+00:00"
DAMAGED = [b"", b" \n", b"\0" * 9, b"\xff\xfe", b"\xef\xbb\xbf\n"]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "backups").mkdir()
    return tmp_path / "backups"


@pytest.fixture
def memory(tmp_path):
    path = tmp_path / "GLOBAL_MEMORY.md"
    path.write_bytes(b"# Memory\r\nas it was")
    return path


def made(folder, *stamps, text="# Memory\n"):
    for stamp in stamps:
        (folder / f"GLOBAL_MEMORY_{stamp}.md").write_text(text)


def listed(folder):
    return [
        entry.path.stem.removeprefix("GLOBAL_MEMORY_") for entry in backups.list_backups(folder)
    ]


def test_a_link_among_the_backups_is_no_text_that_a_merge_may_use(memory, folder):
    made(folder, "20261123_120000", text="# Memory\n- a backup\n")
    (folder / "GLOBAL_MEMORY_20261123_120001.md").symlink_to(memory)
    assert [path.name for path in backups.texts_by_digest(folder).values()] == [
        "GLOBAL_MEMORY_20261123_120000.md"
    ]


@time_machine.travel(NOON, tick=False)
def test_backups_of_one_second_are_told_apart_and_in_order(memory, folder):
    kept = [backups.backup(memory.read_bytes(), folder) for _ in range(3)]
    assert [path.name for path in kept] == [
        "GLOBAL_MEMORY_20261123_120000.md",
        "GLOBAL_MEMORY_20261123_120000_2.md",
        "GLOBAL_MEMORY_20261123_120000_3.md",
    ]
    assert {path.read_bytes() for path in kept} == {b"# Memory\r\nas it was"}
    assert listed(folder) == ["20261123_120000_3", "20261123_120000_2", "20261123_120000"]


@time_machine.travel(NOON, tick=False)
def test_a_thousand_backups_in_one_second_are_a_thousand_contents(memory, folder, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)  # a thousand would take a while
    for number in range(1000):
        memory.write_text(f"version {number}")
        backups.backup(memory.read_bytes(), folder)
    contents = [entry.path.read_text() for entry in backups.list_backups(folder)]
    assert contents == [f"version {number}" for number in reversed(range(1000))]


def test_the_folder_is_made_but_not_the_memory_root(memory, tmp_path):
    assert backups.backup(memory.read_bytes(), tmp_path / "new").exists()
    with pytest.raises(FileNotFoundError):
        backups.backup(memory.read_bytes(), tmp_path / "unmounted" / "backups")
    assert not (tmp_path / "unmounted").exists()


@pytest.mark.skipif(os.name == "nt", reason="no pipes, and links take a privilege")
def test_what_is_no_regular_file_is_no_backup(memory, folder):
    """A link named like one would be restored: any file of this machine, to all agents."""
    made(folder, "20261123_120000")
    secret = memory.with_name("secret")
    secret.write_text("of mine")
    (folder / "GLOBAL_MEMORY_20261123_120001.md").symlink_to(secret)
    (folder / "GLOBAL_MEMORY_20261123_120002.md").mkdir()
    os.mkfifo(folder / "GLOBAL_MEMORY_20261123_120003.md")
    assert listed(folder) == ["20261123_120000"]
    with pytest.raises(WrongUsageError, match="there is no backup"):
        backups.find_backup(folder, "20261123_120001")


def test_other_files_in_the_folder_are_no_backups(folder):
    made(folder, "20261122_090000", "20261123_090000_12", "20261123_090000_2")
    made(folder, "20261399_990000", "2026", "20261123_090000_x", "20261123_090000 (1)")
    made(folder, "99991231_235959", "00010101_000000")
    (folder / "notes.md").touch()
    (folder / "GLOBAL_MEMORY.md").touch()
    found = [name for name in listed(folder) if not name.startswith(("9999", "0001"))]
    assert found == ["20261123_090000_12", "20261123_090000_2", "20261122_090000"]
    assert backups.list_backups(folder / "missing") == []


@pytest.mark.parametrize(
    "name", ["GLOBAL_MEMORY_20261122_090000.md", "GLOBAL_MEMORY_20261122_090000", "20261122_090000"]
)
def test_a_backup_is_found_by_its_name_in_full_or_short(name, folder):
    made(folder, "20261122_090000", "20261122_090000_2")
    assert backups.find_backup(folder, name).path.name == "GLOBAL_MEMORY_20261122_090000.md"


def test_a_path_is_never_taken_for_a_backup(folder):
    made(folder, "20261122_090000")
    real = "GLOBAL_MEMORY_20261122_090000.md"
    made(folder.parent, "20261121_090000")
    paths = [
        "../GLOBAL_MEMORY_20261121_090000.md",
        f"../backups/{real}",
        f"./{real}",
        str(folder / real),
        "..",
        ".",
        "",
        "/etc/passwd",
        f"{real}\0",
        "\0",
        f"{real}/",
        "*",
        f"C:\\{real}",
        f"{real}:stream",
        real.lower(),
    ]
    for path in paths:
        with pytest.raises(WrongUsageError) as raised:
            backups.find_backup(folder, path)
        assert raised.value.exit_code == 2
        assert "memsync log" in raised.value.hint


@time_machine.travel(NOON, tick=False)
def test_pruning_removes_what_is_older_than_it_may_be(folder):
    made(folder, "20261024_115959", "20261024_120000", "20261122_090000", "20251123_000000_2")
    (folder / "notes.md").touch()
    outdated = [entry.path.name for entry in backups.expired(folder, 30)]
    removed = [path.name for path in backups.prune_backups(folder, 30)]
    assert removed == outdated
    assert removed == ["GLOBAL_MEMORY_20261024_115959.md", "GLOBAL_MEMORY_20251123_000000_2.md"]
    assert listed(folder) == ["20261122_090000", "20261024_120000"]
    assert (folder / "notes.md").exists()
    assert backups.prune_backups(folder, 30) == []


@time_machine.travel(NOON, tick=False)
def test_the_newest_good_backup_is_kept_however_old_it_is(folder):
    made(folder, "20200101_000000", "20200102_000000")
    for number, damaged in enumerate(DAMAGED, start=1):
        (folder / f"GLOBAL_MEMORY_2020010{number + 2}_000000.md").write_bytes(damaged)
    assert backups.newest_good(folder).path.name == "GLOBAL_MEMORY_20200102_000000.md"
    backups.prune_backups(folder, 1)
    assert names(folder) == ["GLOBAL_MEMORY_20200102_000000.md"]


@pytest.mark.parametrize("moment", ["1970-01-01T00:00:30", "2016-06-01T00:00:00", "2099-01-01"])
def test_a_clock_that_cannot_be_right_prunes_nothing_and_says_so(folder, moment):
    made(folder, "20261024_120000", "20261122_090000", "20261123_090000")
    with time_machine.travel(f"{moment[:10]}T00:00:30+00:00", tick=False):
        for days in (1, 36500):
            with pytest.raises(RefusedError, match=r"no backup was removed: the clock says") as no:
                backups.prune_backups(folder, days)
            assert "set the clock" in no.value.hint
    assert len(names(folder)) == 3


def test_what_a_clock_that_leapt_made_itself_does_not_prove_it_right(memory, folder):
    made(folder, "20261024_120000", "20261122_090000", "20261123_090000")
    with time_machine.travel("2099-01-01T00:00:00+00:00", tick=False):
        backups.backup(memory.read_bytes(), folder)
        with pytest.raises(RefusedError):
            backups.prune_backups(folder, 30)
    with time_machine.travel(NOON, tick=False), pytest.raises(RefusedError, match="2099-01-01"):
        backups.prune_backups(folder, 30)
    assert len(names(folder)) == 4


@time_machine.travel(NOON, tick=False)
def test_a_backup_of_a_machine_east_of_here_casts_no_doubt(folder):
    made(folder, "20261124_020000", "20261001_090000")  # Auckland
    assert len(backups.prune_backups(folder, 30)) == 1


def test_four_months_leave_a_day_whole_two_weeks_by_day_and_then_weeks(folder):
    monday_noon = datetime(2026, 11, 23, 12, tzinfo=UTC)
    for hours in range(0, 24 * 120, 6):
        stamp = (monday_noon - timedelta(hours=hours)).astimezone()
        made(folder, f"{stamp:%Y%m%d_%H%M%S}")
    with time_machine.travel(monday_noon, tick=False):
        backups.prune_backups(folder, 90)
        left = [monday_noon - entry.moment for entry in backups.list_backups(folder)]
    day = timedelta(days=1)
    assert len([age for age in left if age < day]) == 4
    assert len([age for age in left if day <= age <= 14 * day]) in {13, 14}
    weekly = [age for age in left if age > 14 * day]
    assert len(weekly) in {11, 12}
    assert {(b - a).days for a, b in itertools.pairwise(weekly)} == {7}
    assert max(weekly) <= 90 * day


def test_eight_processes_that_back_up_at_once_keep_every_text(tmp_path, folder):
    """Each text has a name of its own, whoever else is busy within the same second."""
    script = (
        "import sys; from pathlib import Path; from memsync.memory.history import backups\n"
        "path, folder = Path(sys.argv[1]), Path(sys.argv[2])\n"
        "for n in range(25):\n"
        "    path.write_text(f'{path.name} {n}'); backups.backup(path.read_bytes(), folder)\n"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", script, tmp_path / f"memory{n}", folder])
        for n in range(8)
    ]
    assert [writer.wait() for writer in writers] == [0] * 8
    kept = sorted(entry.path.read_text() for entry in backups.list_backups(folder))
    assert kept == sorted(f"memory{writer} {n}" for writer in range(8) for n in range(25))
    assert len(names(folder)) == 200


def test_a_backup_that_cannot_be_read_just_now_is_not_let_go(memory, folder, monkeypatch):
    for day in (1, 2):
        with time_machine.travel(f"2026-11-{day:02}T12:00:00+00:00"):
            kept = backups.backup(memory.read_bytes(), folder)
    with time_machine.travel("2026-11-20T12:00:00+00:00"), monkeypatch.context() as patch:
        refuse_to_open(patch, lambda path: path == kept, errno.EIO)
        with pytest.raises(OSError, match="Input/output error"):
            backups.prune_backups(folder, 1)
    assert len(list(folder.iterdir())) == 2
