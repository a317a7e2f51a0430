"""The health checks: every one is a finding with advice, and none changes anything."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from memsync import clock, doctor
from memsync import config as settings
from memsync.config import writer
from memsync.config.state import state_folder
from memsync.doctor import HealthCheck
from memsync.memory.publish import update_targets
from memsync.notes import log as day_logs
from memsync.text.note import make_note
from tests.conftest import SAMPLE

posix = pytest.mark.skipif(sys.platform == "win32", reason="permission bits")


def findings() -> dict[str, HealthCheck]:
    return {check.name: check for check in doctor.run_checks()}


def failing() -> dict[str, str]:
    return {check.name: check.advice for check in doctor.run_checks() if not check.ok}


def change(**values: object) -> None:
    path = settings.get_config_path()
    writer.change(path, {key.replace("__", "."): value for key, value in values.items()})


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_a_machine_whose_home_was_copied_to_another_is_told(home, workspace):
    """Both write the one report and the one ledger, and the sync client makes copies of these."""
    update_targets(workspace)
    own = next(workspace.machines.iterdir())
    (own / "report (1).toml").touch()  # a name that no client alone makes proves nothing
    assert failing() == {}
    (own / "merged.sync-conflict-20261123-101112-ABCDEFG.log").touch()
    assert f"machines/{own.name}" in failing()["machine"]
    assert str(state_folder() / "machine") in failing()["machine"]


def test_a_log_that_is_all_nul_is_named_until_it_is_moved(workspace):
    update_targets(workspace)
    day_logs.append(workspace, make_note("one", clock.now()))
    (log,) = workspace.sessions.iterdir()
    log.write_bytes(bytes(log.stat().st_size))
    assert f"{log.name} (NUL bytes)" in failing()["conflicts"]
    log.unlink()
    assert failing() == {}


def test_a_healthy_machine_has_no_complaint_and_is_left_as_it_was(home, workspace):
    update_targets(workspace)
    day_logs.append(workspace, make_note("one", clock.now()))
    before = snapshot(home)
    found = findings()
    assert failing() == {}
    assert snapshot(home) == before
    assert found["config"].advice == str(settings.get_config_path())
    assert found["sync folder"].advice == str(workspace.root)
    assert found["memory"].advice == f"{len(SAMPLE.splitlines())} lines"
    assert found["notes"].advice == "1 pending"
    assert found["backups"].advice == "none yet"
    assert found["target claude"].advice == "in-sync"
    assert "offline" in found["engine"].advice


def test_the_engine_is_claude_where_there_is_a_key(workspace, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-x")
    assert findings()["engine"].advice == f"Claude, {settings.load().model}"


def test_without_a_config_that_is_the_one_finding(home):
    assert failing().keys() == {"config"}
    assert "memsync init" in failing()["config"]


def test_a_config_that_cannot_be_read_is_the_one_finding(workspace):
    settings.get_config_path().write_text("[core")
    assert findings().keys() == {"config"}
    assert "not valid TOML" in failing()["config"]


@posix
def test_a_config_that_others_can_read_is_to_be_closed(workspace):
    settings.get_config_path().chmod(0o644)
    assert failing()["config permissions"] == f"chmod 600 {settings.get_config_path()}"


def test_a_sync_folder_that_is_away_ends_the_list(workspace):
    shutil.rmtree(workspace.root)
    found = findings()
    assert list(found)[-1] == "sync folder"
    assert "start your sync client" in found["sync folder"].advice


@pytest.mark.parametrize("damage", [b"", b"\0", b"\xff", None], ids=repr)
def test_a_damaged_memory_is_a_finding_beside_the_others(damage, workspace):
    workspace.memory.unlink()
    if damage is not None:
        workspace.memory.write_bytes(damage)
    found = findings()
    assert not found["memory"].ok
    assert "memsync restore" in found["memory"].advice
    assert found["free space"].ok


def test_a_memory_that_has_grown_too_long_is_a_finding(workspace):
    change(core__max_memory_lines=20)
    workspace.memory.write_text(SAMPLE + "- a line\n" * 20)
    assert "more than 20: memsync edit" in failing()["memory"]


def test_a_target_out_of_step_is_a_finding_with_advice(home, workspace):
    update_targets(workspace)
    workspace.memory.write_text(f"{SAMPLE}- new\n")
    (home / ".codex" / "AGENTS.md").unlink()
    (home / ".codex" / "AGENTS.md").symlink_to(home / "elsewhere.md")
    found = failing()
    assert found["target claude"] == "stale. memsync targets sync"
    assert found["target codex"].startswith("symlink. ")
    assert "does not write through a link" in found["target codex"]


def test_no_target_at_all_is_a_finding(home, workspace):
    shutil.rmtree(home / ".claude")
    shutil.rmtree(home / ".codex")
    assert "memsync targets add" in failing()["targets"]


def test_a_disk_nearly_full_is_a_finding(workspace, monkeypatch):
    usage = shutil.disk_usage(workspace.root)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1024**2))
    assert failing()["free space"] == "1 MiB free"


def test_what_another_machine_has_in_place_of_a_file_is_named_and_stops_nothing(workspace):
    (workspace.machines / "pi").mkdir()
    (workspace.machines / "pi" / "merged.log").mkdir()
    (workspace.machines / "nas").symlink_to("/")
    found = failing()
    assert found.keys() >= {"odd files"}
    assert "machines/pi/merged.log (it is a folder)" in found["odd files"]
    assert "machines/nas (it is a link)" in found["odd files"]
    assert "notes" not in found


@posix
@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_state_folder_that_cannot_be_written_is_a_finding(home, workspace):
    (home / ".local" / "state" / "memsync").chmod(0o500)
    assert "state folder" in failing()


def test_ports_are_a_finding_only_where_someone_decided_to_leave_them_open(workspace):
    assert "open port" not in findings()
    change(daemon__capture_token="", daemon__web_ui_password="")
    advice = [check.advice for check in doctor.run_checks() if check.name == "open port"]
    assert len(advice) == 2
    assert "daemon.capture_token" in advice[0]
    assert "everyone on your network can edit the memory" in advice[1]
    assert "daemon.web_ui_password" in advice[1]
    change(daemon__capture_host="127.0.0.1", daemon__web_ui_password="long enough")
    [advice] = [check.advice for check in doctor.run_checks() if check.name == "open port"]
    assert "every user of this machine can add notes" in advice
    change(daemon__capture_token="long enough")
    assert "open port" not in findings()
