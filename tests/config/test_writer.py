"""A change of one setting leaves what a person wrote, and whatever is set is read back the same."""

import errno
import os
import stat
import tomllib

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from memsync import config as settings
from memsync.config import KEYS, writer
from memsync.errors import MemsyncError, NotSetUpError, WrongUsageError
from tests.files.test_atomic import failing_runs, names

WRITTEN = """# my settings, do not lose

[core]
# the pi has OneDrive
provider = "onedrive"   # changed in May
from_the_future = [1, 2]

[somebody]
else = true # theirs

[daemon]
web_ui_port    = 5000
"""

TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
on_one_folder = hypothesis_settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "settings" / "config.toml"
    path.parent.mkdir()
    path.write_text(WRITTEN)
    return path


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_config_is_private_in_a_private_folder(tmp_path):
    path = tmp_path / "new" / "memsync" / "config.toml"
    before = os.umask(0)
    try:
        writer.write_new(path, {"core": {"provider": "icloud"}})
    finally:
        os.umask(before)
    assert mode(path) == 0o600
    assert mode(path.parent) == 0o700
    assert settings.load(path).provider == "icloud"


def test_a_new_config_with_a_bad_value_is_not_written(tmp_path):
    path = tmp_path / "new" / "config.toml"
    with pytest.raises(MemsyncError, match=r"core\.provider is 'floppy'"):
        writer.write_new(path, {"core": {"provider": "floppy"}})
    assert not path.parent.exists()


def test_a_change_touches_its_own_line_and_no_other(file):
    assert writer.set_value(file, "daemon.web_ui_port", "8080") == 8080
    assert file.read_text() == WRITTEN.replace("    = 5000", "    = 8080")
    writer.set_value(file, "provider", "icloud")
    after = WRITTEN.replace("    = 5000", "    = 8080").replace('"onedrive"', '"icloud"')
    assert file.read_text() == after


@pytest.mark.parametrize(
    "table",
    [
        '[targets.c]\npath = "/c"\nmode = "copy"\n',
        'targets.c = "/c"\n',
        'targets = { c = "/c" }\n',
        '[targets]\nc = "/c"\n',
        '[targets]\n[targets.c]\npath = "/c"\n',
    ],
)
@pytest.mark.parametrize("after", ["", WRITTEN[WRITTEN.index("[core]") :]])
def test_a_section_that_loses_its_last_key_stays_as_an_empty_one(file, table, after):
    file.write_text(f"{table}{after}")
    writer.change(file, {"targets.c": None})
    assert tomllib.loads(file.read_text()) == {"targets": {}, **tomllib.loads(after)}
    assert all(line in file.read_text() for line in after.splitlines())


def test_a_change_makes_an_open_config_private_and_keeps_a_link_a_link(file, tmp_path):
    file.chmod(0o644)
    dotfiles = tmp_path / "dotfiles.toml"
    file.rename(dotfiles)
    file.symlink_to(dotfiles)
    writer.set_value(file, "keep_days", "7")
    assert file.is_symlink()
    assert mode(dotfiles) == 0o600
    assert settings.load(file).keep_days == 7


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# only a comment",
        "[core]",
        'core.provider = "custom"',
        'core = { provider = "custom" }',
        '[daemon]\nenabled = true\n[core]\nprovider = "custom"\n[backups]',
        '[targets.claude]\npath = "/c"\n[core]\nprovider = "custom"\n[targets.codex]\npath = "/x"',
        '\ufeff[core]\r\nprovider = "custom" # mine\r\n[targets]\r\nclaude = "/c"\r\n',
    ],
)
def test_every_key_can_be_set_whatever_shape_the_file_has(text, file):
    file.write_bytes(text.encode())
    before = settings.load(file)
    for key in ("core.model", "paths.sync_root", "backups.keep_days", "daemon.capture_port"):
        writer.set_value(file, key, "77")
    writer.change(file, {"targets.gemini": {"path": "/g", "mode": "copy"}})
    after = settings.load(file)
    assert (after.model, after.sync_root, after.keep_days) == ("77", "77", 77)
    assert after.daemon.capture_port == 77
    assert after.provider == before.provider
    assert after.targets.items() >= before.targets.items()
    assert after.targets["gemini"].mode == "copy"
    assert ("# mine" in text) == ("# mine" in file.read_text())


@pytest.mark.parametrize(
    ("key", "typed", "value"),
    [
        ("web_ui_enabled", "false", False),
        ("web_ui_enabled", " TRUE ", True),
        ("web_ui_port", "8080", 8080),
        ("monthly_budget_usd", "2.50", 2.5),
        ("monthly_budget_usd", "3", 3.0),
        ("allowed_hosts", "a.local, b.local,", ("a.local", "b.local")),
        ("allowed_hosts", '["a.local", "b, c"]', ("a.local", "b, c")),
        ("allowed_hosts", "", ()),
        ("allowed_networks", "10.0.0.0/8", ("10.0.0.0/8",)),
        ("refresh_schedule", "0 3 * * *", "0 3 * * *"),
        ("web_ui_password", "", ""),
        ("web_ui_password", "true", "true"),
    ],
)
def test_what_is_typed_becomes_a_value_of_the_keys_type(key, typed, value, file):
    found = writer.set_value(file, key, typed)
    assert found == value
    assert type(found) is type(value)
    loaded = settings.load(file)
    section = loaded.daemon if KEYS.get(f"daemon.{key}") else loaded
    assert getattr(section, key) == value


@pytest.mark.parametrize(
    ("key", "typed"),
    [
        ("web_ui_port", "eighty"),
        ("web_ui_port", "70000"),
        ("web_ui_port", ""),
        ("web_ui_enabled", "yes"),
        ("monthly_budget_usd", "nan"),
        ("refresh_schedule", "@daily"),
        ("refresh_schedule", "61 * * * *"),
        ("provider", "floppy"),
        ("allowed_networks", "everywhere"),
        ("digest_email_to", "a@b\nBcc: c@d"),
    ],
)
def test_a_value_that_is_not_allowed_is_wrong_usage_and_writes_nothing(key, typed, file):
    with pytest.raises(WrongUsageError) as raised:
        writer.set_value(file, key, typed)
    assert raised.value.exit_code == 2
    assert repr(typed) in raised.value.message
    assert settings.find_key(key).dotted in raised.value.message
    assert raised.value.hint.startswith("allowed is ")
    assert file.read_text() == WRITTEN


def test_a_refused_secret_is_not_repeated(file):
    with pytest.raises(WrongUsageError) as raised:
        writer.set_value(file, "web_ui_password", "hunter2\0")
    assert "hunter2" not in raised.value.message + raised.value.hint
    assert file.read_text() == WRITTEN


@on_one_folder
@given(password=TEXTS, token=TEXTS)
def test_any_password_is_read_back_as_it_was_set(file, password, token):
    writer.set_value(file, "web_ui_password", password)
    writer.change(file, {"daemon.capture_token": token})
    loaded = settings.load(file)
    assert loaded.daemon.web_ui_password == password
    assert loaded.daemon.capture_token == token
    new = file.with_name("new.toml")
    writer.write_new(new, {"daemon": {"web_ui_password": password}})
    assert settings.load(new).daemon.web_ui_password == password
    assert "# the pi has OneDrive" in file.read_text()


@pytest.mark.parametrize(
    "password", ['"', "'''", '"""', "\\", "a\nb", "\r\n", "# no", "ü\x7f\x1b", "=[x]"]
)
def test_a_password_can_add_no_key_of_its_own(password, file):
    writer.set_value(file, "web_ui_password", password + '"\nenabled = false')
    table = tomllib.loads(file.read_text())
    assert table["daemon"].keys() == {"web_ui_port", "web_ui_password"}


@on_one_folder
@given(path=TEXTS.filter(str.strip))
def test_any_folder_name_survives_as_target_and_as_sync_root(file, path):
    writer.change(file, {"targets.zed": f"/x/{path}", "paths.sync_root": path})
    loaded = settings.load(file)
    assert loaded.targets["zed"].path == f"/x/{path}"
    assert loaded.sync_root == path


def test_a_value_of_none_takes_the_key_away(file):
    writer.change(file, {"daemon.web_ui_port": None, "core.engine": None})
    assert file.read_text() == WRITTEN.replace("web_ui_port    = 5000\n", "")


def test_a_file_that_is_no_toml_is_not_changed(file):
    file.write_text("[core\n")
    with pytest.raises(MemsyncError, match="is not valid TOML"):
        writer.set_value(file, "keep_days", "7")
    assert file.read_text() == "[core\n"


def test_a_section_that_is_none_is_refused_in_words(file):
    file.write_text("daemon = 5\n")
    with pytest.raises(MemsyncError, match="daemon is 5") as raised:
        writer.set_value(file, "web_ui_port", "8080")
    assert str(file) in raised.value.message
    assert file.read_text() == "daemon = 5\n"


def test_a_machine_without_a_config_gets_none_by_a_change(tmp_path):
    with pytest.raises(NotSetUpError):
        writer.set_value(tmp_path / "none" / "config.toml", "keep_days", "7")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_disk_that_fails_at_any_step_leaves_a_whole_config(file, monkeypatch, number):
    seen = set()

    def change():
        writer.set_value(file, "web_ui_port", "8080")

    for raised in failing_runs(monkeypatch, number, lambda: file.write_text(WRITTEN), change):
        seen.add((type(raised), port := settings.load(file).daemon.web_ui_port))
        assert names(file.parent) == ["config.toml"]
        if raised is None:  # making the folder failed, which is there already
            assert port == 8080
        else:
            assert os.strerror(number) in raised.message
            assert str(file) in raised.message
    assert seen == {(type(None), 8080), (MemsyncError, 5000), (MemsyncError, 8080)}
