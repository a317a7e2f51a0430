"""The unit files: sound to systemd, tight, and with nothing secret in them."""

from __future__ import annotations

import os
import plistlib
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from memsync.config.state import state_folder
from memsync.daemon import service
from memsync.daemon.services import units
from memsync.daemon.services.units import UnitPlan
from memsync.errors import MemsyncError

ANALYZE = shutil.which("systemd-analyze")


@pytest.fixture
def analyze():
    if ANALYZE is None:
        if os.environ.get("CI") == "true" and sys.platform == "linux":
            pytest.fail("CI has to run these: systemd-analyze is missing")
        pytest.skip("systemd-analyze is not on this machine")

    def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        (folder / "systemd").mkdir(exist_ok=True)
        return subprocess.run(
            [str(ANALYZE), *arguments],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "XDG_RUNTIME_DIR": str(folder)},
        )

    return run


@pytest.fixture
def plan(tmp_path: Path) -> UnitPlan:
    return UnitPlan(
        python=Path(sys.executable),
        config=tmp_path / "config.toml",
        home=tmp_path,
        user="daemon",
        group="daemon",
        writable=(tmp_path / "Sync", tmp_path / "state"),
        credentials={"api_key": tmp_path / "api_key"},
    )


def written(folder: Path, text: str) -> str:
    path = folder / "memsync.service"
    path.write_text(text)
    return str(path)


def test_systemd_finds_nothing_wrong_with_the_system_unit(analyze, plan, tmp_path):
    done = analyze(
        tmp_path, "verify", "--recursive-errors=yes", written(tmp_path, units.system_unit(plan))
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_systemd_finds_nothing_wrong_with_a_users_unit(analyze, plan, tmp_path):
    for namespaces in (True, False):
        text = units.user_unit(replace(plan, namespaces=namespaces))
        done = analyze(
            tmp_path, "--user", "verify", "--recursive-errors=yes", written(tmp_path, text)
        )
        assert (done.returncode, done.stderr) == (0, "")


def test_the_system_unit_is_exposed_at_most_one_point_five(analyze, plan, tmp_path):
    path = written(tmp_path, units.system_unit(plan))
    done = analyze(tmp_path, "security", "--offline=true", "--threshold=15", path)
    assert done.returncode == 0, done.stdout[-400:]


def test_a_users_unit_is_exposed_at_most_two(analyze, plan, tmp_path):
    path = written(tmp_path, units.user_unit(plan))
    done = analyze(tmp_path, "--user", "security", "--offline=true", "--threshold=20", path)
    assert done.returncode == 0, done.stdout[-400:]


def test_paths_with_spaces_percents_and_quotes_are_one_word_each(analyze, plan, tmp_path):
    odd = tmp_path / 'My "100%" Drive; $HOME'
    odd.mkdir()
    text = units.system_unit(replace(plan, writable=(odd,), config=odd / "config.toml"))
    done = analyze(tmp_path, "verify", "--recursive-errors=yes", written(tmp_path, text))
    assert (done.returncode, done.stderr) == (0, "")
    assert 'My \\"100%%\\" Drive; $HOME"' in text


def test_a_percent_in_the_path_of_a_credential_is_no_specifier(plan):
    """Without a shell and without quotes, only a percent means something in that line."""
    path = Path("/home/ada/100% mine/api_key")
    unit = units.user_unit(replace(plan, credentials={"api_key": path}))
    assert "LoadCredential=api_key:/home/ada/100%% mine/api_key\n" in unit


def test_a_path_with_a_line_break_never_becomes_a_line_of_the_unit(plan):
    with pytest.raises(MemsyncError, match="a unit file cannot contain"):
        units.system_unit(replace(plan, writable=(Path("/x\nExecStartPre=/bin/evil"),)))


def test_the_service_may_write_its_folders_and_not_the_rest_of_home(workspace, home):
    folders = units.writable_folders(workspace.config, state_folder())
    assert workspace.root.resolve() in folders
    assert (home / ".claude").resolve() in folders
    assert state_folder().resolve() in folders
    assert home.resolve() not in folders
    text = service.render_unit()
    assert f"InaccessiblePaths=-{home}/.ssh" in text


def test_a_fuse_mount_is_named_by_the_folder_it_is_mounted_in(workspace, monkeypatch, tmp_path):
    sync = Path(workspace.config.sync_root).resolve()
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        "22 1 0:21 / / rw - ext4 /dev/sda rw\n"
        f"99 22 0:50 / {sync} rw,nosuid - fuse.rclone remote: rw,user_id=1000\n"
    )
    monkeypatch.setattr(units, "MOUNTS", mounts)
    folders = units.writable_folders(workspace.config, state_folder())
    assert sync.parent in folders
    assert workspace.root.resolve() not in folders


def test_print_changes_nothing_and_holds_no_secret(workspace, monkeypatch, home):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-secret")
    before = sorted(home.rglob("*"))
    texts = [service.render_unit(), service.render_unit(user=True)]
    texts.append(service.render_unit(launchd=True))
    assert sorted(home.rglob("*")) == before
    assert not any("sk-ant-secret" in text for text in texts)
    assert "User=" not in texts[1]


def test_the_launchd_agent_comes_back_after_a_crash_and_is_not_started_too_often(workspace):
    agent = plistlib.loads(service.render_unit(launchd=True).encode())
    assert agent["KeepAlive"] == {"SuccessfulExit": False}
    assert agent["ThrottleInterval"] == 10
    assert agent["ProgramArguments"] == [sys.executable, "-m", "memsync.daemon"]
    assert agent["Umask"] == 0o077
    assert list(agent["EnvironmentVariables"]) == ["MEMSYNC_CONFIG"]


def test_where_there_is_no_service_manager_the_error_names_what_to_do(monkeypatch, workspace):
    monkeypatch.setattr(service, "BOOTED", Path("/nowhere"))
    for act in (service.install_service, service.uninstall_service):
        with pytest.raises(MemsyncError) as caught:
            act()
        assert "Task Scheduler" in caught.value.hint
        assert "start --detach" in caught.value.hint
