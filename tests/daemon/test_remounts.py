"""A mount that is killed and mounted again, over and over, under a daemon that takes notes."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from itertools import count
from typing import Self

import pytest

from memsync.config.workspace import MEMORY_NAME, Workspace
from memsync.notes import reader
from tests.support.daemons import Daemon, memsync
from tests.support.scale import share


@pytest.fixture
def daemon(mount) -> Iterator[Daemon]:
    made = Daemon()
    try:
        yield made
    finally:
        made.end()


def logged(workspace: Workspace) -> list[str]:
    return [note.text for day in reader.days(workspace) for note in reader.read_day(workspace, day)]


class _Talker:
    """Somebody who goes on taking notes, by the ear and by commands, whatever the folder does."""

    def __init__(self, daemon: Daemon) -> None:
        self.kept: list[str] = []
        self._daemon = daemon
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=act) for act in (self._post, self._command)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _post(self) -> None:
        for number in count():
            if self._ended.wait(0.02):
                return
            assert self._daemon.post(f"posted {number}.").status == 200
            self.kept.append(f"posted {number}.")

    def _command(self) -> None:
        for number in count():
            if self._ended.wait(0.05):
                return
            done = memsync("note", f"typed {number}.")
            assert (done.code, "Traceback" in done.err) in {(0, False), (4, False)}, done.err
            if done.code == 0 or "the note is kept" in done.err:
                self.kept.append(f"typed {number}.")
            if number % 4 == 3:
                assert memsync("refresh").code in {0, 1, 4, 6}
            if number % 4 == 1:
                assert memsync("daemon", "run", "mirror").code in {0, 1, 4}


@pytest.mark.torture
def test_a_mount_killed_and_mounted_again_loses_no_note_and_nothing_lies_under_it(
    daemon, mount, workspace, tmp_path
):
    mirror, mirrored = tmp_path / "mirror", False
    daemon.set(backup_mirror_path=str(mirror))
    chance, rounds = random.Random(5), share(200, 3)
    daemon.start()
    with _Talker(daemon) as talker:
        for _ in range(rounds):
            time.sleep(chance.uniform(0.1, 0.6))
            if chance.random() < 0.2:
                mount.hang()
                time.sleep(chance.uniform(0.0, 0.3))
            mount.kill()
            time.sleep(chance.uniform(0.0, 0.1))  # dead: every access fails
            mount.unmount()
            time.sleep(chance.uniform(0.0, 0.2))  # gone: the bare mount point
            assert list(workspace.root.iterdir()) == []
            mirrored = mirrored or (mirror / MEMORY_NAME).exists()
            assert (mirror / MEMORY_NAME).exists() is mirrored  # never taken away again
            mount.mount()
    done = memsync("refresh")
    assert done.code == 0, done.err
    found = Counter(logged(workspace))
    assert set(talker.kept) <= set(found)
    assert set(found.values()) == {1}
    assert "# Global memory" in workspace.memory.read_text()
    assert all(f"{text}\n" in workspace.memory.read_text() for text in talker.kept)
    print(f"{rounds} mounts killed, {len(talker.kept)} notes taken")
