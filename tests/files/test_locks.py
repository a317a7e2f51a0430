"""A lock holds between processes, is given back whatever happens, and says who is kept waiting."""

import stat
import subprocess
import sys
import time

import pytest

from memsync.errors import MemsyncError
from memsync.files.locks import BusyError, exclusive_lock

HOLDER = """
import sys, time
from pathlib import Path
from memsync.files.locks import exclusive_lock
with exclusive_lock(Path(sys.argv[1]), "the memory"):
    print("held", flush=True)
    time.sleep(60)
"""

COUNTER = """
import sys
from pathlib import Path
from memsync.files.locks import exclusive_lock
lock, counter = Path(sys.argv[1]), Path(sys.argv[2])
for _ in range(25):
    with exclusive_lock(lock, "the counter", timeout=60):
        counter.write_text(str(int(counter.read_text()) + 1))
"""


@pytest.fixture
def lock(tmp_path):
    return tmp_path / "state" / "locks" / "publish.lock"


@pytest.fixture
def holder(lock):
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(lock)], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"held\n"
    yield process
    process.kill()
    process.communicate()


def test_a_lock_that_another_process_holds_is_refused_in_words(lock, holder):
    with pytest.raises(BusyError) as raised, exclusive_lock(lock, "the memory", timeout=0):
        pytest.fail("two processes hold the same lock")
    assert isinstance(raised.value, MemsyncError)
    assert raised.value.exit_code == 1
    assert raised.value.message == "another memsync process is busy with the memory"
    assert "again" in raised.value.hint


def test_a_lock_is_waited_for_as_long_as_was_asked(lock, holder):
    began = time.monotonic()
    with pytest.raises(BusyError), exclusive_lock(lock, "the memory", timeout=0.3):
        pytest.fail("two processes hold the same lock")
    assert 0.3 <= time.monotonic() - began < 10


def test_the_lock_of_a_killed_process_is_free(lock, holder):
    holder.kill()
    holder.wait()
    with exclusive_lock(lock, "the memory", timeout=5):
        assert lock.exists()


def test_a_lock_is_given_back_when_its_work_fails(lock):
    with pytest.raises(ZeroDivisionError), exclusive_lock(lock, "the memory"):
        raise ZeroDivisionError
    with exclusive_lock(lock, "the memory", timeout=0):
        pass


def test_locks_for_different_things_do_not_wait_for_each_other(lock, holder):
    with exclusive_lock(lock.with_name("sessions.lock"), "the day's log", timeout=0):
        assert holder.poll() is None


def test_the_folder_of_the_locks_is_made_and_private(lock):
    with exclusive_lock(lock, "the memory"):
        assert stat.S_IMODE(lock.parent.stat().st_mode) == 0o700


def test_four_processes_that_count_under_a_lock_miss_nothing(lock, tmp_path):
    counter = tmp_path / "counter"
    counter.write_text("0")
    processes = [
        subprocess.Popen([sys.executable, "-c", COUNTER, str(lock), str(counter)]) for _ in range(4)
    ]
    assert [process.wait(60) for process in processes] == [0, 0, 0, 0]
    assert counter.read_text() == "100"
