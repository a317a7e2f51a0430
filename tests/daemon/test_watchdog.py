"""The watchdog: one alert when an agent falls out of step, one when all is well again."""

from __future__ import annotations

import json
import logging
import tomllib
from pathlib import Path

import pytest

from memsync import publish, store, targets
from memsync.daemon import watchdog
from memsync.errors import DamagedMemoryError, FolderAwayError
from memsync.state import state_folder
from memsync.workspace import Workspace
from tests.conftest import SAMPLE


@pytest.fixture
def in_step(workspace: Workspace) -> Workspace:
    memory = store.read(workspace)
    targets.apply_all(targets.resolve(workspace.config), memory.text.encode(), workspace.memory)
    return workspace


@pytest.fixture(autouse=True)
def told(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.WARNING, "memsync.daemon.notify")
    return caplog


def alerts(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.name == "memsync.daemon.notify"]


def change(workspace: Workspace, text: str) -> None:
    """The memory changes by the sync client, and nobody tells the agents."""
    workspace.memory.write_text(text)


def test_all_well_is_no_alert(in_step, told):
    assert watchdog.run_drift_check(in_step.config) == []
    assert watchdog.sentence([]) == "every agent has the memory"
    assert alerts(told) == []


def test_a_change_is_one_alert_and_all_well_again_is_one(in_step, told, home: Path):
    change(in_step, SAMPLE + "\n- more\n")
    for _ in range(3):
        adrift = watchdog.run_drift_check(in_step.config)
    assert {(state.name, state.state) for state in adrift} == {
        ("claude", "stale"),
        ("codex", "stale"),
    }
    assert watchdog.sentence(adrift) == "claude is stale; codex is stale"
    (alert,) = alerts(told)
    assert str(home / ".claude" / "CLAUDE.md") in alert
    assert "memsync targets sync" in alert
    change(in_step, SAMPLE)
    for _ in range(3):
        assert watchdog.run_drift_check(in_step.config) == []
    assert [text.partition(":")[0] for text in alerts(told)[1:]] == ["all well again"]


def test_another_fault_is_another_alert(in_step, told, home: Path):
    (home / ".codex" / "AGENTS.md").unlink()
    watchdog.run_drift_check(in_step.config)
    (home / ".claude" / "CLAUDE.md").unlink()
    watchdog.run_drift_check(in_step.config)
    first, second = alerts(told)
    assert first.startswith("codex is missing:")
    assert second.startswith("claude is missing; codex is missing:")


def test_the_report_says_what_was_seen(in_step):
    change(in_step, SAMPLE + "\n- more\n")
    watchdog.run_drift_check(in_step.config)
    (report,) = in_step.machines.glob("*/report.toml")
    table = tomllib.loads(report.read_text())
    assert table["memory_digest"] == store.read(in_step).digest
    assert {target["state"] for target in table["targets"]} == {"stale"}


def test_a_publish_ends_the_drift(in_step, told):
    change(in_step, SAMPLE + "\n- more\n")
    watchdog.run_drift_check(in_step.config)
    memory = store.read(in_step)
    publish.publish(in_step, SAMPLE + "\n- and more\n", memory.digest)
    assert watchdog.run_drift_check(in_step.config) == []
    assert len(alerts(told)) == 2


@pytest.mark.parametrize("damage", ["", "\x00", "5", "null", '{"a": 1}', "[[1]]"])
def test_a_damaged_record_of_the_last_look_is_one_alert_more_and_no_crash(in_step, told, damage):
    change(in_step, SAMPLE + "\n- more\n")
    watchdog.run_drift_check(in_step.config)
    (state_folder() / "drift.json").write_text(damage)
    for _ in range(2):
        watchdog.run_drift_check(in_step.config)
    assert len(alerts(told)) == 2
    assert json.loads((state_folder() / "drift.json").read_text())


def test_a_folder_that_is_away_or_a_damaged_memory_is_no_drift(in_step, told):
    in_step.memory.write_bytes(b"")
    with pytest.raises(DamagedMemoryError):
        watchdog.run_drift_check(in_step.config)
    in_step.root.rename(in_step.root.with_name("unplugged"))
    with pytest.raises(FolderAwayError):
        watchdog.run_drift_check(in_step.config)
    assert alerts(told) == []
