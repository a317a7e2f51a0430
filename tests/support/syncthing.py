"""Real Syncthing nodes on loopback, which see nobody but each other."""

from __future__ import annotations

import contextlib
import http.client
import json
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from tests.support.net import HOST, free_port, send

FOLDER = "memory"
KEY = "a-key-for-a-test"
PATIENCE_SECONDS = 120


class Node:
    """One Syncthing with its own home that shares one folder; `apart` says whether it is paused."""

    def __init__(self, home: Path, shared: Path) -> None:
        self.shared, self._home = shared, home
        self._api, self._port = free_port(), free_port()
        generate = ["syncthing", "generate", f"--home={home}", "--no-default-folder"]
        subprocess.run(generate, check=True, capture_output=True)
        self._keep_to_loopback()
        self.id = ET.parse(home / "config.xml").getroot().find("device").get("id")
        self._seen = 0
        self.process = self._start()

    @property
    def address(self) -> str:
        return f"tcp://{HOST}:{self._port}"

    def _keep_to_loopback(self) -> None:
        """Change the config before the first start, which would already ask servers outside."""
        path = self._home / "config.xml"
        tree = ET.parse(path)
        options = tree.getroot().find("options")
        for name in ("listenAddress", "globalAnnounceServer"):
            for old in options.findall(name):
                options.remove(old)
        wanted = {
            "listenAddress": self.address,
            "globalAnnounceEnabled": "false",
            "localAnnounceEnabled": "false",
            "relaysEnabled": "false",
            "natEnabled": "false",
            "urAccepted": "-1",
            "crashReportingEnabled": "false",
            "autoUpgradeIntervalH": "0",
            "startBrowser": "false",
            "reconnectionIntervalS": "1",
        }
        for name, value in wanted.items():
            found = options.find(name)
            entry = ET.SubElement(options, name) if found is None else found
            entry.text = value
        tree.getroot().find("gui/address").text = f"{HOST}:{self._api}"
        tree.getroot().find("gui/apikey").text = KEY
        tree.write(path)

    def _start(self) -> subprocess.Popen[bytes]:
        command = ["syncthing", "serve", f"--home={self._home}", "--no-browser", "--no-restart"]
        with (self._home / "out.log").open("wb") as log:
            process = subprocess.Popen([*command, "--no-upgrade"], stdout=log, stderr=log)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                if self.ask("GET", "/rest/system/ping") == {"ping": "pong"}:
                    return process
            except OSError:
                assert process.poll() is None, (self._home / "out.log").read_text()
                assert time.monotonic() < deadline, "syncthing does not answer"
                time.sleep(0.02)

    def ask(self, method: str, path: str, table: Any = None) -> Any:
        """Ask the node's REST API; fail where it refuses."""
        body = None if table is None else json.dumps(table).encode()
        headers = {"X-API-Key": KEY, "Content-Type": "application/json"}
        answer = send(self._api, method, path, body, headers)
        assert answer.status == http.client.OK, (path, answer)
        return json.loads(answer.body) if answer.body.strip() else None

    def share_with(self, nodes: Sequence[Node]) -> None:
        """Share the folder with other nodes; nothing is looked for but when it is told to."""
        for other in nodes:
            device = {"deviceID": other.id, "addresses": [other.address]}
            self.ask("PUT", f"/rest/config/devices/{other.id}", device)
        folder = {
            "id": FOLDER,
            "path": str(self.shared),
            "devices": [{"deviceID": node.id} for node in (self, *nodes)],
            "fsWatcherEnabled": False,
            "rescanIntervalS": 0,
        }
        self.ask("PUT", f"/rest/config/folders/{FOLDER}", folder)

    def pause(self, *, paused: bool) -> None:
        """Let the folder be, or go on with it."""
        self.ask("PATCH", f"/rest/config/folders/{FOLDER}", {"paused": paused})

    def scan(self) -> None:
        """Have the node look at its folder; it has when this returns."""
        self.ask("POST", f"/rest/db/scan?folder={FOLDER}")

    def is_idle(self) -> bool:
        """Tell whether the node has all it knows of."""
        status = self.ask("GET", f"/rest/db/status?folder={FOLDER}")
        return status["state"] == "idle" and not status["needTotalItems"]

    def has_news(self) -> bool:
        """Return as soon as something happens at the node; False where nothing did for a second."""
        news = self.ask("GET", f"/rest/events?since={self._seen}&timeout=1")
        self._seen = max([self._seen, *(event["id"] for event in news)])
        return bool(news)

    def files(self) -> dict[str, bytes]:
        """Return what the folder holds, but for Syncthing's own."""
        found = {}
        for path in self.shared.rglob("*"):
            own = path.name.startswith(".syncthing.") or ".stfolder" in path.parts
            if path.is_file() and not own:
                with contextlib.suppress(FileNotFoundError):  # the node has just taken it away
                    found[str(path.relative_to(self.shared))] = path.read_bytes()
        return found

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def part(nodes: Sequence[Node]) -> None:
    """Let no node bring anything to another."""
    for node in nodes:
        node.pause(paused=True)


def bring_together(nodes: Sequence[Node]) -> None:
    """Let the nodes sync until each has all there is, and all have the same."""
    for node in nodes:
        node.pause(paused=False)
    for node in nodes:
        node.scan()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        held = [node.files() for node in nodes]
        if all(files == held[0] for files in held) and all(node.is_idle() for node in nodes):
            return
        assert time.monotonic() < deadline, [sorted(files) for files in held]
        if not any(node.has_news() for node in nodes):
            for node in nodes:
                node.scan()  # a file that could not be had is asked for again, not in a minute only
