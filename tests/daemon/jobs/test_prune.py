"""Backups are thinned out night by night, and by no clock that leapt."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from memsync.config.workspace import Workspace
from memsync.daemon import job_history
from memsync.daemon.jobs import prune
from memsync.daemon.scheduler import job_nightly_refresh
from memsync.memory.history import backups

NIGHT = datetime(2026, 11, 23, 23, 55, tzinfo=UTC)


@pytest.fixture
def crowded(workspace: Workspace) -> Workspace:
    """A memory with a backup every six hours of the last twenty days."""
    for hours in range(0, 24 * 20, 6):
        stamp = (NIGHT - timedelta(hours=hours)).astimezone()
        (workspace.backups / f"GLOBAL_MEMORY_{stamp:%Y%m%d_%H%M%S}.md").write_text("# Memory\n")
    return workspace


def count(workspace: Workspace) -> int:
    return len(backups.list_backups(workspace.backups))


def test_the_nightly_refresh_thins_them_out_and_says_so(crowded):
    for night in range(2):
        with time_machine.travel(NIGHT + timedelta(days=night), tick=False):
            run = job_nightly_refresh(crowded.config)
    assert count(crowded) < 24
    assert run.message.startswith("no pending notes; ")
    assert run.message.endswith(" old backups removed")


def test_the_first_night_and_one_after_a_leap_of_the_clock_remove_nothing(crowded):
    for shift in (0, 60, -30, 4):  # days: the first run, leapt ahead, set back, ahead by little
        with time_machine.travel(NIGHT + timedelta(days=shift), tick=False):
            assert job_nightly_refresh(crowded.config).message == "no pending notes"
            assert count(crowded) == 80


def test_a_clock_that_stays_wrong_is_told_in_the_log_and_stops_no_merge(crowded, caplog):
    for night in (800, 801):
        with time_machine.travel(NIGHT + timedelta(days=night), tick=False):
            assert job_nightly_refresh(crowded.config).outcome == "ok"
    assert "old backups stay: no backup was removed: the clock says 2029" in caplog.text
    assert count(crowded) == 80


def test_backups_that_cannot_be_removed_stop_no_merge(crowded, monkeypatch, caplog):
    def refuse(*_args, **_more):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(backups, "prune_backups", refuse)
    with time_machine.travel(NIGHT, tick=False):
        assert prune.prune_expired(crowded, NIGHT - timedelta(days=1)) == ""
    assert "Permission denied" in caplog.text


def test_a_history_without_the_job_is_no_steady_clock(crowded):
    assert job_history.last_runs() == {}
    with time_machine.travel(NIGHT, tick=False):
        assert prune.prune_expired(crowded, None) == ""
    assert count(crowded) == 80
