"""The mirror's brake, its mark, and reading it in full: when what size and time say is not enough."""

from __future__ import annotations

import errno
import json
import os
import random
import shutil
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine

from memsync import clock
from memsync import config as settings
from memsync.config import writer
from memsync.config.state import state_folder
from memsync.daemon import job_history
from memsync.daemon.scheduler import job_backup_mirror
from memsync.errors import DamagedMemoryError, FolderAwayError, MemsyncError, RefusedError
from memsync.memory import store
from memsync.memory.history.backups import backup
from memsync.memory.mirror import disk
from memsync.memory.mirror import mark as mirror_mark
from memsync.memory.mirror.contents import MARK, choose_memory
from memsync.memory.mirror.report import MirrorReport
from memsync.memory.mirror.verify import BadFile
from memsync.notes import reader
from memsync.refresh import pending
from memsync.text import note
from tests.memory.mirror.test_run import MEMORY, NOON, contents, run, snapshot, write
from tests.support.daemons import memsync
from tests.support.disks import IN_OWN_NAMESPACE
from tests.support.faults import refuse_to_open
from tests.support.scale import need_mounts

LOG = "sessions/2026-11-22.md"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    root = tmp_path / "cloud" / ".claude-memory"
    write(root, "GLOBAL_MEMORY.md", MEMORY)
    write(root, LOG, "a note\n")
    write(root, "backups/GLOBAL_MEMORY_20261101_000000.md", "older\n")
    return root


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return tmp_path / "mirror"


# The brake


@pytest.fixture
def many(source: Path) -> Path:
    """Twenty files in all."""
    for number in range(17):
        write(source, f"sessions/{number}.md", f"note {number}")
    return source


@pytest.mark.parametrize("loss", ["gone", "empty", "both"])
def test_a_source_that_is_mostly_gone_or_empty_is_refused(loss, many, copy):
    run(many, copy)
    before = snapshot(copy)
    for number in range(11):
        path = many / f"sessions/{number}.md"
        if loss == "gone" or (loss == "both" and number % 2):
            path.unlink()
        else:
            path.write_bytes(b"")
    with pytest.raises(RefusedError, match="11 of the 20 files") as caught:
        run(many, copy, days=400)
    assert caught.value.exit_code == 6
    assert "memsync daemon run mirror --accept" in caught.value.hint
    assert snapshot(copy) == before
    write(many, "sessions/0.md", "note 0")
    assert run(many, copy).kept_versions == 10  # half is not more than half


def test_what_is_gone_on_purpose_goes_to_the_versions_when_a_person_says_so(many, copy):
    run(many, copy)
    shutil.rmtree(many / "sessions")
    with pytest.raises(RefusedError):
        run(many, copy)
    assert run(many, copy, accept=True).kept_versions == 18
    assert contents(copy) == contents(many)
    assert len(contents(copy, versions=True)) == 18
    assert run(many, copy) == MirrorReport(unchanged=2), "the next run asks no more"


def test_backups_that_were_thinned_out_are_no_loss(source, copy):
    for hours in range(200):
        stamp = NOON.astimezone() - timedelta(hours=hours)
        write(source, f"backups/GLOBAL_MEMORY_{stamp:%Y%m%d_%H%M%S}.md", f"memory {hours}")
    run(source, copy)
    thinned = sorted((source / "backups").iterdir())
    kept = {path.name[14:22]: path for path in thinned}  # the newest of each day
    for path in thinned:
        if path != kept[path.name[14:22]] and path.name[14:22] != f"{NOON.astimezone():%Y%m%d}":
            path.unlink()
    assert run(source, copy, days=2).kept_versions > 100
    shutil.rmtree(source / "backups")
    for number in range(20):
        write(copy, f"backups/GLOBAL_MEMORY_{NOON.astimezone():%Y%m%d}_{number:06}.md", "x")
    with pytest.raises(RefusedError):
        run(source, copy)


DAMAGES = {
    "empty": lambda path: path.write_bytes(b""),
    "blank": lambda path: path.write_bytes(b" \n\n"),
    "nul": lambda path: path.write_bytes(b"\0" * path.stat().st_size),
    "garbled": lambda path: path.write_bytes(b"\xff\xfe" + path.read_bytes()),
    "gone": lambda path: path.unlink(),
    "all gone": lambda path: shutil.rmtree(path.parent),
    "bare mount point": lambda path: (shutil.rmtree(path.parent), path.parent.mkdir()),
}


def test_whatever_happens_to_the_source_the_newest_good_memory_is_found_in_the_mirror(
    source, copy, tmp_path
):
    draw = random.Random(6)
    memory = source / "GLOBAL_MEMORY.md"
    logs: dict[str, str] = {}
    days, kept = 0.0, source.with_name("as it should be")
    for turn in range(100):
        days += draw.choice([0.01, 0.1, 3, 40])
        memory.write_text(good := f"# Memory of turn {turn}\n" + "- a line\n" * draw.randrange(9))
        name = f"sessions/{turn % 9}.md"
        logs[name] = logs.get(name, "") + f"note {turn}\n"
        write(source, name, logs[name])
        run(source, copy, days=days)
        shutil.copytree(source, kept)
        DAMAGES[draw.choice(list(DAMAGES))](memory)
        (source / name).unlink(missing_ok=True)
        with pytest.raises((FolderAwayError, DamagedMemoryError)):
            run(source, copy, days=days + draw.choice([0, 1, 4000]))
        assert choose_memory(copy, None).path.read_text() == good
        shutil.rmtree(source, ignore_errors=True)
        kept.rename(source)
    held = contents(copy) | contents(copy, versions=True)
    assert all(text in held.values() for text in logs.values())


# The mark


def test_a_mirror_is_marked_and_the_mark_is_remembered_here(source, copy):
    run(source, copy)
    mark = json.loads((copy / MARK).read_text())
    known = json.loads((state_folder() / "mirrors.json").read_text())
    assert known[str(copy)]["marks"] == [mark["mirror"]]
    assert MARK not in {path.name for path in source.iterdir()}


@pytest.mark.parametrize("there", ["missing", "empty", "other files"])
def test_an_unmounted_mirror_drive_is_an_alert_and_no_new_mirror(there, source, copy, tmp_path):
    run(source, copy)
    copy.rename(tmp_path / "unmounted")
    if there != "missing":
        copy.mkdir()
    if there == "other files":
        write(copy, "lost+found/x", "x")
    before = snapshot(copy)
    with pytest.raises(FolderAwayError, match=r"a mirror was at .* it is not there now") as caught:
        run(source, copy)
    assert caught.value.exit_code == 4
    assert "mounted" in caught.value.hint
    assert snapshot(copy) == before
    assert copy.exists() == (there != "missing"), "nothing is made under a bare mount point"
    if copy.exists():
        shutil.rmtree(copy)
    (tmp_path / "unmounted").rename(copy)
    assert run(source, copy) == MirrorReport(unchanged=3)


def test_a_mirror_that_was_lost_is_begun_anew_when_a_person_says_so(source, copy):
    run(source, copy)
    shutil.rmtree(copy)
    assert run(source, copy, accept=True).copied == 3
    assert run(source, copy) == MirrorReport(unchanged=3)


def test_two_drives_that_take_turns_are_both_known_once_accepted(source, copy, tmp_path):
    run(source, copy)
    copy.rename(tmp_path / "first")
    run(source, copy, accept=True)
    copy.rename(tmp_path / "second")
    for drive in ("first", "second", "first"):
        (tmp_path / drive).rename(copy)
        assert run(source, copy) == MirrorReport(unchanged=3)
        copy.rename(tmp_path / drive)


def test_a_strange_mirror_in_the_place_of_ours_is_not_written_to(source, copy, tmp_path):
    run(source, copy)
    other = json.dumps({"mirror": "somebody else's"})
    write(copy, MARK, other)
    with pytest.raises(FolderAwayError, match="another mirror is in that folder"):
        run(source, copy)
    assert (copy / MARK).read_text() == other


def test_a_mirror_from_before_there_were_marks_is_taken_as_it_is(source, copy):
    run(source, copy)
    (copy / MARK).unlink()
    (state_folder() / "mirrors.json").unlink()
    assert run(source, copy) == MirrorReport(unchanged=3)
    assert (copy / MARK).exists()


@pytest.mark.parametrize("damage", ["", "[]", "{", '{"/x": 7}'])
def test_a_damaged_memory_of_mirrors_is_begun_anew(damage, source, copy):
    run(source, copy)
    (state_folder() / "mirrors.json").write_text(damage)
    assert run(source, copy) == MirrorReport(unchanged=3)
    assert str(copy) in json.loads((state_folder() / "mirrors.json").read_text())


def test_a_mirror_that_cannot_be_marked_is_not_filled(source, copy, monkeypatch):
    def full(*_args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(mirror_mark, "create_new", full)
    with pytest.raises(MemsyncError, match="cannot be marked"):
        run(source, copy)
    assert contents(copy) == {}


# Reading in full


def rot(path: Path, data: bytes) -> None:
    """Change a file's content behind its time's back."""
    info = path.stat()
    path.write_bytes(data)
    assert len(data) == info.st_size
    os.utime(path, ns=(info.st_mtime_ns, info.st_mtime_ns))


@pytest.mark.parametrize("rotten", [b"b nite\n", b"\0" * 7, b"\xff note\n"])
def test_verify_finds_a_file_that_rotted_in_the_mirror(rotten, source, copy):
    run(source, copy)
    rot(copy / LOG, rotten)
    assert run(source, copy).findings == ()
    report = run(source, copy, verify=True)
    assert report == MirrorReport(kept_versions=1, unchanged=2, findings=(BadFile(LOG, "mirror"),))
    assert report.sentence == "1 damaged file of the mirror renewed, 1 old version kept"
    assert (copy / LOG).read_text() == "a note\n"
    (kept,) = (copy / ".versions/sessions").iterdir()
    assert kept.read_bytes() == rotten
    assert run(source, copy, verify=True).findings == ()


@pytest.mark.parametrize("rotten", [b"\0" * 7, b"\xff note\n"])
def test_verify_does_not_believe_a_source_that_rotted(rotten, source, copy):
    run(source, copy)
    rot(source / LOG, rotten)
    report = run(source, copy, verify=True)
    assert report.findings == (BadFile(LOG, "source"),)
    assert (copy / LOG).read_text() == "a note\n"
    assert report.kept_versions == 0


def test_verify_finds_what_cannot_be_read_on_either_side(source, copy, monkeypatch):
    run(source, copy)
    write(source, "machines/pi/usage.jsonl", "x")
    run(source, copy)
    (source / "machines/pi/usage.jsonl").unlink()
    run(source, copy)
    (version,) = (copy / ".versions/machines/pi").iterdir()
    bad = {source / LOG, version}
    refuse_to_open(monkeypatch, lambda path: path in bad, errno.EIO)
    report = run(source, copy, verify=True)
    assert report.findings == (
        BadFile(LOG, "source"),
        BadFile(version.relative_to(copy).as_posix(), "version"),
    )
    assert (copy / LOG).read_text() == "a note\n"


# As a job, and as a command


@pytest.fixture
def mirrored(workspace, home):
    """A machine with a mirror that is up to date, and the memory's backup in it."""
    backup(workspace.memory.read_bytes(), workspace.backups)
    write(workspace.root, LOG, "a note\n")
    change = {"daemon.backup_mirror_path": str(home / "Mirror")}
    writer.change(settings.get_config_path(), change)
    done = memsync("daemon", "run", "mirror")
    assert done.code == 0, done.err
    return home / "Mirror"


def test_verify_reports_what_it_read_and_leaves_with_1_where_something_was_wrong(
    mirrored, workspace
):
    count = sum(path.is_file() for path in workspace.root.rglob("*"))
    done = memsync("daemon", "run", "mirror", "--verify")
    assert done.code == 0, done.err
    assert f"{count} files read on both sides; nothing changed.\n" in done.out
    assert f"ok: nothing changed; {count} files read on both sides, no damage" in done.out
    rot(mirrored / LOG, b"b nite\n")
    done = memsync("daemon", "run", "mirror", "--verify")
    assert done.code == 1
    assert f"  '{LOG}': damaged in the mirror, replaced from the memory folder" in done.out
    assert "Try: check the mirror's disk" in done.err
    assert (mirrored / LOG).read_text() == "a note\n"
    assert memsync("daemon", "run", "mirror", "--verify").code == 0


def test_a_source_that_rotted_is_told_with_the_way_back(mirrored, workspace):
    rot(workspace.root / LOG, b"\0" * 7)
    done = memsync("daemon", "run", "mirror", "--verify")
    assert done.code == 1
    assert "the mirror's copy is intact" in done.out
    assert f"Try: copy {mirrored / LOG} over the damaged file" in done.err


def test_a_folder_that_was_lost_comes_back_from_the_mirror_as_the_docs_have_it(home, workspace):
    """Without machines/ the notes of years would be pending again, and merged once more."""
    write(workspace.root, LOG, note.render_entry(note.make_note("of yesterday", NOON)))
    assert memsync("note", "Prefers tea").code == memsync("refresh").code == 0
    change = {"daemon.backup_mirror_path": str(home / "Mirror")}
    writer.change(settings.get_config_path(), change)
    assert memsync("daemon", "run", "mirror").code == 0
    was = workspace.memory.read_bytes()
    assert not pending.pending_notes(workspace)
    shutil.rmtree(workspace.root)
    workspace.root.mkdir()
    for shown in (home / "Mirror").glob("[!.]*"):
        subprocess.run(["cp", "-r", str(shown), str(workspace.root)], check=True)
    assert memsync("targets", "sync").code == 0
    assert workspace.memory.read_bytes() == was
    assert len(reader.read_days(workspace)) == 2
    assert not pending.pending_notes(workspace)


def test_damage_is_told_where_a_file_cannot_be_mirrored_as_well(mirrored, workspace):
    """One file that cannot be copied for weeks must not hide that others rot meanwhile."""
    rot(workspace.root / LOG, b"\0" * 7)
    write(workspace.root, "GLOBAL_MEMORY.md", MEMORY + "- changed\n")
    write(mirrored, ".versions", "a file where a folder belongs")
    done = memsync("daemon", "run", "mirror", "--verify")
    assert done.code == 1
    assert f"'{LOG}': damaged in the memory folder" in done.out
    assert f"Error: '{LOG}': damaged in the memory folder" in done.err
    assert "could not be mirrored" in done.err
    assert f"Try: copy {mirrored / LOG} over the damaged file" in done.err


def test_a_drive_that_is_away_is_told_and_accept_begins_anew(mirrored):
    shutil.rmtree(mirrored)
    done = memsync("daemon", "run", "mirror")
    assert done.code == 4
    assert "Try: see that its drive is mounted" in done.err
    assert not mirrored.exists()
    assert memsync("daemon", "run", "mirror", "--accept").code == 0
    assert (mirrored / LOG).exists()


def test_verify_and_accept_are_for_the_mirror_alone(mirrored):
    for option in ("--verify", "--accept"):
        assert memsync("daemon", "run", "refresh", option).code == 2


def test_the_job_reads_all_once_a_month_unasked(mirrored, workspace):
    config = settings.load()
    path = state_folder() / "mirrors.json"
    assert "read on both sides" in job_backup_mirror(config).message, "the second run of all"
    assert "read" not in job_backup_mirror(config).message
    table = json.loads(path.read_text())
    table[str(mirrored)]["verified"] = "2020-01-01T00:00:00+00:00"
    path.write_text(json.dumps(table))
    rot(mirrored / "GLOBAL_MEMORY.md", b"-" * len(store.read(workspace).text.encode()))
    done = job_backup_mirror(config)
    assert done.outcome == "failed"
    assert (
        "'GLOBAL_MEMORY.md': damaged in the mirror, replaced"
        in job_history.last_runs()[done.job].message
    )
    assert job_backup_mirror(config).outcome == "ok"


def test_a_clock_that_leapt_prunes_no_version_though_it_dated_what_is_there(mirrored, workspace):
    """The drift job reports first, and its report is as young as the clock that leapt."""
    config = settings.load()
    start = clock.now()

    def at(days: float) -> str:
        with time_machine.travel(start + timedelta(days=days), tick=False):
            os.utime(workspace.memory, (time.time(), time.time()))
            return job_backup_mirror(config).message

    write(mirrored, f".versions/readme.md.{start:%Y%m%d_%H%M%S}", "replaced")
    for days in (0, 1.5, 400, 400.5):
        assert "pruned" not in at(days)
    assert "1 old version pruned" in at(401.5)


# What the file system can do


def test_what_could_not_be_written_is_told_by_the_sync_of_many(source, copy, monkeypatch):
    if disk._SYNCFS is None:
        pytest.skip("this system syncs no single file system")
    with pytest.raises(OSError, match="No such file"):
        disk.sync_file_system(str(copy))
    monkeypatch.setattr(disk, "_SYNCFS", lambda _descriptor: -1)
    for number in range(100):
        write(source, f"sessions/{number}.md", f"note {number}")
    with pytest.raises(MemsyncError, match="cannot be made durable"):
        run(source, copy)
    assert contents(copy) == {}


MIRRORS_EIGHT_MEGABYTES = """
import os, sys
from datetime import UTC, datetime
from pathlib import Path
from memsync.memory.mirror.run import mirror
from memsync.memory.mirror.report import Rules
from tests.support.disks import Loop

place = Path(sys.argv[1])
with Loop("xfs", place):
    source, copy = place / "source", place / "mirror"
    source.mkdir()
    (source / "GLOBAL_MEMORY.md").write_text("# Me")
    (source / "large").write_bytes(os.urandom(8 << 20))
    os.sync()
    before = os.statvfs(place).f_bfree
    mirror(source, copy, Rules(), datetime.now(UTC))
    os.sync()
    assert (copy / "large").read_bytes() == (source / "large").read_bytes()
    print((before - os.statvfs(place).f_bfree) * os.statvfs(place).f_frsize)
"""


def test_on_xfs_a_mirror_on_the_same_disk_shares_its_blocks(tmp_path):
    need_mounts("mkfs.xfs", loop=True)
    place = tmp_path / "disk"
    place.mkdir()
    done = subprocess.run(
        [*IN_OWN_NAMESPACE, sys.executable, "-c", MIRRORS_EIGHT_MEGABYTES, place],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 1 << 20
