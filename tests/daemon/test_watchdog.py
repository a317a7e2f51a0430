"""The watchdog: one alert when an agent falls out of step, one when all is well again."""

from __future__ import annotations

import errno
import json
import logging
import os
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine

from memsync import clock, targets
from memsync import config as settings
from memsync.config.state import state_folder
from memsync.config.workspace import Workspace
from memsync.daemon import watchdog
from memsync.errors import DamagedMemoryError, FolderAwayError
from memsync.memory import fleet, machines, publish, store
from memsync.text.digest import digest
from tests.conftest import SAMPLE


@pytest.fixture
def in_step(workspace: Workspace) -> Workspace:
    memory = store.read(workspace)
    targets.apply_all(
        targets.configured_targets(workspace.config), memory.text.encode(), workspace.memory
    )
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
    assert second.startswith("claude is missing:")
    assert "As before: codex is missing" in second
    (home / ".codex" / "AGENTS.md").write_text("")
    targets.apply_all(
        [t for t in targets.configured_targets(in_step.config) if t.name == "codex"],
        in_step.memory.read_bytes(),
        in_step.memory,
    )
    watchdog.run_drift_check(in_step.config)
    third = alerts(told)[2]
    assert third.startswith("well again: codex on ")
    assert third.endswith("Still so: claude is missing")


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


NOW = "2026-11-20T12:00:00+00:00"


@pytest.fixture
def noon(in_step: Workspace) -> Iterator[time_machine.Traveller]:
    """Noon of the 20th; the memory has been as it is since noon of the 18th."""
    with time_machine.travel(NOW, tick=False) as traveller:
        changed(in_step, days=2)
        yield traveller


def changed(workspace: Workspace, days: float, text: str = SAMPLE) -> None:
    workspace.memory.write_text(text)
    moment = (clock.now() - timedelta(days=days)).timestamp()
    os.utime(workspace.memory, (moment, moment))
    targets.apply_all(targets.configured_targets(workspace.config), text.encode(), workspace.memory)


def laptop_says(
    workspace: Workspace, text: str, *, days: float = 0, state: str = "in-sync"
) -> None:
    """The laptop's report, of so many days ago, arrives by the sync client."""
    folder = workspace.machines / "laptop-1a2b"
    folder.mkdir(parents=True, exist_ok=True)
    moment = (clock.now() - timedelta(days=days)).isoformat(timespec="seconds")
    (folder / "report.toml").write_text(
        f'version = "0.1"\ntime = {moment}\nmemory_digest = "{digest(text.encode())}"\n'
        f'[[targets]]\nname = "claude"\npath = "/x"\nmode = "block"\nstate = "{state}"\n'
    )


def looks(workspace: Workspace) -> str:
    return watchdog.sentence(watchdog.run_drift_check(workspace.config))


def subjects(told: pytest.LogCaptureFixture) -> list[str]:
    return [alert.partition(": ")[0] for alert in alerts(told)]


def test_a_machine_with_another_memory_long_after_the_change_is_behind(in_step, noon, told):
    laptop_says(in_step, "old\n", days=1)
    for _ in range(3):
        assert looks(in_step) == "laptop-1a2b has another memory"
    noon.shift(timedelta(hours=6))
    laptop_says(in_step, SAMPLE)
    for _ in range(3):
        assert looks(in_step) == "every agent has the memory"
    assert subjects(told) == ["laptop-1a2b has another memory", "all well again"]


def test_a_machine_that_sleeps_is_silent_and_not_behind(in_step, noon, told):
    laptop_says(in_step, "old\n", days=3)
    for _ in range(17):  # it went to bed on the 17th, before the memory changed
        assert looks(in_step) == "every agent has the memory"
        noon.shift(timedelta(hours=6))
    assert subjects(told) == []
    for _ in range(9):
        assert looks(in_step) == "laptop-1a2b is unknown since 2026-11-17"
        noon.shift(timedelta(hours=6))
    laptop_says(in_step, SAMPLE)
    assert looks(in_step) == "every agent has the memory"
    assert subjects(told) == ["laptop-1a2b is unknown since 2026-11-17", "all well again"]


def test_a_machine_whose_clock_is_ahead_is_told_once_with_what_is_wrong(in_step, noon, told):
    laptop_says(in_step, SAMPLE, days=-400)
    for _ in range(3):
        assert looks(in_step) == "laptop-1a2b is unknown"
        noon.shift(timedelta(hours=6))
    (alert,) = alerts(told)
    assert "the report of laptop-1a2b is ahead of the clock here" in alert
    laptop_says(in_step, SAMPLE)
    assert looks(in_step) == "every agent has the memory"


def test_what_a_sync_client_still_carries_is_no_drift(in_step, noon, told):
    laptop_says(in_step, "old\n", days=2 - 119 / 1440)
    assert looks(in_step) == "every agent has the memory"
    daemon = replace(in_step.config.daemon, drift_grace_minutes=60)
    assert watchdog.run_drift_check(replace(in_step.config, daemon=daemon))
    assert len(alerts(told)) == 1


def test_a_machine_that_stays_behind_is_one_alert_however_often_the_memory_changes(
    in_step, noon, told
):
    laptop_says(in_step, "old\n", days=1)
    looks(in_step)
    memory = SAMPLE
    for day in range(5):  # each night the memory grows, each noon the laptop says the same
        noon.shift(timedelta(hours=12))
        memory += f"- day {day}\n"
        changed(in_step, 0, memory)
        looks(in_step)
        noon.shift(timedelta(hours=12))
        laptop_says(in_step, "old\n")
        looks(in_step)
    assert subjects(told) == ["laptop-1a2b has another memory"]
    laptop_says(in_step, memory)
    looks(in_step)
    assert subjects(told)[1:] == ["all well again"]


def test_nobody_vouches_for_a_machine_of_which_nothing_is_known_yet(in_step, noon, told):
    """The others have not reported since the change: 'every agent has it' would be a guess."""
    laptop_says(in_step, SAMPLE, days=1, state="edited")
    looks(in_step)
    noon.shift(timedelta(hours=6))
    change(in_step, SAMPLE + "- new\n")
    known = "claude is stale; codex is stale; not known yet: laptop-1a2b"
    assert watchdog.look(in_step.config).sentence == known
    targets.apply_all(
        targets.configured_targets(in_step.config), in_step.memory.read_bytes(), in_step.memory
    )
    known = "every other agent has the memory; not known yet: laptop-1a2b"
    assert watchdog.look(in_step.config).sentence == known
    *_, alert = alerts(told)
    assert "Still so: claude on laptop-1a2b was edited when last heard of" in alert
    assert "Every agent has the memory" not in alert


def test_a_target_whose_file_another_one_writes_is_no_drift(in_step, noon, told):
    """The file has the memory; that one name too many stands in the settings is doctor's to say."""
    laptop_says(in_step, SAMPLE, state="shared")
    assert looks(in_step) == "every agent has the memory"
    laptop = next(one for one in fleet.gather(in_step) if not one.is_here)
    assert laptop.standing == "in-sync"
    assert alerts(told) == []


def test_an_agent_of_another_machine_is_told_with_its_machine(in_step, noon, told):
    laptop_says(in_step, SAMPLE, days=1, state="edited")
    assert looks(in_step) == "claude on laptop-1a2b is edited"
    laptop_says(in_step, SAMPLE, state="unreadable")
    assert looks(in_step) == "claude on laptop-1a2b is unreadable"
    laptop_says(in_step, SAMPLE)
    looks(in_step)
    assert subjects(told) == [
        "claude on laptop-1a2b is edited",
        "claude on laptop-1a2b is unreadable",
        "all well again",
    ]


def test_after_an_absence_of_its_own_a_machine_lets_its_sync_client_catch_up(in_step, noon, told):
    laptop_says(in_step, SAMPLE)
    looks(in_step)
    noon.shift(timedelta(days=3))
    laptop_says(in_step, "newer\n", days=1)  # its report is here, its memory not yet
    assert looks(in_step) == "every agent has the memory"
    noon.shift(timedelta(hours=6))
    changed(in_step, 1, "newer\n")
    assert looks(in_step) == "every agent has the memory"
    assert alerts(told) == []


def test_an_alert_that_was_not_delivered_is_tried_again(in_step, noon, told, home: Path):
    daemon = replace(in_step.config.daemon, drift_notify="file")
    config = replace(in_step.config, daemon=daemon)
    folder = settings.get_config_path().parent / "alerts"
    folder.write_text("in the way")
    laptop_says(in_step, "old\n", days=1)
    watchdog.run_drift_check(config)
    folder.unlink()
    for _ in range(3):
        watchdog.run_drift_check(config)
    (alert,) = folder.iterdir()
    assert "laptop-1a2b has another memory" in alert.read_text()


def test_repair_brings_this_machine_in_step_and_keeps_what_was_changed_by_hand(
    in_step, told, home: Path
):
    config = replace(in_step.config, daemon=replace(in_step.config.daemon, drift_repair=True))
    claude, codex = home / ".claude" / "CLAUDE.md", home / ".codex" / "AGENTS.md"
    before = claude.read_text()
    claude.write_text(before.replace("Ada", "Bea"))
    codex.unlink()
    assert watchdog.run_drift_check(config) == []
    assert claude.read_text() == before
    assert "Ada" in codex.read_text()
    (kept,) = (state_folder() / "aside").iterdir()
    assert "Bea" in kept.read_text()
    (alert,) = alerts(told)
    assert str(kept) in alert


def test_a_repair_that_the_disk_refused_is_told_with_its_reason(in_step, told, home, monkeypatch):
    """The advice was a command that would be refused just so."""
    config = replace(in_step.config, daemon=replace(in_step.config.daemon, drift_repair=True))
    (home / ".codex" / "AGENTS.md").unlink()

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr("memsync.targets.writing.atomic_write", refuse)
    (drift,) = watchdog.run_drift_check(config)
    (alert,) = alerts(told)
    reason = "It could not be updated: cannot be written: Read-only file system"
    assert (drift.state, drift.advice) == ("missing", reason)
    assert reason in alert


def test_repair_never_touches_a_link_or_what_it_cannot_read(in_step, told, home: Path):
    config = replace(in_step.config, daemon=replace(in_step.config.daemon, drift_repair=True))
    elsewhere = home / "dotfiles.md"
    elsewhere.write_text("mine\n")
    claude, codex = home / ".claude" / "CLAUDE.md", home / ".codex" / "AGENTS.md"
    claude.unlink()
    claude.symlink_to(elsewhere)
    codex.unlink()
    codex.mkdir()
    states = {drift.name: drift.state for drift in watchdog.run_drift_check(config)}
    assert states == {"claude": "symlink", "codex": "unreadable"}
    assert elsewhere.read_text() == "mine\n"
    assert claude.is_symlink()
    assert list(codex.iterdir()) == []


def test_a_machine_that_was_forgotten_is_no_drift_any_more(in_step, noon, told):
    laptop_says(in_step, SAMPLE, days=30)
    looks(in_step)
    machines.forget_machine(in_step, "laptop-1a2b")
    assert looks(in_step) == "every agent has the memory"
    assert subjects(told)[1:] == ["all well again"]
