"""Machines without a sync client: rclone carries their memory to a real WebDAV server and back."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from memsync import config as settings
from memsync.daemon import scheduler
from memsync.daemon.jobs import rclone_sync
from memsync.errors import FolderAwayError, MemsyncError, RefusedError
from memsync.files.locks import BusyError
from memsync.memory.rclone import carry, client, memory, names
from tests.conftest import SAMPLE
from tests.support.daemons import Done, memsync
from tests.support.scale import need, some
from tests.support.webdav import Cloud

REMOTE = "cloud:notes/.claude-memory"


def everything(folder: Path) -> str:
    return "".join(p.read_text() for p in folder.rglob("*") if p.is_file())


class Machine:
    """A home of its own, set up for the cloud."""

    def __init__(self, folder: Path, cloud: Cloud) -> None:
        folder.mkdir()
        self.env = {"HOME": str(folder), "RCLONE_CONFIG": str(cloud.config)}
        self.root = folder / ".local/share/memsync/rclone/.claude-memory"
        self.memory = self.root / "GLOBAL_MEMORY.md"

    def call(self, *words: str) -> Done:
        return memsync(*words, more=self.env)

    def sync(self) -> str:
        """Do what `memsync daemon run sync` does there, at a third of its cost."""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.env.items():
                patch.setenv(name, value)
            return carry.carry(settings.load())

    def add(self, line: str) -> None:
        """Change the memory by hand, a moment after the last change: clouds keep whole seconds."""
        time.sleep(1.1)
        self.memory.write_text(f"{self.memory.read_text()}{line}\n")

    def everything(self) -> str:
        return everything(self.root)


@pytest.fixture
def cloud(tmp_path) -> Iterator[Cloud]:
    need("rclone")
    made = Cloud(tmp_path / "cloud")
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture
def pi(cloud, tmp_path) -> Machine:
    made = Machine(tmp_path / "pi", cloud)
    done = made.call("init", "--rclone-remote", REMOTE)
    assert done.code == 0, done.err
    made.memory.write_text(SAMPLE)
    made.sync()
    return made


@pytest.fixture
def desk(cloud, pi, tmp_path) -> Machine:
    made = Machine(tmp_path / "desk", cloud)
    assert made.call("init", "--provider", "rclone", "--rclone-remote", REMOTE).code == 0
    return made


def there(cloud: Cloud) -> Path:
    return cloud.folder / "notes/.claude-memory"


def test_a_second_machine_joins_the_memory_that_the_first_one_sent(cloud, pi, desk):
    assert desk.memory.read_text() == SAMPLE
    assert (there(cloud) / "GLOBAL_MEMORY.md").read_text() == SAMPLE
    assert not list(cloud.folder.rglob("*.conflict*"))
    checks = {check["name"]: check for check in desk.call("doctor", "--json").json["checks"]}
    assert checks["rclone"]["ok"]
    assert REMOTE in checks["rclone"]["advice"]


def test_notes_and_edits_go_both_ways_and_a_second_run_does_nothing(cloud, pi, desk):
    desk.sync()
    desk.call("note", "from the desk")
    pi.add("- from the pi")
    pi.sync()
    desk.sync()
    assert "- from the pi\n" in desk.memory.read_text()
    pi.sync()
    assert "from the desk" in pi.everything()
    before = {path: path.stat().st_mtime_ns for path in cloud.folder.rglob("*")}
    assert "in step with" in pi.sync()
    assert {path: path.stat().st_mtime_ns for path in cloud.folder.rglob("*")} == before


def test_what_both_sides_changed_is_kept_twice_and_the_memory_keeps_its_name(cloud, pi, desk):
    desk.sync()
    pi.add("- only on the pi")
    desk.add("- only on the desk")
    pi.sync()
    said = desk.sync()
    assert "GLOBAL_MEMORY.md; both texts are kept" in said
    pi.sync()
    for machine in (pi, desk):
        assert machine.memory.exists()
        assert "- only on the pi\n" in machine.everything()
        assert "- only on the desk\n" in machine.everything()
    assert (there(cloud) / "GLOBAL_MEMORY.md").exists()


def test_a_change_there_within_the_second_of_the_last_one_is_not_deleted(cloud, pi):
    """bisync 1.60 goes by times alone: it sees none, and would delete there what steps aside here."""
    mine, theirs = (folder / "sessions/2026-11-23.md" for folder in (pi.root, there(cloud)))
    mine.write_text("first\n")
    pi.sync()
    moment = theirs.stat().st_mtime
    time.sleep(1.1)
    mine.write_text("first, only on the pi\n")
    theirs.write_text("first, only in the cloud\n")
    os.utime(theirs, (moment, moment))
    assert "2026-11-23.md; both texts are kept" in pi.sync()
    for text in (pi.everything(), everything(there(cloud))):
        assert "only on the pi\n" in text
        assert "only in the cloud\n" in text
    assert theirs.read_text() == mine.read_text() == "first, only on the pi\n"
    assert pi.sync() == f"in step with {REMOTE}"


def test_a_memory_of_the_second_and_size_of_the_last_one_is_seen_to_have_changed(cloud, pi):
    theirs = there(cloud) / "GLOBAL_MEMORY.md"
    moment = theirs.stat().st_mtime
    theirs.write_text(SAMPLE.upper())
    os.utime(theirs, (moment, moment))
    assert pi.sync() == f"in step with {REMOTE}"
    assert pi.memory.read_text() == SAMPLE.upper()


def test_a_remote_that_is_away_is_told_once_and_all_goes_over_when_it_is_back(cloud, pi):
    cloud.stop()
    done = pi.call("daemon", "run", "sync")
    assert done.code == 4
    assert f"{REMOTE} cannot be reached" in done.err
    assert pi.call("note", "meanwhile").code == 0
    assert pi.call("refresh").code == 0
    pi.call("daemon", "run", "sync")
    cloud.start()
    assert pi.call("daemon", "run", "sync").out == f"ok: in step with {REMOTE}\n"
    assert "meanwhile" in (there(cloud) / "GLOBAL_MEMORY.md").read_text()
    alerts = Path(pi.env["HOME"], ".local/state/memsync/daemon.log").read_text()
    assert alerts.count("the job rclone_sync failed") == 1
    assert alerts.count("the job rclone_sync is well again") == 1


def test_an_emptied_remote_deletes_nothing_here(cloud, pi):
    before = pi.everything()
    shutil.rmtree(there(cloud))
    with pytest.raises(RefusedError, match="has lost"):
        pi.sync()
    there(cloud).mkdir()
    with pytest.raises(RefusedError, match="has lost"):
        pi.sync()
    assert pi.everything() == before


def test_a_memory_that_is_damaged_here_is_not_carried(cloud, pi):
    pi.memory.unlink()
    with pytest.raises(RefusedError, match="is missing"):
        pi.sync()
    assert (there(cloud) / "GLOBAL_MEMORY.md").read_text() == SAMPLE


@pytest.mark.parametrize("damage", some([b"", b"\0" * 300, b"\xff\xfe# Memory\n"], 1))
def test_a_memory_that_is_damaged_there_does_not_replace_the_sound_one(cloud, pi, damage):
    theirs = there(cloud) / "GLOBAL_MEMORY.md"
    theirs.write_bytes(damage)
    for _ in range(2):
        done = pi.call("daemon", "run", "sync")
        assert done.code == 6
        assert f"{REMOTE}/GLOBAL_MEMORY.md" in done.err
        assert "Try: rclone copyto" in done.err
    assert pi.memory.read_bytes() == SAMPLE.encode()
    assert theirs.read_bytes() == damage
    alerts = Path(pi.env["HOME"], ".local/state/memsync/daemon.log").read_text()
    assert alerts.count("the job rclone_sync failed") == 1
    shutil.copyfile(pi.memory, theirs)
    assert "in step with" in pi.sync()


def meanwhile(machine: Machine, act) -> None:
    """Carry while `act` is done between memsync's look at both memories and the end."""
    run = client.bisync

    def act_then_run(*words, **more):
        act()
        return run(*words, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client, "bisync", act_then_run)
        machine.sync()


@pytest.mark.parametrize("damage", some([b"", b"\0" * 300, b"\xff\xfe# Memory\n"], 1))
def test_a_memory_that_is_damaged_there_meanwhile_does_not_come_here(cloud, pi, damage):
    theirs = there(cloud) / "GLOBAL_MEMORY.md"
    pi.add("- seen by nobody yet")
    mine = pi.memory.read_text()
    with pytest.raises(BusyError, match="changed here or in"):
        meanwhile(pi, lambda: theirs.write_bytes(damage))
    for _ in range(2):
        done = pi.call("daemon", "run", "sync")
        assert done.code == 6
        assert f"{REMOTE}/GLOBAL_MEMORY.md" in done.err
        assert f"Try: rclone copyto {pi.memory} {REMOTE}/GLOBAL_MEMORY.md" in done.err
    assert theirs.read_bytes() == damage
    moment = theirs.stat().st_mtime
    shutil.copyfile(pi.memory, theirs)
    os.utime(theirs, (moment, moment))  # the hardest case: by its time nothing changed there
    assert "in step with" in pi.sync()
    assert pi.memory.read_text() == theirs.read_text() == mine


def test_a_memory_that_is_deleted_there_meanwhile_is_not_deleted_here(cloud, pi):
    meanwhile(pi, (there(cloud) / "GLOBAL_MEMORY.md").unlink)
    with pytest.raises(RefusedError, match="has lost"):
        pi.sync()
    assert pi.memory.read_text() == SAMPLE


@pytest.mark.parametrize("where", some(["here", "there"], 1))
def test_a_memory_that_changes_while_rclone_works_is_not_written_over(cloud, pi, where):
    """By an editor here, which knows no lock, or by another machine there."""
    theirs = there(cloud) / "GLOBAL_MEMORY.md"
    first, then = (theirs, pi.memory) if where == "here" else (pi.memory, theirs)
    first.write_text(f"{SAMPLE}- before\n")
    with pytest.raises(BusyError, match="changed here or in"):
        meanwhile(pi, lambda: then.write_text(f"{SAMPLE}- meanwhile\n"))
    assert "GLOBAL_MEMORY.md; both texts are kept" in pi.sync()
    for text in (pi.everything(), everything(there(cloud))):
        assert "- before\n" in text
        assert "- meanwhile\n" in text


def test_the_memory_is_at_no_moment_a_piece_of_what_comes(cloud, pi, monkeypatch):
    """rclone 1.60 writes in place: on a slow line, a piece stood there for seconds."""
    theirs = there(cloud) / "GLOBAL_MEMORY.md"
    theirs.write_text(SAMPLE + "- a line to fill the memory\n" * 6000)
    seen, ended = set(), threading.Event()

    def look() -> None:
        while not ended.wait(0.01):
            seen.add(pi.memory.read_bytes())

    monkeypatch.setenv("RCLONE_BWLIMIT", "128k")
    looking = threading.Thread(target=look)
    looking.start()
    try:
        pi.sync()
    finally:
        ended.set()
        looking.join()
    assert seen <= {SAMPLE.encode(), theirs.read_bytes()}
    assert pi.memory.read_bytes() == theirs.read_bytes()


@pytest.mark.parametrize("moment", some(["before", "after"], 1))
def test_a_carrying_that_is_killed_beside_the_memory_loses_and_doubles_nothing(
    cloud, pi, desk, moment
):
    desk.sync()
    pi.add("- only on the pi")
    desk.add("- only on the desk")
    pi.sync()
    bring = memory.carry_memory

    def bring_and_die(*words) -> None:
        if moment == "after":
            bring(*words)
        raise SystemExit

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory, "carry_memory", bring_and_die)
        with pytest.raises(SystemExit):
            desk.sync()
    desk.sync()
    assert desk.call("conflicts").code == 0
    assert desk.memory.read_text().count("- only on the pi\n") == 1
    assert desk.memory.read_text().count("- only on the desk\n") == 1


def test_what_this_machine_alone_writes_is_never_replaced_by_what_the_remote_has_of_it(cloud, pi):
    """Killed before it noted how both sides are, a run leaves all it carried changed on both."""

    def killed(*_words) -> None:
        raise SystemExit

    pi.call("note", "one")
    pi.call("refresh")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(carry, "_note_down", killed)
        with pytest.raises(SystemExit):
            pi.sync()
    pi.call("note", "two")
    pi.call("refresh")
    pi.sync()
    assert pi.call("refresh").out.startswith("No pending notes.")
    (ledger,) = pi.root.glob("machines/*/merged.log")
    assert (there(cloud) / ledger.relative_to(pi.root)).read_text() == ledger.read_text()
    assert not list(pi.root.glob("machines/**/*.conflict*"))
    (there(cloud) / ledger.relative_to(pi.root)).unlink()
    pi.sync()
    assert (there(cloud) / ledger.relative_to(pi.root)).read_text() == ledger.read_text()


def test_without_its_listing_both_sides_are_taken_as_they_are(cloud, pi, desk):
    """The state folder is lost on one machine, and both changed the memory meanwhile."""
    desk.sync()
    pi.add("- only on the pi")
    desk.add("- only on the desk")
    pi.sync()
    shutil.rmtree(Path(desk.env["HOME"], ".local/state/memsync/rclone"))
    desk.sync()
    pi.sync()
    for machine in (pi, desk):
        assert "- only on the pi\n" in machine.everything()
        assert "- only on the desk\n" in machine.everything()
        assert machine.memory.exists()


@pytest.mark.parametrize("way", some(["refused", "no answer", "killed"], 1))
def test_a_carrying_that_is_cut_off_leaves_the_memory_its_name(cloud, pi, desk, monkeypatch, way):
    desk.sync()
    pi.add("- only on the pi")
    desk.add("- only on the desk")
    pi.sync()
    mine = desk.memory.read_text()

    def cut_off(*_args, **_kwargs):
        assert desk.memory.read_text() == mine
        if way == "no answer":
            raise FolderAwayError("rclone bisync did not end", hint="wait")
        return client.Result(1, b"", "connection reset")

    with monkeypatch.context() as patch:
        patch.setattr(client, "bisync", cut_off)
        if way == "killed":
            patch.setattr(names, "take_back", lambda _root: None)
        with pytest.raises(FolderAwayError):
            desk.sync()
    assert desk.memory.read_text() == mine
    desk.sync()
    assert desk.memory.exists()
    assert "- only on the pi\n" in desk.everything()
    assert "- only on the desk\n" in desk.everything()


def test_the_lock_that_a_killed_rclone_left_stops_no_later_run(cloud, pi):
    """rclone 1.60 takes a lock for a run under way for ever, and calls the remote unreachable."""
    workdir = Path(pi.env["HOME"], ".local/state/memsync/rclone")
    listing = next(workdir.glob("*.path1.lst"))
    lock = listing.with_name(listing.name.replace(".path1.lst", ".lck"))
    for pid, age in ((ended_process(), 0), (os.getpid(), 601)):
        lock.write_text(str(pid))
        moment = time.time() - age
        os.utime(lock, (moment, moment))
        pi.add(f"- after {age} seconds")
        assert pi.sync() == f"in step with {REMOTE}"
        assert (there(cloud) / "GLOBAL_MEMORY.md").read_text() == pi.memory.read_text()
    lock.write_text(str(os.getpid()))
    with pytest.raises(BusyError, match="still carrying"):
        pi.sync()


def killed_at(path: Path, data: bytes) -> Callable[..., NoReturn]:
    """Return a bisync that is killed when it has written `data` of a file."""

    def bisync(*_words: object, **_more: object) -> NoReturn:
        path.write_bytes(data)
        raise SystemExit

    return bisync


def test_a_piece_of_a_copy_that_a_killed_rclone_left_is_read_by_nobody(cloud, pi):
    theirs = pi.memory.read_text() + "- only on a laptop\n"
    name = "GLOBAL_MEMORY-laptop-safeBackup-0001.md"
    (there(cloud) / name).write_text(theirs)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client, "bisync", killed_at(pi.root / name, theirs[:40].encode()))
        with pytest.raises(SystemExit):
            pi.sync()
    told = pi.call("conflicts").out
    assert f"{name} cannot be read (rclone is not done with it: memsync daemon run sync)" in told
    assert "rclone is not done with" in pi.call("conflicts", "take", name).err
    assert pi.memory.read_text() == SAMPLE
    pi.sync()
    assert f"Brought in {name}" in pi.call("conflicts").out
    assert pi.memory.read_text() == theirs
    assert not list(pi.root.rglob("*.conflict*"))


def test_a_piece_of_a_log_that_a_killed_rclone_left_is_no_change_made_here(cloud, pi):
    pi.call("note", "said at the pi")
    pi.sync()
    (log,) = (pi.root / "sessions").iterdir()
    time.sleep(1.1)
    whole = log.read_text() + "---\n### 10:00:00 (captured)\nsaid elsewhere, in many words\n"
    (there(cloud) / "sessions" / log.name).write_text(whole)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client, "bisync", killed_at(log, whole[:-12].encode()))
        with pytest.raises(SystemExit):
            pi.sync()
    pi.sync()
    assert log.read_text() == whole
    assert [path.name for path in (pi.root / "sessions").iterdir()] == [log.name]


def test_what_both_sides_have_alike_is_no_piece(cloud, pi):
    log = pi.root / "sessions/2026-11-23.md"
    log.write_text("alike\n")
    pi.sync()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RCLONE_CONFIG", str(cloud.config))
        assert not carry._drop_piece(pi.root, REMOTE, "sessions/2026-11-23.md")
    assert log.read_text() == "alike\n"


def test_a_remote_that_keeps_no_times_any_more_is_not_called_away(cloud, pi):
    cloud.config.write_text(cloud.config.read_text().replace("owncloud", "other"))
    pi.add("- only here")
    with pytest.raises(MemsyncError, match="keeps no times of files") as caught:
        pi.sync()
    assert not isinstance(caught.value, FolderAwayError)


def test_a_remote_that_is_away_leaves_the_copies_to_be_brought_in(cloud, pi):
    name = "GLOBAL_MEMORY-laptop-safeBackup-0001.md"
    (pi.root / name).write_text(SAMPLE + "- only on a laptop\n")
    cloud.stop()
    with pytest.raises(FolderAwayError):
        pi.sync()
    assert f"Brought in {name}" in pi.call("conflicts").out


def ended_process() -> int:
    """Return the pid of a process that is no more."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def test_a_folder_here_that_lost_most_of_its_files_deletes_nothing_there(cloud, pi):
    folder = pi.root / "sessions"
    for day in range(10, 30):
        (folder / f"2026-11-{day}.md").write_text("a note\n")
    pi.sync()
    shutil.rmtree(folder)
    with pytest.raises(RefusedError, match="has lost 20 of"):
        pi.sync()
    assert len(list((there(cloud) / "sessions").iterdir())) == 20


def test_a_refresh_of_the_daemon_pulls_before_and_pushes_after(cloud, pi, desk):
    desk.sync()
    pi.call("note", "said at the pi")
    pi.sync()
    assert desk.call("daemon", "run", "refresh").code == 0
    assert "said at the pi" in (there(cloud) / "GLOBAL_MEMORY.md").read_text()


def test_what_changed_here_is_carried_within_a_minute_whoever_changed_it(cloud, pi, monkeypatch):
    for name, value in pi.env.items():
        monkeypatch.setenv(name, value)
    config = settings.load()
    ids = {job.id for job in scheduler.build_scheduler(config).get_jobs()}
    assert {"rclone_sync", "rclone_sync_early"} <= ids
    ran = []
    monkeypatch.setattr(scheduler, "run_job", lambda job, _config: ran.append(job.name))
    scheduler.run_early(rclone_sync.JOB, config)
    assert ran == []
    pi.add("- by hand")
    scheduler.run_early(rclone_sync.JOB, config)
    assert ran == ["sync"]
    pi.root.rename(pi.root.with_name("gone"))
    scheduler.run_early(rclone_sync.JOB, config)
    assert ran == ["sync"]


def test_a_machine_with_another_provider_has_no_such_job(config):
    assert rclone_sync.JOB not in scheduler.jobs_of(config)
    assert "rclone_sync_early" not in {
        job.id for job in scheduler.build_scheduler(config).get_jobs()
    }
    assert rclone_sync.job_rclone_sync(config).outcome == "skipped"


def test_the_names_an_older_bisync_takes_from_a_file_are_given_back(tmp_path):
    for number in (1, 2):
        (tmp_path / f"GLOBAL_MEMORY.md..path{number}").write_text(f"text {number}\n")
    assert names.give_names_back(tmp_path) == ["GLOBAL_MEMORY.md"]
    found = {path.name: path.read_text() for path in tmp_path.iterdir() if path.is_file()}
    assert found == {
        "GLOBAL_MEMORY.md": "text 2\n",
        "GLOBAL_MEMORY.md.conflict1": "text 1\n",
    }


def test_a_remote_with_a_password_in_it_is_refused(home, config):
    for remote in (":webdav,pass=secret:x", "cloud,pass=secret:x", "no colon"):
        done = memsync("config", "set", "paths.rclone_remote", remote)
        assert done.code != 0
    assert memsync("config", "set", "paths.rclone_remote", REMOTE).code == 0


def test_a_machine_without_rclone_is_told_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MemsyncError, match="rclone is not here") as raised:
        client.rclone_version()
    assert "install" in raised.value.hint


def test_no_secret_of_an_error_is_repeated():
    said = "2026/11/24 10:00:00 Failed: Get https://ada:secret@cloud.example/x: refused\n"
    assert client.Result(1, b"", said).reason == "Failed: Get https://…@cloud.example/x: refused"
    assert os.environ.get("RCLONE_CONFIG_PASS") is None


def test_a_file_that_only_looks_as_if_it_had_stepped_aside_keeps_its_name(tmp_path):
    kept = tmp_path / "backups" / "copies" / "0123_GLOBAL_MEMORY.md.conflict1"
    kept.parent.mkdir(parents=True)
    own = tmp_path / "talk.conflict2024.md"
    aside = tmp_path / "GLOBAL_MEMORY.md.conflict1"
    for path in (kept, own, aside):
        path.write_text("text")
    names.take_back(tmp_path)
    assert kept.exists()
    assert own.exists()
    assert (tmp_path / "GLOBAL_MEMORY.md").read_text() == "text"
