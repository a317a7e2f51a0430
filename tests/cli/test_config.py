"""`config`: the settings, shown and changed from the command line."""

from __future__ import annotations

import stat

import pytest

from memsync import config as settings
from tests.support.terminal import at_terminal

NASTY = 'a"b\\c\nd\'\'\'"""#=é🚢'


@pytest.fixture
def path(workspace):
    return settings.get_config_path()


def test_path_is_told_before_there_is_a_config(run, home, monkeypatch):
    default = home / ".config" / "memsync" / "config.toml"
    assert run("config", "path").out == f"{default}\n"
    monkeypatch.setenv("MEMSYNC_CONFIG", str(home / "elsewhere.toml"))
    assert run("config", "path").out == f"{home / 'elsewhere.toml'}\n"


def test_a_key_is_set_and_read_by_its_whole_name_or_the_bare_one(call, path):
    assert call("config", "set", "daemon.web_ui_port", "8080").out == "daemon.web_ui_port = 8080\n"
    assert call("config", "get", "web_ui_port").out == "8080\n"
    assert call("config", "set", "enabled", "false").code == 0
    assert call("config", "get", "daemon.enabled").out == "false\n"
    assert call("config", "set", "allowed_hosts", "pi.local, pi").code == 0
    assert call("config", "get", "allowed_hosts").out == "pi.local, pi\n"


def test_setting_keeps_comments_unknown_keys_and_the_rights_of_the_file(call, path):
    path.write_text(f"# mine\n{path.read_text()}\n[future]\nkey = 1 # stays\n")
    assert call("config", "set", "keep_days", "7").code == 0
    text = path.read_text()
    assert text.startswith("# mine\n")
    assert "[future]\nkey = 1 # stays\n" in text
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert settings.load().keep_days == 7


def test_a_password_of_every_sign_comes_back_as_it_was(call, path):
    done = call("config", "set", "web_ui_password", stdin=f"{NASTY}\n".encode())
    assert (done.code, done.out) == (0, "daemon.web_ui_password = …\n")
    assert settings.load().daemon.web_ui_password == NASTY
    assert call("config", "get", "web_ui_password").out == f"{NASTY}\n"


SECRETS = [key.dotted for key in settings.KEYS.values() if key.secret]


@pytest.mark.parametrize("key", SECRETS)
def test_a_secret_on_the_command_line_is_refused_and_not_repeated(key, call, path):
    before = path.read_bytes()
    done = call("config", "set", key, "hunter2-hunter2")
    assert (done.code, done.out) == (2, "")
    assert f"Try: memsync config set {key}, which asks for it" in done.err
    assert "hunter2" not in done.err
    assert path.read_bytes() == before


@pytest.mark.parametrize("key", ["daemon.web_ui_password", "daemon.capture_token"])
def test_none_is_no_secret_so_a_port_can_be_opened_on_purpose(key, call, path):
    assert call("config", "set", key, "").code == 0
    assert key in settings.load().given
    assert call("config", "get", key).out == "\n"


@pytest.mark.parametrize("sent", [b"", b"\n", b"\r\n", b"\xff\n"])
def test_nothing_piped_in_opens_no_port_by_accident(sent, call, path):
    before = path.read_bytes()
    assert call("config", "set", "web_ui_password", stdin=sent).code == 2
    assert path.read_bytes() == before


def test_a_password_is_asked_for_twice_and_never_shown(path):
    wanted = "daemon.web_ui_password"
    done = at_terminal("config", "set", wanted, typed=["one", "another", "horse", "horse"])
    assert done.code == 0
    assert "do not match" in done.out
    assert "horse" not in done.out
    assert settings.load().daemon.web_ui_password == "horse"


def test_a_token_is_asked_for_once_and_nothing_typed_is_nothing_set(path):
    assert at_terminal("config", "set", "capture_token", typed=["a token"]).code == 0
    assert settings.load().daemon.capture_token == "a token"
    assert at_terminal("config", "set", "capture_token", typed=[""]).code == 2
    assert settings.load().daemon.capture_token == "a token"


def test_show_names_every_key_and_no_secret(call, path):
    assert call("config", "set", "api_key", stdin=b"sk-ant-not-shown").code == 0
    assert call("config", "set", "apprise_urls", stdin=b"tgram://bot-token/chat\r\n").code == 0
    table = call("config", "show", "--json").json
    assert table["core"]["api_key"] == "…"
    assert table["core"]["provider"] == "custom"
    assert table["daemon"]["refresh_schedule"] == "55 23 * * *"
    assert table["targets"] == {}
    shown = call("config", "show").out
    for key in settings.KEYS.values():
        assert f"  {key.name} = " in shown
        assert key.name in table[key.section]
    assert "not-shown" not in shown
    assert "bot-token" not in shown
    assert "web_ui_port = 5000 (default)" in shown
    assert "provider = 'custom'  #" in shown


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        ("core.provider", "floppy", "onedrive"),
        ("web_ui_port", "70000", "65535"),
        ("web_ui_port", "many", "a whole number"),
        ("daemon.enabled", "perhaps", "true or false"),
        ("digest_schedule", "61 * * * *", "cron line"),
        ("monthly_budget_usd", "-1", "from 0"),
        ("monthly_budget_usd", "nan", "from 0"),
        ("allowed_networks", "home", "networks"),
        ("review", "never", "one of auto, inbox"),
        ("core.api_base_url", "foo", "begins with http:// or https://"),
        ("core.api_base_url", "ftp://x", "begins with http:// or https://"),
        ("core.api_base_url", "localhost:11434", "begins with http:// or https://"),
        ("core.api_base_url", "http://", "begins with http:// or https://"),
        ("core.api_base_url", "http://x:port", "begins with http:// or https://"),
    ],
)
def test_a_bad_value_is_refused_with_what_is_allowed(key, value, allowed, call, path):
    before = path.read_bytes()
    done = call("config", "set", key, "--", value)
    assert done.code == 2
    assert value in done.err
    assert allowed in done.err
    assert path.read_bytes() == before


@pytest.mark.parametrize("words", [("get", "nonesuch"), ("set", "nonesuch", "1"), ("set", "model")])
def test_an_unknown_key_or_a_missing_value_is_wrong_usage(words, call, path):
    done = call("config", *words)
    assert done.code == 2
    assert "Try: memsync config" in done.err


def test_nothing_is_set_where_memsync_is_not_set_up(call, home):
    for words in (("set", "model", "x"), ("get", "model"), ("show",)):
        assert call("config", *words).code == 3
    assert not settings.get_config_path().exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[core\nprovider = 1\n", "line 1"),
        ("[core]\nprovider = 1\n", "core.provider is 1"),
        ("[core]\nprovider = 'floppy'\n", "core.provider is 'floppy'"),
        ("[daemon]\nrefresh_schedule = '61 * * * *'\n", "daemon.refresh_schedule"),
        ("core = 3\n", "a section"),
        ("[core]\napi_key = 7\n", "core.api_key is '…'"),
        ("[targets]\nclaude = 3\n", "targets.claude"),
        ("[core]\nmodel = '\xff'\n", "not valid TOML"),
    ],
    ids=lambda value: value[:30],
)
def test_a_config_with_a_mistake_in_it_is_named_with_the_file_and_what_is_allowed(
    text, said, call, path
):
    path.write_bytes(text.encode("latin-1"))
    for words in (("status",), ("note", "x"), ("config", "show")):
        done = call(*words)
        assert done.code == 1, words
        assert said in done.err
        assert str(path) in done.err
        assert "Try: " in done.err
    assert path.read_bytes() == text.encode("latin-1")


@pytest.mark.parametrize("words", [("config", "set", "provider", "custom"), ("init", "--force")])
def test_the_command_that_an_error_names_mends_the_config(words, call, path):
    path.write_text(path.read_text().replace('"custom"', '"floppy"'))
    assert call("show").code == 1
    assert call(*words).code == 0
    assert call("show").code == 0
