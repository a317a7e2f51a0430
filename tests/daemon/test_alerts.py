"""Alerts: one when a job begins to fail, one when it is well again, by the channel chosen."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from memsync import config as settings
from memsync import config_writer
from memsync.daemon import notify, scheduler


class Webhook(ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got: list[dict] = []


class _Handler(BaseHTTPRequestHandler):
    server: Webhook

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        self.server.got.append(json.loads(self.rfile.read(length)))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_rest: object) -> None:
        pass


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    with Webhook() as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def alerts(home) -> list[str]:
    folder = home / ".config" / "memsync" / "alerts"
    return [path.read_text().splitlines()[1] for path in sorted(folder.glob("*.txt"))]


def test_a_job_that_keeps_failing_alerts_once_and_once_when_it_is_well_again(workspace, home):
    daemon = replace(workspace.config.daemon, drift_notify="file")
    config = replace(workspace.config, daemon=daemon, source=settings.get_config_path())
    good = workspace.memory.read_bytes()
    workspace.memory.write_bytes(b"")
    for _ in range(3):
        assert scheduler.job_nightly_refresh(config).outcome == "failed"
    assert alerts(home) == ["the job nightly_refresh failed"]
    workspace.memory.write_bytes(good)
    for _ in range(3):
        assert scheduler.job_nightly_refresh(config).outcome == "ok"
    assert alerts(home)[1:] == ["the job nightly_refresh is well again"]


def test_apprise_delivers_to_a_webhook_from_a_process_of_its_own(workspace, webhook):
    address = f"json://127.0.0.1:{webhook.server_address[1]}"
    config_writer.change(
        settings.get_config_path(),
        {"daemon.drift_notify": "apprise", "daemon.apprise_urls": (address,)},
    )
    assert notify.notify(settings.load(), "a subject", "a body\nof two lines")
    assert webhook.got[0]["title"] == "a subject"
    assert webhook.got[0]["message"] == "a body\nof two lines"


def test_an_address_that_does_not_answer_is_said_in_the_log_and_raises_nothing(workspace, caplog):
    config_writer.change(
        settings.get_config_path(),
        {"daemon.drift_notify": "apprise", "daemon.apprise_urls": ("json://127.0.0.1:9",)},
    )
    with caplog.at_level(logging.ERROR):
        assert not notify.notify(settings.load(), "a subject", "a body")
    assert "not delivered" in caplog.text
