"""A cloud on 127.0.0.1: `rclone serve webdav`, and a config of rclone's that knows it."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

from tests.support.net import HOST, free_port, until


class Cloud:
    """What lies in `folder`, served; `config` is what RCLONE_CONFIG is to be."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.config = folder.with_name("rclone.conf")
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        # As ownCloud, because rclone then keeps files' times, as it does in OneDrive.
        lines = ["[cloud]", "type = webdav", f"url = http://{HOST}:{self._port}"]
        self.config.write_text("\n".join([*lines, "vendor = owncloud", ""]))

    def start(self) -> None:
        command = ["rclone", "serve", "webdav", str(self.folder), f"--addr={HOST}:{self._port}"]
        command += ["--dir-cache-time=0s"]  # or it would not see what is done behind its back
        with self.folder.with_name("webdav.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, f"--config={os.devnull}"], stdout=log, stderr=log
            )
        until(self._answers)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def _answers(self) -> bool:
        with socket.socket() as client:
            return client.connect_ex((HOST, self._port)) == 0
