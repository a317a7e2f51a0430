"""Alerts: one when a job begins to fail, one when it is well again, by the channel chosen."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from memsync import clock
from memsync import config as settings
from memsync.config import Config, writer
from memsync.daemon import notify, scheduler
from memsync.notes import log
from memsync.refresh import usage
from memsync.refresh.llm.prices import Tokens
from memsync.text.note import make_note
from tests.support.messages_server import edits, http_error


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


def test_a_run_with_nothing_to_do_between_two_failures_is_no_news(workspace, home):
    path = settings.get_config_path()
    daemon = replace(workspace.config.daemon, drift_notify="file", backup_mirror_path="")
    off = replace(workspace.config, daemon=daemon, source=path)
    within = str(workspace.root / "mirror")
    failing = replace(off, daemon=replace(daemon, backup_mirror_path=within))
    outcomes = [scheduler.job_backup_mirror(c).outcome for c in (failing, off, failing, off)]
    assert outcomes == ["failed", "skipped", "failed", "skipped"]
    assert alerts(home) == ["the job backup_mirror failed"]
    well = replace(off, daemon=replace(daemon, backup_mirror_path=str(home / "mirror")))
    assert scheduler.job_backup_mirror(well).outcome == "ok"
    assert alerts(home)[1:] == ["the job backup_mirror is well again"]


def held_by_budget(workspace, url: str, *, source) -> Config:
    daemon = replace(workspace.config.daemon, drift_notify="file")
    return replace(
        workspace.config, daemon=daemon, source=source, api_base_url=url, monthly_budget_usd=0.001
    )


def test_a_budget_that_is_used_up_is_told_once_and_the_job_is_skipped_with_the_reason(
    workspace, home, claude
):
    config = held_by_budget(workspace, claude.url, source=settings.get_config_path())
    log.append(workspace, make_note("I moved to Oslo", clock.now()))
    for _ in range(3):
        run = scheduler.job_nightly_refresh(config)
        assert run.outcome == "skipped"
        assert "the budget of $0.001 for" in run.message
    assert claude.requests == []
    assert alerts(home) == ["the job nightly_refresh is held up"]
    (told,) = (home / ".config" / "memsync" / "alerts").glob("*.txt")
    assert "memsync config set core.monthly_budget_usd" in told.read_text()
    claude.script(edits())
    assert scheduler.job_nightly_refresh(replace(config, monthly_budget_usd=0.0)).outcome == "ok"
    assert alerts(home)[1:] == ["the job nightly_refresh is well again"]


def test_the_log_says_once_after_an_upgrade_that_there_is_a_limit_now(with_claude, caplog):
    used = Tokens(1, 1)
    usage.record_call(with_claude, "nightly_refresh", "claude-haiku-5-5", used, changed=True)
    for times in (1, 1):
        with caplog.at_level("INFO"):
            assert scheduler.job_nightly_refresh(with_claude.config).outcome == "ok"
        assert caplog.text.count("now spend at most $5.00 a month") == times


def test_a_trouble_is_told_again_when_its_cure_is_another(workspace, home, claude):
    config = held_by_budget(workspace, claude.url, source=settings.get_config_path())
    config = replace(config, monthly_budget_usd=0.0)
    log.append(workspace, make_note("I moved to Oslo", clock.now()))
    final = {"x-should-retry": "false"}
    claude.script(
        http_error(529, "overloaded_error", "Busy", final),
        http_error(529, "overloaded_error", "Still busy", final),
        http_error(401, "authentication_error", "No such key"),
        http_error(401, "authentication_error", "No such key"),
        http_error(402, "billing_error", "No credit"),
        edits(),
    )
    outcomes = [scheduler.job_nightly_refresh(config).outcome for _ in range(6)]
    assert outcomes == ["failed"] * 5 + ["ok"]
    texts = [path.read_text() for path in sorted((home / ".config/memsync/alerts").glob("*.txt"))]
    cures = ["memsync refresh later", "check ANTHROPIC_API_KEY", "add credit", ""]
    assert len(texts) == len(cures)
    assert all(cure in text for cure, text in zip(cures, texts, strict=True))


def test_apprise_delivers_to_a_webhook_from_a_process_of_its_own(workspace, webhook):
    address = f"json://127.0.0.1:{webhook.server_address[1]}"
    writer.change(
        settings.get_config_path(),
        {"daemon.drift_notify": "apprise", "daemon.apprise_urls": (address,)},
    )
    assert notify.notify(settings.load(), "a subject", "a body\nof two lines")
    assert webhook.got[0]["title"] == "a subject"
    assert webhook.got[0]["message"] == "a body\nof two lines"


def test_an_address_that_does_not_answer_is_said_in_the_log_and_raises_nothing(workspace, caplog):
    writer.change(
        settings.get_config_path(),
        {"daemon.drift_notify": "apprise", "daemon.apprise_urls": ("json://127.0.0.1:9",)},
    )
    with caplog.at_level(logging.ERROR):
        assert not notify.notify(settings.load(), "a subject", "a body")
    assert "not delivered" in caplog.text
