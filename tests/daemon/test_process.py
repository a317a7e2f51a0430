"""Who the daemon is: the holder of a lock, whatever a file says."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from memsync.config.state import state_folder
from memsync.daemon import process
from memsync.daemon.process import Status
from memsync.errors import MemsyncError
from tests.support.net import until

HOLDER = """
import sys, time
from memsync.daemon import process
from memsync.daemon.process import Status
with process.claim():
    if len(sys.argv) > 1:
        process.announce(Status(int(sys.argv[1]), "2026-11-23T05:00:00+01:00"))
    print("claimed", flush=True)
    time.sleep(60)
"""


@contextmanager
def holder(*words: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that is the daemon, so far as the lock goes."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, *words], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "claimed\n"
        try:
            yield child
        finally:
            child.kill()


@pytest.fixture
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    """A process that has nothing to do with memsync."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as child:
        yield child
        child.kill()


def leave_behind(text: str) -> Path:
    path = state_folder() / "daemon.json"
    path.write_text(text)
    return path


def test_none_runs_on_a_fresh_machine():
    assert process.running_daemon() is None
    with pytest.raises(MemsyncError, match="no daemon is running") as refused:
        process.stop_daemon()
    assert refused.value.hint == "memsync daemon start --detach"


def test_the_holder_of_the_lock_is_the_daemon_and_its_words_are_read():
    status = Status(os.getpid(), "2026-11-23T05:00:00+01:00", "http://a:1", None, [("::1", 1)], {})
    with process.claim():
        process.announce(status)
        assert json.loads((state_folder() / "daemon.json").read_text())["pid"] == os.getpid()
        second = subprocess.run(
            [sys.executable, "-c", HOLDER], capture_output=True, text=True, check=False
        )
        assert second.returncode == 1
        assert f"runs already with pid {os.getpid()}" in second.stderr
    assert process.running_daemon() is None
    assert not (state_folder() / "daemon.json").exists()


def test_a_second_daemon_is_refused_with_the_pid_of_the_first():
    with holder("4321") as child:
        with pytest.raises(MemsyncError, match="runs already with pid 4321"), process.claim():
            pytest.fail("two daemons")
        with pytest.raises(MemsyncError, match="runs already with pid 4321"):
            process.detach()
        assert child.poll() is None


def test_a_daemon_that_is_just_starting_has_no_pid_to_name():
    with holder():
        present = process.running_daemon()
        assert present is not None
        assert present.pid == 0
        with pytest.raises(MemsyncError, match="it is just starting"):
            process.detach()
        with pytest.raises(MemsyncError, match="just starting"):
            process.stop_daemon()


def test_a_stale_pid_is_neither_trusted_nor_signalled(bystander):
    status = {"pid": bystander.pid, "started": "2026-11-23T05:00:00+01:00", "ports": []}
    leave_behind(json.dumps(status))
    assert process.running_daemon() is None
    with pytest.raises(MemsyncError, match="no daemon is running"):
        process.stop_daemon()
    assert bystander.poll() is None


def test_a_stale_pid_is_not_trusted_even_while_others_look(bystander):
    """Whoever looks holds the lock for an instant; that is not a daemon."""
    status = json.dumps({"pid": bystander.pid, "started": "x", "ports": []})
    seen: list[Status | None] = []

    def look() -> None:
        for _ in range(20):
            leave_behind(status)
            seen.append(process.running_daemon())

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [None] * 40
    assert bystander.poll() is None


@pytest.mark.parametrize("text", ["", "null", "[]", "{}", '{"pid": "x", "ports": 3}', "\x00\xff"])
def test_a_damaged_status_is_no_word_of_anybody(text):
    with holder():
        leave_behind(text)
        present = process.running_daemon()
        assert present is not None
        assert present.pid == 0


def test_a_killed_daemon_leaves_nothing_in_the_way():
    with holder("1") as child:
        child.kill()
        child.wait()
        assert process.running_daemon() is None
        with process.claim():
            pass


def test_stop_ends_the_daemon_and_returns_when_it_is_gone():
    with holder() as child:
        process.announce(Status(child.pid, "2026-11-23T05:00:00+01:00"))
        assert process.stop_daemon().pid == child.pid
        assert until(lambda: child.poll() is not None)
        assert child.returncode == -signal.SIGTERM
    assert process.running_daemon() is None


def test_stop_says_so_when_the_daemon_does_not_leave(monkeypatch):
    monkeypatch.setattr(process, "STOP_SECONDS", 0.2)
    stubborn = HOLDER.replace("import sys", "import signal, sys").replace(
        "with process", "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nwith process"
    )
    with subprocess.Popen(
        [sys.executable, "-c", stubborn], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        process.announce(Status(child.pid, "2026-11-23T05:00:00+01:00"))
        with pytest.raises(MemsyncError, match="has not stopped within") as refused:
            process.stop_daemon()
        assert refused.value.hint == "memsync daemon logs"
        child.kill()


def test_a_start_that_cannot_succeed_gives_the_childs_own_reason():
    with pytest.raises(MemsyncError, match="not set up here") as refused:
        process.detach()
    assert refused.value.hint == "memsync init"
    assert refused.value.exit_code == 3


def test_a_config_named_by_a_relative_path_is_found_by_the_child(config, home, monkeypatch):
    source = config.source
    source.write_text(source.read_text() + "\n[daemon]\nweb_ui_port = 'none'\n")
    monkeypatch.chdir(source.parent)
    monkeypatch.setenv("MEMSYNC_CONFIG", source.name)
    with pytest.raises(MemsyncError, match="web_ui_port is 'none'"):
        process.detach()
