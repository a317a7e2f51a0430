"""A daemon whose memory folder is a real mount that hangs, dies and comes back under it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from memsync.config.workspace import Workspace
from memsync.notes import reader
from tests.support.daemons import Daemon, is_gone
from tests.support.net import send, until

PAGES = ["/", "/edit", "/history", "/notes", "/machines", "/api/memory", "/api/notes"]


@pytest.fixture
def daemon(mount) -> Iterator[Daemon]:
    made = Daemon()
    try:
        yield made
    finally:
        made.end()


def logged(workspace: Workspace) -> list[str]:
    return [note.text for day in reader.days(workspace) for note in reader.read_day(workspace, day)]


def test_a_daemon_whose_folder_hangs_says_so_takes_notes_and_leaves_in_time(
    daemon, mount, workspace
):
    daemon.start()
    assert "spooled" not in daemon.post("before").json
    until(lambda: logged(workspace) == ["before"])
    mount.hang()
    with ThreadPoolExecutor(40) as crowd:
        pages = [crowd.submit(send, daemon.web, "GET", PAGES[n % len(PAGES)]) for n in range(30)]
        began = time.monotonic()
        assert send(daemon.capture, "GET", "/health").status == 200
        assert daemon.post("meanwhile").json["ok"] is True
        assert {page.result().status for page in pages} == {503}
    assert time.monotonic() - began < 9
    assert daemon.post("and then").json["spooled"] is True
    assert send(daemon.web, "GET", "/").status == 503
    pid = daemon.pid
    os.kill(pid, signal.SIGTERM)
    until(lambda: is_gone(pid), seconds=10)
    mount.resume()
    until(workspace.memory.exists)
    daemon.start()
    until(lambda: set(logged(workspace)) == {"before", "meanwhile", "and then"})


def test_all_is_well_by_itself_when_a_folder_that_hung_answers_again(daemon, mount, workspace):
    daemon.start()
    mount.hang()
    assert send(daemon.web, "GET", "/").status == 503
    assert daemon.post("meanwhile").json["spooled"] is True
    mount.resume()
    until(lambda: send(daemon.web, "GET", "/").status == 200)
    until(lambda: logged(workspace) == ["meanwhile"], seconds=25)


def test_a_daemon_starts_at_a_folder_that_hangs(daemon, mount):
    mount.hang()
    began = time.monotonic()
    daemon.start()
    assert time.monotonic() - began < 5
    assert send(daemon.capture, "GET", "/health").status == 200
