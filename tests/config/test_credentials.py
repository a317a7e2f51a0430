"""A secret is looked for in the environment, systemd's credentials, the keyring, then the config."""

import sys
from dataclasses import replace

import pytest

from memsync.config import Config, DaemonConfig, credentials

KEYRING = """
import json, pathlib
def get_password(service, name):
    return json.loads(pathlib.Path(__file__).with_name("ring.json").read_text())[service][name]
"""
CONFIG = Config(
    api_key="from config",
    daemon=DaemonConfig(digest_smtp_password="from config", capture_token="from config"),
)
SECRETS = [
    (credentials.api_key, "ANTHROPIC_API_KEY", "api_key"),
    (credentials.smtp_password, "MEMSYNC_SMTP_PASSWORD", "smtp_password"),
    (credentials.capture_token, "MEMSYNC_CAPTURE_TOKEN", "capture_token"),
]
every_secret = pytest.mark.parametrize(("look", "variable", "name"), SECRETS)


@pytest.fixture
def keyring(tmp_path, monkeypatch):
    """A keyring as a person might have it: the package, and an entry for each secret."""
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "keyring.py").write_text(KEYRING)
    entries = ", ".join(f'"{name}": "from keyring"' for _, _, name in SECRETS)
    (folder / "ring.json").write_text(f'{{"memsync": {{{entries}}}}}')
    monkeypatch.delitem(sys.modules, "keyring", raising=False)
    monkeypatch.syspath_prepend(str(folder))
    yield folder
    sys.modules.pop("keyring", None)


@pytest.fixture
def systemd(tmp_path, monkeypatch):
    folder = tmp_path / "credentials"
    folder.mkdir()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    for _, _, name in SECRETS:
        (folder / name).write_text("from systemd\n")
    return folder


@every_secret
def test_the_nearest_place_wins(look, variable, name, systemd, keyring, monkeypatch):
    monkeypatch.setenv(variable, " from environment\n")
    assert look(CONFIG) == "from environment"
    monkeypatch.setenv(variable, "  ")
    assert look(CONFIG) == "from systemd"
    (systemd / name).write_text("\n")
    assert look(CONFIG) == "from keyring"
    (keyring / "ring.json").write_text(f'{{"memsync": {{"{name}": null}}}}')
    assert look(CONFIG) == "from config"
    assert look(Config()) == ""


@every_secret
def test_one_secret_is_never_taken_for_another(look, variable, name, monkeypatch):
    for _, other, _ in SECRETS:
        if other != variable:
            monkeypatch.setenv(other, "another")
    assert look(Config()) == ""
    assert look(CONFIG) == "from config"


@every_secret
@pytest.mark.parametrize("damage", ["missing", "a folder", "no text"])
def test_a_credential_that_cannot_be_read_is_passed_over(look, variable, name, systemd, damage):
    path = systemd / name
    path.unlink()
    if damage == "a folder":
        path.mkdir()
    elif damage == "no text":
        path.write_bytes(b"\xff\xfe")
    assert look(CONFIG) == "from config"


@every_secret
@pytest.mark.parametrize("damage", ["raise RuntimeError('locked')", "raise ImportError", "1 / 0"])
def test_a_locked_or_broken_keyring_has_nothing(look, variable, name, keyring, damage):
    (keyring / "keyring.py").write_text(damage)
    assert look(CONFIG) == "from config"
    (keyring / "keyring.py").write_text(f"def get_password(service, name):\n    {damage}\n")
    sys.modules.pop("keyring", None)
    assert look(CONFIG) == "from config"


@pytest.mark.parametrize(
    ("config", "asked"),
    [
        (Config(), False),
        (Config(api_key="sk"), True),
        (Config(api_base_url="http://localhost:11434"), True),
        (Config(engine="claude"), True),
        (Config(engine="offline", api_key="sk", api_base_url="http://x"), False),
    ],
)
def test_claude_is_asked_where_there_is_a_way_and_nobody_forbade_it(config, asked, monkeypatch):
    assert credentials.has_model(config) is asked
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-env")
    assert credentials.has_model(config) is (config.engine != "offline")
    assert credentials.has_model(replace(config, engine="offline")) is False
