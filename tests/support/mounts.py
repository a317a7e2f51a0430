"""A real network drive of this machine: a folder mounted by rclone, which can hang, die, return."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

from tests.support.net import until


class Mount:
    """What lies in `store`, mounted at `place`; `place` is its bare mount point in between."""

    def __init__(self, store: Path, place: Path, scratch: Path) -> None:
        self.store, self.place = store, place
        self._scratch = scratch
        self._process: subprocess.Popen[bytes] | None = None

    def mount(self) -> None:
        """Mount it, and return once it is there."""
        command = ["rclone", "mount", str(self.store), str(self.place), "--vfs-cache-mode=writes"]
        command += ["--vfs-write-back=100ms", "--dir-cache-time=0s", "--attr-timeout=0s"]
        command += [f"--cache-dir={self._scratch}", f"--config={os.devnull}"]
        with (self._scratch.parent / "rclone.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        until(lambda: os.path.ismount(self.place), 60)

    def hang(self) -> None:
        """Let every access wait, as a drive does whose server is gone."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """Let every access fail (ENOTCONN), as after a crash of what serves the mount."""
        self._signal(signal.SIGKILL)
        assert self._process is not None
        self._process.wait(10)
        self._process = None

    def unmount(self) -> None:
        """Leave the bare mount point, whatever state it was in."""
        subprocess.run(["fusermount3", "-uz", str(self.place)], capture_output=True, check=False)
        if self._process is not None:
            self.kill()

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)
