"""The first start: nothing is open to the network about which nobody decided."""

from __future__ import annotations

import pytest

from memsync import config as settings
from memsync import config_writer
from memsync.config import Config
from memsync.credentials import capture_token
from memsync.daemon.first_start import secure

BOTH = {"capture_token", "web_ui_password"}


def changed(**values: object) -> Config:
    path = settings.get_config_path()
    config_writer.change(path, {f"daemon.{key}": value for key, value in values.items()})
    return settings.load(path)


def test_a_token_and_a_password_are_made_written_privately_and_used(config):
    config.source.write_text("# my own words\n" + config.source.read_text())
    config.source.chmod(0o644)
    secured, made = secure(config)
    assert set(made) == BOTH
    assert all(len(value) >= 16 for value in made.values())
    assert len(set(made.values())) == 2
    written = settings.load()
    assert written.daemon.capture_token == secured.daemon.capture_token == made["capture_token"]
    assert written.daemon.web_ui_password == secured.daemon.web_ui_password
    assert written.daemon.web_ui_password == made["web_ui_password"]
    assert config.source.stat().st_mode & 0o777 == 0o600
    assert config.source.read_text().startswith("# my own words\n")


def test_a_second_start_makes_nothing_new(config):
    first, _ = secure(config)
    second, made = secure(settings.load())
    assert made == {}
    assert second.daemon == first.daemon
    assert secure(first)[1] == {}


def test_two_machines_get_different_secrets(config):
    _, one = secure(config)
    config_writer.change(config.source, {f"daemon.{key}": None for key in BOTH})
    _, other = secure(settings.load())
    assert not set(one.values()) & set(other.values())


@pytest.mark.parametrize("value", ["", "of my own choice"])
def test_what_is_in_the_file_even_empty_is_a_decision_and_stays(config, value):
    decided = changed(capture_token=value, web_ui_password=value)
    before = config.source.read_bytes()
    secured, made = secure(decided)
    assert made == {}
    assert secured.daemon.capture_token == secured.daemon.web_ui_password == value
    assert config.source.read_bytes() == before


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_a_port_for_this_machine_alone_needs_no_secret(config, host):
    before = changed(web_ui_host=host, capture_host=host)
    assert secure(before) == (before, {})


def test_each_port_is_decided_on_its_own(config):
    assert set(secure(changed(web_ui_host="127.0.0.1"))[1]) == {"capture_token"}


def test_a_port_that_is_off_needs_no_secret(config):
    assert secure(changed(web_ui_enabled=False, capture_enabled=False))[1] == {}


def test_a_token_that_the_environment_outdoes_is_written_and_not_shown(config, monkeypatch):
    """The phone would be sent away with it; without the environment it still guards the port."""
    monkeypatch.setenv("MEMSYNC_CAPTURE_TOKEN", "from-the-shell")
    secured, made = secure(config)
    assert set(made) == {"web_ui_password"}
    assert capture_token(secured) == "from-the-shell"
    monkeypatch.delenv("MEMSYNC_CAPTURE_TOKEN")
    assert len(capture_token(settings.load())) >= 16
