"""The mirror: what it copies, what it keeps, and when it refuses."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memsync.config.sync_folder import folder_at, trust_link
from memsync.errors import DamagedMemoryError, FolderAwayError, MemsyncError, RefusedError
from memsync.memory.mirror.contents import MARK
from memsync.memory.mirror.report import MirrorReport, Rules
from memsync.memory.mirror.run import mirror
from tests.support.faults import refuse_to_open
from tests.support.scale import examples

NOON = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
MEMORY = "<!-- memsync v1 -->\n# Me\n"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    root = tmp_path / "cloud" / ".claude-memory"
    write(root, "GLOBAL_MEMORY.md", MEMORY)
    write(root, "sessions/2026-11-22.md", "a note\n")
    write(root, "backups/GLOBAL_MEMORY_20261101_000000.md", "older\n")
    return root


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return tmp_path / "mirror"


def write(root: Path, name: str, text: str) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, newline="")
    return path


def contents(root: Path, *, versions: bool = False) -> dict[str, str]:
    """Every file below `root`, either the present ones or the versions."""
    found = {
        path.relative_to(root).as_posix(): path.read_text()
        for path in root.rglob("*")
        if path.is_file()
    }
    found.pop(MARK, None)
    return {name: text for name, text in found.items() if name.startswith(".versions/") == versions}


def snapshot(root: Path) -> dict[str, tuple[str, int]]:
    return {
        str(path): (path.read_text(), path.stat().st_mtime_ns)
        for path in root.rglob("*")
        if path.is_file()
    }


def run(source: Path, copy: Path, *, days: float = 0, **rules) -> MirrorReport:
    """Run the mirror some days from noon, in a memory folder in which something just changed."""
    now = NOON + timedelta(days=days)
    if (source / "GLOBAL_MEMORY.md").is_file():
        os.utime(source / "GLOBAL_MEMORY.md", (now.timestamp(), now.timestamp()))
    return mirror(source, copy, Rules(**rules), now)


# What is copied


def test_the_first_run_copies_everything_with_time_and_mode(source, copy):
    memory = source / "GLOBAL_MEMORY.md"
    memory.chmod(0o640)
    report = run(source, copy)
    assert contents(copy) == contents(source)
    assert report.copied == 3
    assert report.sentence == "3 files copied"
    twin = (copy / "GLOBAL_MEMORY.md").stat()
    assert twin.st_mtime_ns == memory.stat().st_mtime_ns
    assert twin.st_mode == memory.stat().st_mode


def test_a_new_mirror_is_for_its_owner_only(source, copy):
    run(source, copy)
    assert copy.stat().st_mode & 0o777 == 0o700


def test_a_second_run_writes_nothing(source, copy):
    run(source, copy)
    inodes = {path: path.stat().st_ino for path in copy.rglob("*")}
    report = run(source, copy)
    assert report == MirrorReport(unchanged=3)
    assert report.sentence == "nothing changed"
    assert {path: path.stat().st_ino for path in copy.rglob("*")} == inodes


def test_a_changed_file_is_copied_and_its_old_content_kept(source, copy):
    run(source, copy)
    write(source, "sessions/2026-11-22.md", "a note\nand another\n")
    report = run(source, copy)
    assert contents(copy) == contents(source)
    assert contents(copy, versions=True) == {
        ".versions/sessions/2026-11-22.md.20261123_120000": "a note\n"
    }
    assert report.sentence == "1 file copied, 1 old version kept"


def test_two_replacements_within_a_second_are_both_kept(source, copy):
    for text in ("first", "second one", "the third one"):
        write(source, "note.md", text)
        run(source, copy)
    assert contents(copy, versions=True) == {
        ".versions/note.md.20261123_120000": "first",
        ".versions/note.md.20261123_120000_2": "second one",
    }


def test_a_deleted_file_is_kept_as_a_version_and_its_empty_folder_goes(source, copy):
    run(source, copy)
    (source / "sessions/2026-11-22.md").unlink()
    (source / "sessions").rmdir()
    report = run(source, copy)
    assert not (copy / "sessions").exists()
    assert report.kept_versions == 1
    assert "a note\n" in contents(copy, versions=True).values()


def test_a_file_that_was_only_touched_makes_no_version(source, copy):
    run(source, copy)
    os.utime(source / "sessions/2026-11-22.md", ns=(1, 1))
    assert run(source, copy) == MirrorReport(unchanged=3)
    assert (copy / "sessions/2026-11-22.md").stat().st_mtime_ns == 1


def test_a_file_that_became_a_folder_and_back_is_mirrored(source, copy):
    write(source, "thing", "a file")
    run(source, copy)
    (source / "thing").unlink()
    write(source, "thing/inside", "in a folder")
    run(source, copy)
    assert contents(copy) == contents(source)
    (source / "thing/inside").unlink()
    (source / "thing").rmdir()
    write(source, "thing", "a file again")
    run(source, copy)
    assert contents(copy) == contents(source)
    assert {"a file", "in a folder"} <= set(contents(copy, versions=True).values())


def test_more_files_than_are_synced_one_by_one_are_copied_whole(source, copy):
    for number in range(200):
        write(source, f"sessions/{number}.md", f"note {number}")
    run(source, copy)
    assert contents(copy) == contents(source)


def test_a_name_of_250_bytes_is_copied(source, copy):
    write(source, "n" * 250, "long")
    run(source, copy)
    assert contents(copy) == contents(source)


@pytest.mark.parametrize("length", [233, 250, 255])
def test_what_had_a_long_name_is_kept_as_a_version_too(source, copy, length):
    """A version's name has the moment behind the file's, for which there is no room left."""
    for text in ("one", "two", "three"):
        write(source, "n" * length, text)
        run(source, copy)
    (source / ("n" * length)).unlink()
    run(source, copy)
    assert contents(copy) == contents(source)
    assert sorted(contents(copy, versions=True).values()) == ["one", "three", "two"]
    assert run(source, copy, days=31, keep_days=30).pruned == 3


# What is left out


def test_links_in_the_source_are_skipped_and_not_followed(source, copy, tmp_path):
    secret = write(tmp_path, "secret", "not yours")
    (source / "link").symlink_to(secret)
    (source / "folder").symlink_to(tmp_path)
    report = run(source, copy)
    assert "not yours" not in contents(copy).values()
    assert not (copy / "link").is_symlink()
    assert report.skipped == 2


def test_a_memory_that_is_a_link_is_mirrored_as_the_text_it_leads_to(source, copy, tmp_path):
    run(source, copy)
    elsewhere = tmp_path / "dotfiles"
    elsewhere.mkdir()
    real = (source / "GLOBAL_MEMORY.md").rename(elsewhere / "memory.md")
    (source / "GLOBAL_MEMORY.md").symlink_to(real)
    trust_link(source, "GLOBAL_MEMORY.md")
    assert run(source, copy) == MirrorReport(unchanged=3)
    real.write_text("a longer text than there was\n")
    assert run(source, copy) == MirrorReport(copied=1, kept_versions=1, unchanged=2)
    assert not (copy / "GLOBAL_MEMORY.md").is_symlink()
    assert contents(copy)["GLOBAL_MEMORY.md"] == "a longer text than there was\n"
    (copy / "GLOBAL_MEMORY.md").write_bytes(b"\0" * real.stat().st_size)
    os.utime(copy / "GLOBAL_MEMORY.md", ns=(real.stat().st_mtime_ns,) * 2)
    report = run(source, copy, verify=True)
    assert [found.where for found in report.findings] == ["mirror"]
    assert contents(copy)["GLOBAL_MEMORY.md"] == "a longer text than there was\n"


def test_the_last_copy_of_what_became_a_link_stays(source, copy, tmp_path):
    run(source, copy)
    (source / "sessions").rename(tmp_path / "elsewhere")
    (source / "sessions").symlink_to(tmp_path / "elsewhere")
    assert run(source, copy).kept_versions == 0
    assert contents(copy)["sessions/2026-11-22.md"] == "a note\n"


def test_temp_files_and_a_versions_folder_of_the_source_are_left_out(source, copy):
    before = contents(source)
    write(source, ".GLOBAL_MEMORY.md.memsync-1-abcd.tmp", "half")
    write(source, "sessions/download.tmp", "half")
    write(source, ".versions/x.20200101_000000", "a mirror mirrored")
    run(source, copy)
    assert contents(copy) == before
    assert contents(copy, versions=True) == {}


def test_an_evicted_file_is_not_taken_for_deleted(source, copy):
    run(source, copy)
    (source / "sessions/2026-11-22.md").unlink()
    write(source, "sessions/.2026-11-22.md.icloud", "a stub")
    report = run(source, copy)
    assert report == MirrorReport(unchanged=2, skipped=1)
    assert contents(copy)["sessions/2026-11-22.md"] == "a note\n"


def test_a_placeholder_without_blocks_does_not_replace_the_copy(source, copy):
    run(source, copy)
    path = source / "sessions/2026-11-22.md"
    for size in (7, 4096):  # as long as before, then longer
        path.write_bytes(b"")
        os.truncate(path, size)
        if path.stat().st_blocks:
            pytest.skip("this file system gives blocks to a hole")
        report = run(source, copy, verify=True)
        assert (report.copied, report.skipped) == (0, 1)
        assert contents(copy)["sessions/2026-11-22.md"] == "a note\n"


# The brake


@pytest.mark.parametrize("damage", [b"", b"\0" * 4096, b" \n\n", b"\xff\xfe\x00"])
def test_a_damaged_memory_is_an_error_and_touches_nothing(source, copy, damage):
    run(source, copy)
    before = snapshot(copy)
    (source / "GLOBAL_MEMORY.md").write_bytes(damage)
    write(source, "sessions/2026-11-22.md", "changed as well")
    with pytest.raises(DamagedMemoryError) as caught:
        run(source, copy, days=400)
    assert "memsync restore" in caught.value.hint
    assert snapshot(copy) == before


def test_a_missing_memory_or_a_folder_in_its_place_is_an_error(source, copy):
    (source / "GLOBAL_MEMORY.md").unlink()
    with pytest.raises(DamagedMemoryError):
        run(source, copy)
    (source / "GLOBAL_MEMORY.md").mkdir()
    with pytest.raises(DamagedMemoryError, match="is a folder"):
        run(source, copy)
    (source / "GLOBAL_MEMORY.md").rmdir()
    os.mkfifo(source / "GLOBAL_MEMORY.md")
    with pytest.raises(DamagedMemoryError, match="no regular file; the mirror was left as it is"):
        run(source, copy)
    (source / "GLOBAL_MEMORY.md").unlink()
    (source / "GLOBAL_MEMORY.md").symlink_to("nowhere")
    with pytest.raises(DamagedMemoryError, match="is a link"):
        run(source, copy)
    assert not copy.exists()


def test_an_emptied_source_is_away_and_touches_nothing(source, copy, tmp_path):
    run(source, copy)
    before = snapshot(copy)
    source.rename(tmp_path / "unmounted")
    with pytest.raises(FolderAwayError, match="cannot be read"):
        run(source, copy, days=400)
    source.mkdir()
    with pytest.raises(FolderAwayError, match="is empty") as caught:
        run(source, copy, days=400)
    assert caught.value.exit_code == 4
    assert snapshot(copy) == before


def test_a_mount_that_lost_its_connection_is_away(source, copy, monkeypatch):
    run(source, copy)
    before = snapshot(copy)
    real = os.open

    def disconnected(path, *args, **kwargs):
        if str(path).startswith(str(source)):
            raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN), str(path))
        return real(path, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", disconnected)
        with pytest.raises(FolderAwayError, match="not connected"):
            run(source, copy)
    assert snapshot(copy) == before


def test_nine_deleted_files_of_twelve_are_no_alarm(source, copy):
    for number in range(9):
        write(source, f"sessions/{number}.md", f"note {number}")
    run(source, copy)
    for number in range(9):
        (source / f"sessions/{number}.md").unlink()
    assert run(source, copy).kept_versions == 9


def test_a_mirror_in_the_source_is_refused_as_is_the_reverse(source, tmp_path):
    os.utime(source / "GLOBAL_MEMORY.md", (NOON.timestamp(), NOON.timestamp()))
    folder_at(source)  # what it remembers of the source stands in the home
    before = snapshot(tmp_path)
    (tmp_path / "side-door").symlink_to(source)
    for place in (
        source,
        source / "mirror",
        source.parent,
        tmp_path,
        tmp_path / "side-door" / "deep" / "er",
    ):
        with pytest.raises(RefusedError, match="one in the other"):
            run(source, place)
    assert snapshot(tmp_path) == before


def test_a_neighbour_with_a_longer_name_is_no_nesting(source):
    run(source, source.with_name(source.name + "-mirror"))


# Links in the mirror


def test_links_in_the_mirror_are_not_written_through(source, copy, tmp_path):
    outside = tmp_path / "outside"
    precious = write(outside, "2026-11-22.md", "precious")
    copy.mkdir()
    (copy / "sessions").symlink_to(outside)
    (copy / "GLOBAL_MEMORY.md").symlink_to(precious)
    run(source, copy)
    assert contents(outside) == {"2026-11-22.md": "precious"}
    assert not (copy / "sessions").is_symlink()
    assert {path.name: path.read_text() for path in (copy / "sessions").iterdir()} == {
        "2026-11-22.md": "a note\n"
    }
    assert not (copy / "GLOBAL_MEMORY.md").is_symlink()


def test_a_linked_versions_folder_is_neither_filled_nor_pruned(source, copy, tmp_path):
    run(source, copy)
    old = write(tmp_path / "outside", "x.20200101_000000", "old")
    (copy / ".versions").symlink_to(old.parent)
    write(source, "sessions/2026-11-22.md", "a longer note\n")
    with pytest.raises(MemsyncError, match="stands where a folder belongs"):
        run(source, copy)
    assert contents(old.parent) == {"x.20200101_000000": "old"}
    assert contents(copy)["sessions/2026-11-22.md"] == "a note\n"


# Pruning


def test_versions_are_pruned_by_the_time_in_their_name(source, copy):
    write(source, "machines/pi/usage.jsonl", "a line\n")
    run(source, copy)
    (source / "machines/pi/usage.jsonl").unlink()
    run(source, copy)
    (version,) = (copy / ".versions/machines/pi").iterdir()
    os.utime(version, ns=(0, 0))
    assert run(source, copy, days=30).pruned == 0
    report = run(source, copy, days=31)
    assert report.sentence == "nothing changed, 1 old version pruned"
    assert not (copy / ".versions/machines/pi").exists()


def test_the_longest_version_of_a_log_that_is_gone_or_shorter_is_never_pruned(source, copy):
    log = write(source, "sessions/2026-11-21.md", "one\ntwo\nthree\n")
    run(source, copy)
    write(source, "sessions/2026-11-21.md", "\n")  # cut off by a power cut, say
    run(source, copy, days=1)
    log.unlink()
    run(source, copy, days=2)
    assert run(source, copy, days=4000).pruned == 1
    assert list(contents(copy, versions=True).values()) == ["one\ntwo\nthree\n"]
    write(source, "sessions/2026-11-21.md", "one\ntwo\nthree\nfour\n")
    run(source, copy, days=4001)
    assert run(source, copy, days=4002).pruned == 1, "the log has it again"


def test_a_clock_that_leapt_ahead_prunes_no_version(source, copy):
    write(source, "machines/pi/usage.jsonl", "a line\n")
    run(source, copy)
    (source / "machines/pi/usage.jsonl").unlink()
    run(source, copy)
    for days in (35, 4000, 365_000):
        assert mirror(source, copy, Rules(), NOON + timedelta(days=days)).pruned == 0
    assert run(source, copy, days=35).pruned == 1


def test_the_newest_version_of_the_memory_is_never_pruned(source, copy):
    for text in ("one", "number two", "number three"):
        write(source, "GLOBAL_MEMORY.md", text)
        run(source, copy)
    assert run(source, copy, days=4000).pruned == 1
    assert list(contents(copy, versions=True).values()) == ["number two"]


def test_versions_from_the_future_and_strangers_stay(source, copy):
    run(source, copy)
    write(copy, ".versions/a.md.20991231_235959", "a wrong clock made me")
    write(copy, ".versions/readme.txt", "somebody put me here")
    write(copy, ".versions/a.md.20200101_000000_12", "old")
    assert run(source, copy).pruned == 1
    assert sorted(contents(copy, versions=True)) == [
        ".versions/a.md.20991231_235959",
        ".versions/readme.txt",
    ]


def test_nothing_kept_in_this_run_is_pruned_in_it_even_with_no_days(source, copy):
    run(source, copy)
    (source / "sessions/2026-11-22.md").unlink()
    assert run(source, copy, keep_days=0).kept_versions == 1
    assert "a note\n" in contents(copy, versions=True).values()


# Faults


def test_one_unreadable_file_is_named_and_the_rest_is_mirrored(source, copy, monkeypatch):
    write(source, "sessions/locked.md", "mine")
    fail_open(monkeypatch, "locked.md")
    with pytest.raises(MemsyncError, match=r"'sessions/locked.md' \(Permission denied\)") as caught:
        run(source, copy)
    assert caught.value.exit_code == 1
    expected = contents(source)
    del expected["sessions/locked.md"]
    assert contents(copy) == expected


def test_an_unreadable_folder_is_not_taken_for_deleted(source, copy, monkeypatch):
    run(source, copy)
    write(source, "new.md", "new")
    fail_open(monkeypatch, "sessions", below=source)
    with pytest.raises(MemsyncError, match="'sessions'"):
        run(source, copy)
    assert contents(copy)["sessions/2026-11-22.md"] == "a note\n"
    assert contents(copy)["new.md"] == "new"


def test_an_unreadable_folder_in_the_mirror_stops_the_run(source, copy, monkeypatch):
    run(source, copy)
    before = snapshot(copy)
    write(source, "new.md", "new")
    with monkeypatch.context() as patch:
        fail_open(patch, "sessions", below=copy)
        with pytest.raises(MemsyncError, match=r"the mirror .* cannot be read"):
            run(source, copy)
    assert snapshot(copy) == before


def fail_open(monkeypatch, name: str, below: Path | None = None) -> None:
    refuse_to_open(
        monkeypatch,
        lambda path: path.name == name and (below is None or below in path.parents),
        errno.EACCES,
    )


@pytest.mark.parametrize("at", ["write", "fsync", "replace"])
def test_a_full_disk_leaves_no_torn_file(source, copy, monkeypatch, at):
    run(source, copy)
    before = contents(copy)
    write(source, "GLOBAL_MEMORY.md", MEMORY + "much more\n" * 5000)
    with monkeypatch.context() as patch:
        fill_disk(patch, at)
        with pytest.raises(MemsyncError, match="No space left") as caught:
            run(source, copy)
    assert "room" in caught.value.hint
    assert contents(copy) == before
    run(source, copy)
    assert contents(copy) == contents(source)


def fill_disk(patch, at: str) -> None:
    """Let the disk be full half-way through a copy, at its sync, or at the rename."""
    real_write = os.write

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def half(descriptor, data):
        if len(data) > 10_000:
            return real_write(descriptor, data[:10_000])
        return full()

    if at == "write":
        patch.setattr(os, "copy_file_range", full, raising=False)
        patch.setattr(os, "write", half)
    else:
        patch.setattr(os, at, full)


def test_a_kernel_without_copy_file_range_copies_all_the_same(source, copy, monkeypatch):
    monkeypatch.delattr(os, "copy_file_range", raising=False)
    write(source, "usage.jsonl", "x" * 3_000_000)
    run(source, copy)
    assert contents(copy) == contents(source)


def test_a_stick_that_knows_no_modes_takes_the_copies(source, copy, monkeypatch):
    def no_modes(*_args, **_more):
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "chmod", no_modes)
    run(source, copy)
    assert contents(copy) == contents(source)


def test_a_mirror_without_hard_links_keeps_versions_too(source, copy, monkeypatch):
    def no_links(*_args, **_more):
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", no_links)
    run(source, copy)
    write(source, "GLOBAL_MEMORY.md", "a new life\n")
    assert run(source, copy).kept_versions == 1
    assert list(contents(copy, versions=True).values()) == [MEMORY]
    assert contents(copy) == contents(source)


def test_what_a_killed_run_left_over_is_swept(source, copy):
    run(source, copy)
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    stray = write(copy, f"sessions/.2026-11-23.md.memsync-{gone.pid}-abcd.tmp", "half a no")
    run(source, copy)
    assert not stray.exists()


DIES_AT_A_STEP = """
import os, sys
from datetime import UTC, datetime
from pathlib import Path
from memsync.memory.mirror.run import mirror
from memsync.memory.mirror.report import Rules

left = int(sys.argv[3])

def dying(real):
    def step(*args, **kwargs):
        global left
        if left == 0:
            os._exit(9)
        left -= 1
        return real(*args, **kwargs)
    return step

for name in ("replace", "link", "rename", "fsync", "utime", "chmod", "mkdir", "rmdir"):
    setattr(os, name, dying(getattr(os, name)))
mirror(Path(sys.argv[1]), Path(sys.argv[2]), Rules(), datetime(2026, 11, 23, 12, tzinfo=UTC))
"""


def test_a_run_killed_between_any_two_steps_is_made_good_by_the_next(source, copy):
    """It dies as by kill -9, just before its n-th change of the mirror, until it lives."""
    for step in range(100):
        write(source, "GLOBAL_MEMORY.md", f"life number {step:03}\n" * (step + 1))
        write(source, f"sessions/{step}.md", f"new {step}")
        (source / f"sessions/{step - 1}.md").unlink(missing_ok=True)
        before = everything_in(copy)
        died = subprocess.run(
            [sys.executable, "-c", DIES_AT_A_STEP, source, copy, str(step)], check=False
        )
        after = everything_in(copy)
        assert before <= after <= before | set(contents(source).values())
        assert (copy / "GLOBAL_MEMORY.md").exists() or not before
        run(source, copy)
        assert contents(copy) == contents(source)
        if died.returncode == 0:
            break
        assert died.returncode == 9
    assert step > 10


def everything_in(copy: Path) -> set[str]:
    found = contents(copy) | contents(copy, versions=True)
    return {text for name, text in found.items() if not name.endswith(".tmp")}


# Any history


NAMES = ("a.md", "sessions/b.md", "sessions/c.md", "deep/er/d.md", "deep/er")
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.sampled_from(NAMES), st.text("xy", max_size=3)),
        st.tuples(st.just("delete"), st.sampled_from(NAMES), st.just("")),
        st.tuples(st.just("mirror"), st.just(""), st.just("")),
    ),
    max_size=30,
)


@given(steps=STEPS)
@settings(max_examples=examples(150), deadline=None)
def test_the_mirror_equals_the_source_and_whatever_it_ever_held_is_found(steps):
    with tempfile.TemporaryDirectory() as folder:
        source, copy = Path(folder, "source"), Path(folder, "mirror")
        write(source, "GLOBAL_MEMORY.md", MEMORY)
        ever: set[tuple[str, str]] = set()
        for number, (what, name, text) in enumerate([*steps, ("mirror", "", "")]):
            if what == "mirror":
                run(source, copy, days=number / 2)
                assert contents(copy) == contents(source)
                ever.update(contents(source).items())
                assert ever <= findable(copy)
            else:
                change(source, name, text if what == "write" else None, number)


def change(source: Path, name: str, text: str | None, number: int) -> None:
    path = source / name
    if path.is_dir():  # "deep/er" is now a file, now a folder
        for inside in path.iterdir():
            inside.unlink()
        path.rmdir()
    if path.parent.is_file():
        path.parent.unlink()
    if text is None:
        path.unlink(missing_ok=True)
    else:
        write(source, name, text)
        os.utime(path, ns=(number, number))  # the clock of files ticks too slowly for a test


def findable(copy: Path) -> set[tuple[str, str]]:
    """Name and content of all that the mirror holds, now or as a version."""
    found = set(contents(copy).items())
    for name, text in contents(copy, versions=True).items():
        found.add((name.removeprefix(".versions/").rpartition(".")[0], text))
    return found
