"""The first start: nothing is open about which nobody decided, and no start fails for that."""

from __future__ import annotations

import pytest

from memsync import config as settings
from memsync.config import Config, first_secrets, writer
from memsync.config.credentials import capture_token
from memsync.config.first_secrets import mark_seen, unseen_secrets
from memsync.config.state import state_folder
from memsync.config.state_file import StateFile
from memsync.daemon.http.passwords import hash_password, is_password_hash, is_right_password
from memsync.daemon.services.first_start import create_secrets, is_due, secure
from memsync.errors import MemsyncError

BOTH = {"capture_token", "web_ui_password"}


def changed(**values: object) -> Config:
    path = settings.get_config_path()
    writer.change(path, {f"daemon.{key}": value for key, value in values.items()})
    return settings.load(path)


def test_a_token_and_a_password_are_made_written_privately_and_used(config):
    config.source.write_text("# my own words\n" + config.source.read_text())
    config.source.chmod(0o644)
    secured, made = create_secrets(config)
    assert set(made) == BOTH
    assert all(len(value) >= 16 for value in made.values())
    assert len(set(made.values())) == 2
    written = settings.load()
    assert written.daemon.capture_token == secured.daemon.capture_token == made["capture_token"]
    assert written.daemon.web_ui_password == secured.daemon.web_ui_password
    assert is_password_hash(written.daemon.web_ui_password)
    assert is_right_password(made["web_ui_password"], written.daemon.web_ui_password)
    assert made["web_ui_password"] not in config.source.read_text()
    assert config.source.stat().st_mode & 0o777 == 0o600
    assert config.source.read_text().startswith("# my own words\n")


def test_a_second_start_makes_nothing_new(config):
    first, _ = create_secrets(config)
    second, made = create_secrets(settings.load())
    assert made == {}
    assert second.daemon == first.daemon
    assert create_secrets(first)[1] == {}


def test_two_machines_get_different_secrets(config):
    _, one = create_secrets(config)
    writer.change(config.source, {f"daemon.{key}": None for key in BOTH})
    _, other = create_secrets(settings.load())
    assert not set(one.values()) & set(other.values())


@pytest.mark.parametrize("value", ["", hash_password("of my own choice")])
def test_what_is_in_the_file_even_empty_is_a_decision_and_stays(config, value):
    decided = changed(capture_token=value, web_ui_password=value)
    before = config.source.read_bytes()
    assert not is_due(decided)
    secured, made = create_secrets(decided)
    assert made == {}
    assert secured.daemon.capture_token == secured.daemon.web_ui_password == value
    assert config.source.read_bytes() == before


@pytest.mark.parametrize("password", ["of my own choice", "scrypt:", "\u00e4 '\"", "x" * 5000])
def test_a_password_in_plain_becomes_its_hash_at_the_next_start_and_stays_the_same(
    config, password
):
    config.source.write_text("# my own words\n" + config.source.read_text())
    decided = changed(capture_token="t", web_ui_password=password)
    assert is_due(decided)
    secured, made = create_secrets(decided)
    assert made == {}
    assert secured.daemon.capture_token == "t"
    kept = settings.load().daemon.web_ui_password
    assert kept == secured.daemon.web_ui_password
    assert is_password_hash(kept)
    assert is_right_password(password, kept)
    assert not is_right_password(password + " ", kept)
    assert config.source.read_text().startswith("# my own words\n")
    assert config.source.stat().st_mode & 0o777 == 0o600
    assert not is_due(secured)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain",
        "scrypt:32768:8:1",
        "scrypt:9999999999:8:1$aaaaaaaa$" + "0" * 128,
        "pbkdf2:x$y$z",
    ],
)
def test_what_only_looks_like_a_hash_is_a_password(text):
    assert not is_password_hash(text)
    assert is_right_password(text, text)


def test_half_a_character_is_no_password():
    assert not is_right_password("\ud800", hash_password("x"))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_a_port_for_this_machine_alone_is_for_one_user_of_it(config, host):
    """Every user of the machine reaches it."""
    assert set(create_secrets(changed(web_ui_host=host, capture_host=host))[1]) == BOTH


def test_each_port_is_decided_on_its_own(config):
    assert set(create_secrets(changed(web_ui_password=""))[1]) == {"capture_token"}


def test_a_port_that_is_off_needs_no_secret(config):
    assert create_secrets(changed(web_ui_enabled=False, capture_enabled=False))[1] == {}


def plain(config: Config) -> dict[str, str]:
    return {key: one.plain for key, one in unseen_secrets(config).items()}


def test_what_a_service_makes_waits_in_a_private_file_until_it_was_seen(config):
    secured = secure(config)
    assert settings.load().daemon == secured.daemon
    waiting = plain(settings.load())
    assert set(waiting) == BOTH
    assert is_right_password(waiting["web_ui_password"], secured.daemon.web_ui_password)
    assert waiting["capture_token"] == secured.daemon.capture_token
    assert (state_folder() / first_secrets.NAME).stat().st_mode & 0o777 == 0o600
    assert secure(settings.load()).daemon == secured.daemon
    assert plain(settings.load()) == waiting
    mark_seen(settings.load())
    assert plain(settings.load()) == {}
    assert not (state_folder() / first_secrets.NAME).exists()


def test_a_secret_that_was_changed_before_it_was_seen_is_not_shown(config):
    secure(config)
    assert set(plain(changed(capture_token="of my own choice"))) == {"web_ui_password"}
    assert plain(changed(web_ui_password="of my own choice")) == {}


def test_a_config_that_cannot_be_written_keeps_no_service_from_starting(config, monkeypatch):
    """Each start takes the same secrets, and they are shown until the config can have them."""
    with monkeypatch.context() as broken:
        broken.setattr(writer, "change", refuse)
        first, second = secure(config), secure(config)
        assert first.daemon == second.daemon
        assert is_right_password(plain(config)["web_ui_password"], first.daemon.web_ui_password)
        assert plain(config)["capture_token"] == first.daemon.capture_token != ""
        mark_seen(config)
        assert set(plain(config)) == BOTH
    assert settings.load().daemon.capture_token == ""
    made = secure(config)
    assert settings.load().daemon == made.daemon
    assert plain(settings.load())["capture_token"] == made.daemon.capture_token


def test_a_disk_that_takes_nothing_opens_no_port(config, monkeypatch):
    monkeypatch.setattr(writer, "change", refuse)
    monkeypatch.setattr(StateFile, "save", lambda *_: refuse())
    secured = secure(config)
    assert secured.daemon.capture_token
    assert is_password_hash(secured.daemon.web_ui_password)


def refuse(*_: object) -> None:
    raise MemsyncError("the disk is full") from OSError(28, "No space left on device")


def test_a_token_that_the_environment_outdoes_is_written_and_not_shown(config, monkeypatch):
    """The phone would be sent away with it; without the environment it still guards the port."""
    monkeypatch.setenv("MEMSYNC_CAPTURE_TOKEN", "from-the-shell")
    secured, made = create_secrets(config)
    assert set(made) == {"web_ui_password"}
    assert capture_token(secured) == "from-the-shell"
    monkeypatch.delenv("MEMSYNC_CAPTURE_TOKEN")
    assert len(capture_token(settings.load())) >= 16
