"""A file is old or new, never in between: with any call failing, any writer killed, any racing."""

import errno
import io
import os
import random
import signal
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import Barrier
from types import SimpleNamespace

import pytest

from memsync.files.append import append_durably, append_line
from memsync.files.atomic import atomic_write, create_new
from memsync.files.placeholders import is_evicted
from memsync.files.temps import sweep_temps

OLD, NEW = b"the old text\n" * 50, b"the new text, which is longer\n" * 90
DISK_ERRORS = [errno.EIO, errno.ENOSPC, errno.EACCES, errno.EROFS]
NO_LINKS = [errno.EPERM, errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EIO]


class FailingDisk:
    """Writes half of what it is given at a time, and refuses the n-th request altogether."""

    def __init__(self, patch, refused, number):
        self.refused, self.number, self.requests = refused, number, 0
        for module, name in [
            *((os, name) for name in ("open", "replace", "link", "symlink", "mkdir")),
            (io, "open"),
        ]:
            patch.setattr(module, name, self._counted(getattr(module, name)))
        patch.setattr(os, "fsync", self._counted(lambda descriptor: None))
        write = self._counted(os.write)
        patch.setattr(os, "write", lambda fd, data: write(fd, bytes(data)[: len(data) // 2 + 1]))

    def _counted(self, real):
        def request(*args, **kwargs):
            self.requests += 1
            if self.has_failed and self.requests == self.refused:
                raise OSError(self.number, os.strerror(self.number))
            return real(*args, **kwargs)

        return request

    @property
    def has_failed(self):
        return self.requests >= self.refused


def failing_runs(monkeypatch, number, prepare, act):
    """Yield what `act` raised with its first request refused, its second, … until none is left."""
    for refused in count(1):
        prepare()
        raised = None
        with monkeypatch.context() as patch:
            disk = FailingDisk(patch, refused, number)
            try:
                act()
            except Exception as error:
                raised = error
        if not disk.has_failed:
            assert raised is None
            assert refused > 1, "nothing was asked of the disk"
            return
        yield raised


def failing_with(number):
    def fail(*args, **kwargs):
        raise OSError(number, os.strerror(number))

    return fail


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "folder").mkdir()
    return tmp_path / "folder"


def left_by_failures(monkeypatch, number, path, before, act):
    """Yield what is at `path` after each failure of `act`; `before` stood there."""

    def prepare():
        path.unlink(missing_ok=True)
        if before is not None:
            path.write_bytes(before)

    for raised in failing_runs(monkeypatch, number, prepare, lambda: act(path, NEW)):
        assert isinstance(raised, OSError)
        assert raised.errno == number
        assert set(names(path.parent)) <= {path.name}, "a temp file stayed"
        yield path.read_bytes() if path.exists() else None


every_disk_error = pytest.mark.parametrize("number", DISK_ERRORS, ids=errno.errorcode.get)


@every_disk_error
@pytest.mark.parametrize("before", [OLD, None], ids=["over an old file", "a new file"])
def test_a_replace_that_fails_anywhere_leaves_the_old_or_the_new_text(
    folder, monkeypatch, number, before
):
    path = folder / "memory.md"
    left = list(left_by_failures(monkeypatch, number, path, before, atomic_write))
    assert set(left) == {before, NEW}  # new only where the folder's own fsync fails
    assert left == sorted(left, key=lambda content: content == NEW)
    assert path.read_bytes() == NEW


@every_disk_error
def test_a_new_file_that_fails_anywhere_is_not_there(folder, monkeypatch, number):
    path = folder / "backup.md"
    assert set(left_by_failures(monkeypatch, number, path, None, create_new)) == {None}
    assert path.read_bytes() == NEW


@every_disk_error
@pytest.mark.parametrize("before", [OLD, None], ids=["to a file", "to a new file"])
def test_an_append_that_fails_anywhere_leaves_no_part_of_itself(
    folder, monkeypatch, number, before
):
    path = folder / "log.md"
    left = set(left_by_failures(monkeypatch, number, path, before, append_durably))
    assert {content or b"" for content in left} == {before or b""}
    assert path.read_bytes() == (before or b"") + NEW


@pytest.mark.parametrize("naming", ["replace", "link"])
def test_a_text_is_on_the_disk_before_its_name_is_and_then_the_name(folder, monkeypatch, naming):
    steps = []
    real_fsync, real_naming = os.fsync, getattr(os, naming)

    def fsync(descriptor):
        steps.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        real_fsync(descriptor)

    def name(*args, **kwargs):
        steps.append("name")
        real_naming(*args, **kwargs)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, naming, name)
    (atomic_write if naming == "replace" else create_new)(folder / "memory.md", NEW)
    append_durably(folder / "log.md", NEW)
    append_durably(folder / "log.md", NEW)
    assert steps == ["file", "name", "folder", "file", "folder", "file"]


@pytest.mark.parametrize("number", [errno.ENOTSUP, errno.EINVAL, errno.ENOSYS])
def test_a_file_system_without_fsync_is_written_all_the_same(folder, monkeypatch, number):
    monkeypatch.setattr(os, "fsync", failing_with(number))
    atomic_write(folder / "a", NEW)
    assert create_new(folder / "b", NEW)
    append_durably(folder / "c", NEW)
    assert {path.read_bytes() for path in folder.iterdir()} == {NEW}


def test_a_symlink_stays_a_link_and_what_it_names_is_replaced(folder, tmp_path):
    real = tmp_path / "real.md"
    real.write_bytes(OLD)
    link = folder / "memory.md"
    link.symlink_to("../real.md")
    atomic_write(link, NEW)
    assert link.is_symlink()
    assert real.read_bytes() == NEW
    assert names(folder) == ["memory.md"]


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644, 0o755])
def test_a_replaced_file_keeps_its_mode(folder, mode):
    path = folder / "CLAUDE.md"
    path.write_bytes(OLD)
    path.chmod(mode)
    atomic_write(path, NEW)
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_a_new_file_is_private_whatever_the_umask_and_an_open_one_is_closed_on_demand(folder):
    open_file = folder / "config.toml"
    open_file.write_bytes(OLD)
    open_file.chmod(0o666)
    before = os.umask(0)
    try:
        atomic_write(folder / "a", NEW)
        create_new(folder / "b", NEW)
        append_durably(folder / "c", NEW)
        atomic_write(open_file, NEW, mode=0o600)
    finally:
        os.umask(before)
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_a_file_that_a_sync_client_holds_is_replaced_when_it_lets_go(folder, monkeypatch):
    path, real, refusals = folder / "memory.md", os.replace, []

    def held(*args, **where):
        if len(refusals) < 2:
            refusals.append(PermissionError(errno.EACCES, "sharing violation"))
            refusals[-1].winerror = 32
            raise refusals[-1]
        return real(*args, **where)

    path.write_bytes(OLD)
    monkeypatch.setattr(os, "replace", held)
    atomic_write(path, NEW)
    assert len(refusals) == 2
    assert path.read_bytes() == NEW


def test_a_file_that_stands_there_is_never_overwritten(folder):
    path = folder / "CLAUDE.md.pre-memsync.bak"
    path.write_bytes(OLD)
    assert create_new(path, NEW) is False
    assert path.read_bytes() == OLD
    dangling = folder / "dangling"
    dangling.symlink_to("nowhere")
    assert create_new(dangling, NEW) is False
    assert names(folder) == ["CLAUDE.md.pre-memsync.bak", "dangling"]


@pytest.mark.parametrize("links", [None, *NO_LINKS])
def test_of_sixteen_that_want_the_same_new_name_exactly_one_gets_it(folder, monkeypatch, links):
    if links is not None:
        monkeypatch.setattr(os, "link", failing_with(links))
    start = Barrier(16)

    def race(path, number):
        start.wait()
        return create_new(path, b"%d\n" % number * 500)

    with ThreadPoolExecutor(16) as pool:
        for attempt in range(5):
            path = folder / f"{attempt}.md"
            won = list(pool.map(lambda number, path=path: race(path, number), range(16)))
            assert sum(won) == 1
            assert path.read_bytes() == b"%d\n" % won.index(True) * 500
    assert len(names(folder)) == 5


def test_without_hard_links_a_new_file_that_fails_leaves_nothing_behind(folder, monkeypatch):
    monkeypatch.setattr(os, "link", failing_with(errno.EPERM))
    monkeypatch.setattr(os, "replace", failing_with(errno.EIO))
    with pytest.raises(OSError, match="Input/output"):
        create_new(folder / "backup.md", NEW)
    assert names(folder) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [(None, b"two\n"), (b"", b"two\n"), (b"one\n", b"one\ntwo\n"), (b"on", b"on\ntwo\n")],
)
def test_a_line_is_on_a_line_of_its_own_even_after_a_torn_one(folder, before, after):
    path = folder / "usage.jsonl"
    if before is not None:
        path.write_bytes(before)
    append_line(path, "two")
    assert path.read_bytes() == after


def test_a_placeholder_of_a_cloud_client_is_told_from_a_file(folder, monkeypatch):
    path = folder / "memory.md"
    assert not is_evicted(path)  # missing is not evicted
    path.write_bytes(b"")
    assert not is_evicted(path)
    path.write_bytes(OLD)
    assert not is_evicted(path)
    (folder / ".memory.md.icloud").touch()
    assert is_evicted(path)
    sparse = folder / "sparse.md"
    sparse.touch()
    os.truncate(sparse, 5000)
    assert is_evicted(sparse)


def test_a_folder_is_no_placeholder_though_its_file_system_counts_no_blocks(folder, monkeypatch):
    real = os.stat

    def without_blocks(name, **kwargs):
        return SimpleNamespace(st_mode=real(name, **kwargs).st_mode, st_size=60, st_blocks=0)

    monkeypatch.setattr(os, "stat", without_blocks)
    assert not is_evicted(folder)


@pytest.mark.parametrize(
    ("flags", "evicted"),
    [
        ({"st_flags": 0x40000000}, True),
        ({"st_flags": 0x20}, False),
        ({"st_file_attributes": 0x00400000}, True),
        ({"st_file_attributes": 0x20}, False),
    ],
)
def test_the_flags_of_macos_and_windows_are_known(folder, monkeypatch, flags, evicted):
    path = folder / "memory.md"
    path.write_bytes(OLD)
    real = os.stat

    def with_flags(name, **kwargs):
        info = real(name, **kwargs)
        return SimpleNamespace(st_size=info.st_size, st_blocks=8, st_mode=info.st_mode, **flags)

    monkeypatch.setattr(os, "stat", with_flags)
    assert is_evicted(path) is evicted


def test_only_temp_files_that_nobody_writes_any_more_are_swept(folder):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    an_hour_ago = time.time() - 3700
    swept = [f".a.md.memsync-{ended.pid}-x1.tmp", f".a.md.memsync-{10**30}-x2.tmp"]
    old = f".a.md.memsync-{os.getppid()}-x3.tmp"
    kept = [
        f".a.md.memsync-{os.getppid()}-x4.tmp",
        f".a.md.memsync-{os.getpid()}-x5.tmp",
        ".a.md.memsync-who-x6.tmp",
        ".a.md.tmp",
        "notes.tmp",
        f"a.md.memsync-{ended.pid}-x7.tmp.md",
    ]
    for name in [*swept, old, *kept]:
        (folder / name).touch()
    for name in (old, kept[1], "notes.tmp"):
        os.utime(folder / name, (an_hour_ago, an_hour_ago))
    assert sweep_temps(folder) == 3
    assert names(folder) == sorted(kept)
    assert sweep_temps(folder / "missing") == 0


WRITER = """
import sys
from pathlib import Path
from memsync.files.atomic import atomic_write
path, texts = Path(sys.argv[1]), [b"a" * 300_000, b"b" * 200_000]
print("ready", flush=True)
while True:
    for text in texts:
        atomic_write(path, text)
"""


def test_thirty_writers_killed_at_random_never_leave_a_torn_file(folder):
    path, chance = folder / "memory.md", random.Random(23)
    path.write_bytes(b"a" * 300_000)
    for _ in range(30):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE)
        assert writer.stdout.readline() == b"ready\n"
        time.sleep(chance.uniform(0, 0.03))
        writer.send_signal(signal.SIGKILL)
        writer.communicate()
        assert path.read_bytes() in (b"a" * 300_000, b"b" * 200_000)
    sweep_temps(folder)
    assert names(folder) == ["memory.md"]
