"""Every setting has a default, a bad value is refused in full words, and no secret is ever said."""

import errno
import io
import sys
from pathlib import Path

import pytest

from memsync import config as settings
from memsync.config import KEYS, Config, TargetSetting, writer
from memsync.errors import MemsyncError, NotSetUpError, WrongUsageError

# As the contract has them.
DEFAULTS = {
    "core.provider": "onedrive",
    "core.engine": "auto",
    "core.api_key": "",
    "core.api_base_url": "",
    "core.max_memory_lines": 400,
    "core.monthly_budget_usd": 5,
    "core.review": "auto",
    "core.agent_notes": "merged",
    "paths.sync_root": "",
    "backups.keep_days": 30,
    "daemon.enabled": True,
    "daemon.refresh_enabled": True,
    "daemon.refresh_schedule": "55 23 * * *",
    "daemon.backup_mirror_path": "",
    "daemon.backup_mirror_schedule": "0 * * * *",
    "daemon.backup_mirror_keep_days": 30,
    "daemon.web_ui_enabled": True,
    "daemon.web_ui_port": 5000,
    "daemon.web_ui_host": "0.0.0.0",
    "daemon.web_ui_password": "",
    "daemon.capture_enabled": True,
    "daemon.capture_port": 5001,
    "daemon.capture_host": "0.0.0.0",
    "daemon.capture_token": "",
    "daemon.capture_daily_mb": 20,
    "daemon.drift_check_enabled": True,
    "daemon.drift_check_interval_hours": 6,
    "daemon.drift_grace_minutes": 120,
    "daemon.drift_repair": False,
    "daemon.drift_notify": "log",
    "daemon.apprise_urls": (),
    "daemon.digest_enabled": False,
    "daemon.digest_schedule": "0 9 * * 1",
    "daemon.digest_email_to": "",
    "daemon.digest_email_from": "",
    "daemon.digest_smtp_host": "",
    "daemon.digest_smtp_port": 587,
    "daemon.digest_smtp_user": "",
    "daemon.digest_smtp_password": "",
    "daemon.allowed_hosts": (),
    "daemon.trusted_proxies": (),
}
WRONG_TYPES = {
    bool: [0, 1, "true", []],
    int: ["8080", 1.5, True, []],
    float: ["1.5", True, []],
    str: [5, True, ["a"], {"a": 1}],
    tuple: ["10.0.0.0/8", [1], [["a"]], True],
}
PORTS = [0, -1, 65536]
CRON_LINES = [
    "61 * * * *",
    "* 24 * * *",
    "* * 32 * *",
    "* * * 13 *",
    "* * * * 8",
    "0 0 9 * * 1",
    "9 * *",
    "@daily",
    "",
    "every day",
    "*/0 * * * *",
    "\n",
]
WRONG_VALUES = {
    "core.provider": ["megasync", "", "OneDrive"],
    "core.engine": ["gpt", ""],
    "core.model": ["", "  "],
    "core.max_memory_lines": [0, 19, 100_001],
    "core.monthly_budget_usd": [-1, float("nan"), float("inf")],
    "core.review": ["never"],
    "backups.keep_days": [0, -1, 36501],
    "daemon.refresh_schedule": CRON_LINES,
    "daemon.backup_mirror_schedule": CRON_LINES,
    "daemon.digest_schedule": CRON_LINES,
    "daemon.web_ui_port": PORTS,
    "daemon.capture_port": PORTS,
    "daemon.digest_smtp_port": PORTS,
    "daemon.web_ui_host": [""],
    "daemon.capture_host": [" "],
    "daemon.backup_mirror_keep_days": [0],
    "daemon.drift_check_interval_hours": [0, 8761],
    "daemon.drift_notify": ["sms", "LOG"],
    "daemon.digest_email_to": ["a@b\r\nBcc: c@d"],
    "daemon.digest_email_from": ["a\nb"],
    "daemon.digest_smtp_host": ["a\nb"],
    "daemon.allowed_networks": [["192.168.0.0/33"], ["pi.local"]],
    "daemon.trusted_proxies": [["127.0.0.1:80"], ["proxy.lan"]],
    "daemon.capture_daily_mb": [-1, 100_001],
    "paths.sync_root": ["a\0b"],
}
CASES = [
    *((key, value) for key in KEYS for value in WRONG_TYPES[type(KEYS[key].default)]),
    *((key, value) for key, values in WRONG_VALUES.items() for value in values),
]


@pytest.fixture
def file(tmp_path):
    return tmp_path / "config.toml"


def table_of(key, value):
    section, name = key.split(".")
    return {section: {name: value}}


def value_of(config, key):
    section, name = key.split(".")
    return getattr(config.daemon if section == "daemon" else config, name)


@pytest.mark.parametrize(("key", "default"), DEFAULTS.items())
def test_every_key_has_the_default_of_the_contract_and_takes_it_when_written(key, default, file):
    file.write_text("")
    assert value_of(settings.load(file), key) == default
    written = list(default) if isinstance(default, tuple) else default
    loaded = settings.from_table(table_of(key, written), file)
    assert value_of(loaded, key) == default
    assert loaded.given == {key}


def test_no_key_is_missing_from_the_contract():
    unchecked = {"core.model", "daemon.allowed_networks"}
    later = {"daemon.drift_grace_minutes", "daemon.drift_repair"}
    later |= {"paths.rclone_remote", "daemon.rclone_schedule"}
    assert unchecked <= KEYS.keys() - DEFAULTS.keys() <= unchecked | later
    assert all(key.help for key in KEYS.values())
    assert KEYS["core.model"].default.startswith("claude-")
    secrets = {key.name for key in KEYS.values() if key.secret}
    assert secrets >= {"api_key", "web_ui_password", "capture_token", "digest_smtp_password"}


@pytest.mark.parametrize(("key", "value"), CASES)
def test_a_wrong_value_is_refused_with_key_value_what_is_allowed_and_file(key, value, file):
    with pytest.raises(MemsyncError) as raised:
        settings.from_table(table_of(key, value), file)
    message = raised.value.message
    kept = settings.normalise(KEYS[key], value)
    assert message.startswith(f"{key} is ")
    assert ("…" if KEYS[key].secret else repr(kept)) in message
    assert f"in {file}; allowed is {KEYS[key].refusal(kept)}" in message
    assert key in raised.value.hint


@pytest.mark.parametrize(
    "line", ["0 9 * * 1", "0 9 * * MON", "*/15 8-18 * * 1-5", "0 0 29 2 *", "0 0 * * 0,7"]
)
def test_what_cron_understands_is_taken(line, file):
    assert settings.from_table(table_of("daemon.digest_schedule", line), file).daemon


@pytest.mark.parametrize("key", [key for key in KEYS if KEYS[key].secret])
@pytest.mark.parametrize("value", [["hunter2", 5], {"hunter2": 1}, "hunter2\0", 918273645])
def test_a_secret_is_never_in_an_error_message(key, value, file):
    with pytest.raises(MemsyncError) as raised:
        settings.from_table(table_of(key, value), file)
    told = repr(raised.value) + raised.value.message + raised.value.hint
    assert "hunter2" not in told
    assert "918273645" not in told


def test_a_secret_is_not_in_the_printed_config_either():
    config = settings.from_table(
        {"core": {"api_key": "hunter2"}, "daemon": {"web_ui_password": "hunter2"}}, None
    )
    assert config.api_key == config.daemon.web_ui_password == "hunter2"
    assert "hunter2" not in repr(config)


def test_a_line_that_is_no_toml_is_named_with_its_place_and_without_its_secret(file):
    file.write_text('[core]\nprovider = "onedrive"\napi_key = "hunter2\n')
    with pytest.raises(MemsyncError, match="is not valid TOML") as raised:
        settings.load(file)
    assert str(file) in raised.value.message
    assert "line 3" in raised.value.message
    assert "hunter2" not in raised.value.message + raised.value.hint
    assert raised.value.exit_code == 1


@pytest.mark.parametrize("data", [b"\xff\xfe[\0c\0", b"\xe9 = 1\n", b"\0\0\0\0"])
def test_a_file_that_is_no_text_is_refused(data, file):
    file.write_bytes(data)
    with pytest.raises(MemsyncError, match="is not valid TOML"):
        settings.load(file)


def test_a_file_with_a_byte_order_mark_and_windows_line_ends_is_read(file):
    file.write_bytes(b'\xef\xbb\xbf[core]\r\nprovider = "icloud"\r\n')
    assert settings.load(file).provider == "icloud"


def test_a_machine_without_a_config_is_not_set_up(file):
    with pytest.raises(NotSetUpError) as raised:
        settings.load(file)
    assert raised.value.exit_code == 3
    assert raised.value.hint == "memsync init"
    assert not file.exists()


def test_a_config_that_cannot_be_read_is_an_error_and_no_default(file, monkeypatch):
    file.write_text("")
    real = io.open

    def refused(name, *args, **kwargs):
        if Path(name) == file:
            raise PermissionError(errno.EACCES, "Permission denied", str(name))
        return real(name, *args, **kwargs)

    monkeypatch.setattr(io, "open", refused)
    with pytest.raises(MemsyncError, match=r"cannot read .*Permission denied") as raised:
        settings.load(file)
    assert raised.value.exit_code == 1
    monkeypatch.undo()
    file.unlink()
    file.mkdir()
    with pytest.raises(MemsyncError, match="cannot read"):
        settings.load(file)


@pytest.mark.parametrize("section", ["core", "paths", "backups", "daemon", "targets"])
def test_a_section_that_is_none_is_refused(section, file):
    with pytest.raises(MemsyncError, match=rf"{section} is 5 in .*\[{section}\]"):
        settings.from_table({section: 5}, file)


def test_unknown_keys_and_sections_are_no_error(file):
    file.write_text('top = 1\n[core]\nprovider = "icloud"\nfrom_the_future = [1]\n[other]\na = 1\n')
    loaded = settings.load(file)
    assert loaded.provider == "icloud"
    assert loaded.given == {"core.provider"}


def test_targets_are_paths_or_tables(file):
    file.write_text(
        '[targets]\nclaude = "~/.claude/CLAUDE.md"\n'
        'codex = { path = "/x/AGENTS.md", mode = "copy", later = 1 }\n'
        'old = { path = "~/old.md", mode = "link" }\n'
        '[targets.gemini]\npath = "~/GEMINI.md"\n'
    )
    loaded = settings.load(file)
    assert loaded.targets == {
        "claude": TargetSetting("~/.claude/CLAUDE.md", "block"),
        "codex": TargetSetting("/x/AGENTS.md", "copy"),
        "old": TargetSetting("~/old.md", "link"),
        "gemini": TargetSetting("~/GEMINI.md", "block"),
    }
    assert loaded.claude_md_target == Path.home() / ".claude/CLAUDE.md"
    assert loaded.given == {"targets"}


@pytest.mark.parametrize(
    "entry",
    [5, True, [], {}, {"mode": "copy"}, {"path": 5}, {"path": " "}, "", "~nobody-here/x", "a\0b"],
)
def test_a_target_that_is_no_path_is_refused(entry, file):
    with pytest.raises(MemsyncError, match=r"targets\.claude is ") as raised:
        settings.from_table({"targets": {"claude": entry}}, file)
    assert str(file) in raised.value.message
    assert str(file) in raised.value.hint


@pytest.mark.parametrize("mode", ["append", "", 5, ["block"]])
def test_a_target_mode_that_does_not_exist_is_refused(mode, file):
    entry = {"path": "/x", "mode": mode}
    with pytest.raises(MemsyncError, match=r"targets\.claude\.mode is .*block, copy$"):
        settings.from_table({"targets": {"claude": entry}}, file)


def test_an_old_caller_finds_claudes_file(home):
    assert Config().claude_md_target == home / ".claude" / "CLAUDE.md"
    named = Config(targets={"claude": TargetSetting("/elsewhere/C.md")})
    assert named.claude_md_target == Path("/elsewhere/C.md")


def test_a_bare_key_is_found_and_an_unknown_one_refused():
    assert settings.find_key("web_ui_port") is settings.find_key("daemon.web_ui_port")
    assert settings.find_key("keep_days").dotted == "backups.keep_days"
    for name in ("port", "daemon.", "", "core.web_ui_port", "WEB_UI_PORT"):
        with pytest.raises(WrongUsageError) as raised:
            settings.find_key(name)
        assert raised.value.exit_code == 2


def test_the_config_is_where_the_environment_says(home, tmp_path, monkeypatch):
    assert settings.get_config_path() == home / ".config/memsync/config.toml"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    assert settings.get_config_path() == tmp_path / "xdg/memsync/config.toml"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert settings.get_config_path() == tmp_path / "xdg/memsync/config.toml"
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("APPDATA", str(tmp_path / "Roaming"))
    assert settings.get_config_path() == tmp_path / "Roaming/memsync/config.toml"
    monkeypatch.delenv("APPDATA")
    assert settings.get_config_path() == home / "AppData/Roaming/memsync/config.toml"
    monkeypatch.setenv("MEMSYNC_CONFIG", "~/other.toml")
    assert settings.get_config_path() == home / "other.toml"


@pytest.mark.parametrize("place", ["relative/x", "./x", "~nobody-of-that-name/x"])
def test_a_mirror_that_depends_on_where_one_stands_is_refused(place):
    for_mirror = settings.find_key("backup_mirror_path")
    with pytest.raises(WrongUsageError):
        writer.parse_value(for_mirror, place)
    with pytest.raises(MemsyncError, match="starts with / or ~"):
        settings.from_table({"daemon": {"backup_mirror_path": place}}, None)
    assert writer.parse_value(for_mirror, "~/mirror") == "~/mirror"
