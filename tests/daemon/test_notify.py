"""Alerts: by the channel that was chosen, and whatever the channel does, never an exception."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
import time_machine

from memsync import config as settings
from memsync.config import KEYS, Config, writer
from memsync.daemon import channels, mail
from memsync.daemon.notify import CHANNELS, notify
from tests.support.net import HOST, free_port
from tests.support.smtp import mail_server

MORNING = datetime(2026, 11, 23, 9, 0, 0).astimezone()


def by(channel: str, **values: object) -> Config:
    path = settings.get_config_path()
    changes = {f"daemon.{key}": value for key, value in values.items()}
    writer.change(path, {"daemon.drift_notify": channel, **changes})
    return settings.load(path)


def alerts(config: Config) -> list[Path]:
    assert config.source is not None
    return sorted((config.source.parent / "alerts").glob("*"))


def test_by_log_it_is_one_warning(config, caplog):
    assert notify(by("log"), "claude is stale", "line one\nline two\x1b[31m")
    (record,) = [r for r in caplog.records if r.name == "memsync.daemon.notify"]
    assert record.levelno == logging.WARNING
    assert record.getMessage() == "claude is stale: line one line two [31m"


def test_by_file_each_alert_is_a_file_of_its_own_beside_the_config(config, caplog):
    with time_machine.travel(MORNING, tick=False):
        assert notify(by("file"), "claude is\r\nstale", "what to do")
        assert notify(by("file"), "codex is stale", "é caf\udce9")
    first, second = alerts(config)
    assert [first.name, second.name] == ["20261123_090000.txt", "20261123_090000_2.txt"]
    assert first.read_text().splitlines()[1:] == ["claude is stale", "", "what to do"]
    assert second.read_text().endswith("é caf?\n")
    assert first.stat().st_mode & 0o077 == 0
    assert "claude is stale" in caplog.text


def test_by_mail_it_goes_to_the_reader_of_the_digest(config):
    with mail_server() as server:
        reachable = by(
            "email",
            digest_email_to="ada@example.org",
            digest_smtp_host="localhost",
            digest_smtp_port=server.port,
        )
        assert notify(reachable, "claude is stale\r\nBcc: evil@example.org", "what to do")
    (message,) = server.mails
    assert message["Subject"] == "memsync: claude is stale Bcc: evil@example.org"
    assert message["Bcc"] is None
    assert message.get_content() == "what to do\n"
    assert server.recipients == [["ada@example.org"]]


@pytest.mark.parametrize(
    ("urls", "words"),
    [
        ([], "daemon.apprise_urls is empty"),
        (["nonsense"], "apprise does not know an address"),
        ([f"json://{HOST}:{free_port()}/secret-path"], "could not deliver"),
    ],
)
def test_an_apprise_that_fails_is_told_in_the_log_without_the_address(config, caplog, urls, words):
    pytest.importorskip("apprise")
    assert not notify(by("apprise", apprise_urls=urls), "claude is stale", "do this")
    assert "the alert was not delivered" in caplog.text
    assert words in caplog.text
    assert "secret-path" not in caplog.text


def test_a_mail_that_cannot_be_sent_is_told_in_the_log(config, caplog):
    unreachable = by("email", digest_email_to="a@b.c", digest_smtp_host="no-such-host.invalid")
    assert not notify(unreachable, "claude is stale", "what to do")
    assert not notify(by("email", digest_smtp_host=""), "codex is stale", "what to do")
    assert caplog.text.count("the alert was not delivered") == 2
    assert "digest_smtp_host is not set" in caplog.text
    assert "claude is stale: what to do" in caplog.text


def test_a_folder_that_cannot_be_written_is_told_in_the_log(config, caplog):
    (config.source.parent / "alerts").write_text("in the way")
    assert not notify(by("file"), "claude is stale", "what to do")
    assert "the alert was not delivered" in caplog.text


@pytest.mark.parametrize("error", [RuntimeError("odd"), MemoryError(), UnicodeError("odd")])
def test_whatever_a_channel_raises_stays_in_it(config, caplog, monkeypatch, error):
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(mail, "send_mail", fail)
    assert not notify(by("email"), "claude is stale", "what to do")
    assert "the alert was not delivered" in caplog.text


def test_an_unknown_channel_is_not_delivered_and_not_a_crash(config):
    daemon = replace(config.daemon, drift_notify="pigeon")
    assert not notify(replace(config, daemon=daemon), "claude is stale", "what to do")


def test_a_channel_is_one_file_and_the_settings_know_it_by_that():
    files = {path.stem for path in Path(channels.__path__[0]).glob("[a-z]*.py")}
    assert files == CHANNELS == {"apprise", "email", "file", "log"}
    assert KEYS["daemon.drift_notify"].check.allowed == "one of apprise, email, file, log"
