"""`restore`: back to a backup or to the mirror, with the difference first."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest
import time_machine

from memsync import config as settings
from memsync.config import writer
from memsync.config.state import state_folder
from memsync.memory import store
from memsync.memory.history.backups import backup, list_backups
from memsync.memory.publish import publish
from tests.cli.conftest import SECOND, THIRD
from tests.conftest import SAMPLE
from tests.support.faults import refuse_to_open


def test_restore_goes_back_to_the_newest_backup_and_keeps_what_it_replaces(call, home, written):
    done = call("restore")
    assert done.code == 0, done.err
    assert done.out.startswith("Restored GLOBAL_MEMORY_20261121_")
    assert written.memory.read_text() == SECOND
    assert THIRD in [path.read_text() for path in written.backups.iterdir()]
    assert SECOND in (home / ".codex" / "AGENTS.md").read_text()


def test_restore_goes_back_to_a_named_backup(call, written):
    first = min(written.backups.iterdir())
    assert call("restore", first.stem).code == 0
    assert written.memory.read_text() == SAMPLE


DAMAGES = pytest.mark.parametrize("damage", [b"", b"\0" * 99, b"\xff\xfe#", None], ids=repr)


def damaged(memory, damage):
    if damage is None:
        memory.unlink()
    else:
        memory.write_bytes(damage)


@DAMAGES
def test_a_damaged_memory_is_again_what_it_was_last(damage, call, written):
    """A backup is the text before a change: the newest one lacks what the last change said."""
    damaged(written.memory, damage)
    assert "+" in call("restore", "--dry-run").out
    done = call("restore")
    assert (done.code, done.out.splitlines()[0]) == (
        0,
        "Restored the memory as it was last seen here.",
    )
    assert written.memory.read_text() == THIRD
    kept = [path.read_bytes() for path in written.backups.iterdir()]
    assert not damage or damage in kept


@DAMAGES
def test_a_damaged_memory_that_was_never_seen_here_is_what_its_newest_backup_is(
    damage, call, written, home
):
    shutil.rmtree(state_folder() / "lineage")
    damaged(written.memory, damage)
    assert call("restore").code == 0
    assert written.memory.read_text() == SECOND


def test_whoever_names_an_older_text_loses_the_last_one_of_a_damaged_memory_no_more(call, written):
    written.memory.write_bytes(b"")
    first = min(written.backups.iterdir())
    assert call("restore", first.stem).code == 0
    assert written.memory.read_text() == SAMPLE
    assert THIRD in [path.read_text() for path in written.backups.iterdir()]


FOURTH = THIRD.replace("- Rest\n", "- Rest well\n")


@pytest.fixture
def set_back(written):
    """The clock was set back by 400 days, and then the memory changed: THIRD became FOURTH."""
    with time_machine.travel("2025-10-18T10:00:00+00:00"):
        publish(written, FOURTH, store.read(written).digest)
    assert max(written.backups.iterdir()).read_text() == SECOND
    return written


@pytest.mark.parametrize("now", ["2025-10-18T11:00:00+00:00", "2026-11-23T11:00:00+00:00"])
def test_the_newest_is_what_was_there_before_whatever_a_wrong_clock_called_it(call, set_back, now):
    with time_machine.travel(now):
        assert "-- Rest well\n+- Rest\n" in call("restore", "--dry-run").out
        assert "+- Rest well\n" in call("diff").out
        assert call("restore").out.startswith("Restored GLOBAL_MEMORY_20251018_")
        assert set_back.memory.read_text() == THIRD
        call("restore")
        assert set_back.memory.read_text() == FOURTH, "a second one takes the first one back"


def test_a_damaged_memory_is_what_was_published_last_not_what_is_named_last(call, set_back):
    shutil.rmtree(state_folder() / "lineage")
    set_back.memory.write_bytes(b"")
    assert call("restore").code == 0
    assert set_back.memory.read_text() == THIRD


def test_a_damaged_memory_that_had_been_restored_is_restored_again(call, written):
    assert call("restore", min(written.backups.iterdir()).stem).code == 0
    written.memory.write_bytes(b"")
    assert call("restore").code == 0
    assert written.memory.read_text() == SAMPLE


def test_where_nobody_wrote_down_what_was_made_from_what_the_names_count(call, written):
    for path in written.machines.glob("*/published.log"):
        path.unlink()
    assert call("restore").code == 0
    assert written.memory.read_text() == SECOND


@pytest.fixture
def refuse(monkeypatch):
    """Let the disk refuse some of the files."""

    def refuse(*paths: Path) -> None:
        refuse_to_open(monkeypatch, lambda path: path in paths, errno.EIO)

    return refuse


def test_where_the_newest_cannot_be_read_an_older_one_is_named_and_not_taken(call, written, refuse):
    """Nobody is asked in a script, and the older one lacks what another change said."""
    newest, oldest = (entry.path for entry in list_backups(written.backups))
    refuse(newest)
    done = call("restore")
    assert (done.code, done.out) == (1, "")
    assert done.err == (
        f"Error: {newest.name} cannot be read ({os.strerror(errno.EIO)}) and may be the one"
        " you mean\nTry: memsync restore 20261120_100000, the next one that can be read\n"
    )
    assert written.memory.read_text() == THIRD
    assert call("restore", "20261120_100000").out.startswith(f"Restored {oldest.name}")


def test_diff_goes_on_to_the_next_that_can_be_read_and_says_so(call, written, refuse):
    newest, oldest = (entry.path for entry in list_backups(written.backups))
    refuse(newest)
    done = call("diff")
    assert done.code == 0
    assert done.err == (
        f"{newest.name} cannot be read ({os.strerror(errno.EIO)})."
        f" Showing the next one that can be read: {oldest.name}.\n"
    )
    assert done.out.startswith(f"--- {oldest.name}\n")
    assert call("diff", "--json").json["backup"] == oldest.name


def test_what_a_wrong_clock_named_is_missed_where_it_cannot_be_read(call, set_back, refuse):
    refuse(min(set_back.backups.iterdir()))
    done = call("restore")
    assert done.code == 1
    assert "GLOBAL_MEMORY_20251018_" in done.err
    assert set_back.memory.read_text() == FOURTH


@pytest.mark.parametrize("is_written_down", [True, False])
def test_an_older_one_that_cannot_be_read_stops_no_restore(call, written, refuse, is_written_down):
    if not is_written_down:
        for path in written.machines.glob("*/published.log"):
            path.unlink()
    refuse(list_backups(written.backups)[1].path)
    assert call("restore").code == 0
    assert written.memory.read_text() == SECOND


def test_where_no_backup_can_be_read_it_is_not_said_that_there_is_none(call, written, refuse):
    refuse(*(entry.path for entry in list_backups(written.backups)))
    assert "no backup can be read" in call("restore").err
    assert "no backup can be read" in call("diff").err


@pytest.mark.parametrize("name", ["nonesuch", "../../etc/passwd", "/etc/passwd", ""])
def test_restore_takes_only_the_names_of_backups(name, call, written):
    done = call("restore", name)
    assert done.code == 2
    assert "Try: memsync log" in done.err
    assert written.memory.read_text() == THIRD


def test_restore_does_not_take_an_empty_backup(call, written):
    newest = max(written.backups.iterdir())
    newest.write_bytes(b"")
    assert call("restore", newest.name).code == 2
    assert call("restore").code == 0
    assert written.memory.read_text() == SAMPLE, "the newest good one"


def test_a_terminal_shows_the_difference_and_asks(at_terminal, written):
    done = at_terminal("restore", typed=b"y\n")
    assert done.code == 0, done.out
    shown, _, told = done.out.partition("Restore GLOBAL_MEMORY_20261121_")
    assert "+- Write the runbook\n" in shown
    assert "-- Rest\n" in shown
    assert "Restored GLOBAL_MEMORY_20261121_" in told
    assert written.memory.read_text() == SECOND


@pytest.mark.parametrize("answer", [b"n\n", b"\n"])
def test_who_does_not_say_yes_keeps_the_memory(answer, at_terminal, written):
    done = at_terminal("restore", typed=answer)
    assert done.code == 0
    assert done.out.endswith("Nothing was changed.\n")
    assert written.memory.read_text() == THIRD
    assert len(list(written.backups.iterdir())) == 2


def test_a_terminal_is_not_asked_with_yes(at_terminal, written):
    assert "Restored" in at_terminal("restore", "--yes").out
    assert written.memory.read_text() == SECOND


def test_a_dry_run_shows_the_difference_and_changes_nothing(call, written):
    done = call("restore", "--dry-run")
    assert done.code == 0
    assert "-- Rest\n" in done.out
    assert written.memory.read_text() == THIRD
    assert len(list(written.backups.iterdir())) == 2


def test_restoring_what_stands_there_makes_no_backup(call, written):
    newest = max(written.backups.iterdir())
    newest.write_text(THIRD)
    told = call("restore", newest.name).out
    assert told == f"The memory is the same as {newest.name}. Nothing was changed.\n"
    assert len(list(written.backups.iterdir())) == 2


def test_a_restore_that_was_cut_off_behind_its_backup_is_done_by_the_next(call, written):
    backup(written.memory.read_bytes(), written.backups)
    assert call("restore").out.startswith("Restored GLOBAL_MEMORY_20261121_")
    assert written.memory.read_text() == SECOND


# From the mirror


@pytest.fixture
def mirror(written, home):
    """A mirror of that machine as a run of the daemon left it, with two texts put aside."""
    place = home / "Mirror"
    shutil.copytree(written.root, place)
    versions = place / ".versions"
    versions.mkdir()
    (versions / "GLOBAL_MEMORY.md.20261119_100000").write_text("# The first\n")
    (versions / "GLOBAL_MEMORY.md.20261122_100000").write_text("# The last but one\n")
    (versions / "sessions").mkdir()
    change = {"daemon.backup_mirror_path": str(place)}
    writer.change(settings.get_config_path(), change)
    return place


@pytest.mark.parametrize("damage", [b"", b"\0" * 99, b"\xff\xfe#", None], ids=repr)
def test_the_mirror_mends_a_damaged_memory_whose_backups_are_gone(damage, call, written, mirror):
    shutil.rmtree(written.backups)
    written.memory.unlink()
    if damage is not None:
        written.memory.write_bytes(damage)
    done = call("restore", "--from-mirror")
    assert done.code == 0, done.err
    assert "Restored GLOBAL_MEMORY.md." in done.out
    assert written.memory.read_text() == THIRD


def test_where_the_mirrors_copy_is_damaged_too_the_newest_sound_one_is_taken(call, written, mirror):
    written.memory.write_bytes(b"")
    (mirror / "GLOBAL_MEMORY.md").write_bytes(b"\0" * 99)
    assert call("restore", "--from-mirror").code == 0
    assert written.memory.read_text() == "# The last but one\n"
    (mirror / ".versions/GLOBAL_MEMORY.md.20261122_100000").write_bytes(b"\xff")
    assert call("restore", "--from-mirror").code == 0
    assert written.memory.read_text() == SECOND, "the mirror's copy of a backup"


def test_the_log_of_the_mirror_lists_all_its_texts_and_restore_takes_each(call, written, mirror):
    rows = call("log", "--from-mirror", "--json").json["backups"]
    names = [row["backup"] for row in rows]
    assert [name[:31] for name in names] == [
        "GLOBAL_MEMORY.md",
        "GLOBAL_MEMORY.md.20261122_10000",
        "GLOBAL_MEMORY_20261121_100000.m",
        "GLOBAL_MEMORY_20261120_100000.m",
        "GLOBAL_MEMORY.md.20261119_10000",
    ]
    for name in reversed(names):
        assert call("restore", "--from-mirror", name).code == 0
        assert written.memory.read_bytes() == text_in(mirror, name)


def text_in(mirror: Path, name: str) -> bytes:
    (path,) = mirror.rglob(name)
    return path.read_bytes()


def test_the_mirror_that_has_what_stands_there_changes_nothing(call, written, mirror):
    done = call("restore", "--from-mirror")
    assert done.out == "The memory is the same as GLOBAL_MEMORY.md. Nothing was changed.\n"


@pytest.mark.parametrize("name", ["nonesuch", "../../etc/passwd", "sessions", ""])
def test_only_the_names_of_the_mirrors_texts_are_taken(name, call, written, mirror):
    done = call("restore", "--from-mirror", name)
    assert done.code == 2
    assert "Try: memsync log --from-mirror" in done.err
    assert written.memory.read_text() == THIRD


def test_without_a_mirror_or_its_drive_the_way_out_is_told(call, written, mirror):
    mirror.rename(mirror.with_name("unplugged"))
    done = call("restore", "--from-mirror")
    assert (done.code, written.memory.read_text()) == (4, THIRD)
    assert "mounted" in done.err
    mirror.mkdir()
    assert "no text of the memory was found" in call("restore", "--from-mirror").err
    writer.change(settings.get_config_path(), {"daemon.backup_mirror_path": ""})
    done = call("restore", "--from-mirror")
    assert done.code == 2
    assert "memsync config set daemon.backup_mirror_path" in done.err


def test_a_mirror_brings_nothing_into_a_folder_that_is_away(call, written, mirror):
    shutil.rmtree(written.root)
    written.root.mkdir()  # as an unmounted drive leaves it
    assert call("restore", "--from-mirror").code == 4
    assert list(written.root.iterdir()) == []
