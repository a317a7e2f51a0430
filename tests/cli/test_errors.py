"""Every failure is two lines and an exit code: what happened, and what to try."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from memsync import clock
from memsync import config as settings
from memsync.config.state import state_folder
from memsync.config.workspace import Workspace
from memsync.memory import store
from memsync.memory.publish import publish
from memsync.notes import log as day_logs
from memsync.refresh.pending import pending_notes
from memsync.text.note import make_note
from tests.conftest import SAMPLE

READERS = [
    ("show",),
    ("status",),
    ("diff",),
    ("machines",),
    ("usage",),
    ("targets", "list"),
    ("prune", "--dry-run"),
]
WRITERS = [("note", "x"), ("refresh",), ("edit",), ("restore",), ("targets", "sync"), ("prune",)]
NEED_A_MEMORY = [
    ("show",),
    ("status",),
    ("diff",),
    ("machines",),
    ("edit",),
    ("refresh",),
    ("targets", "list"),
    ("targets", "sync"),
]


def assert_is_told(done, code: int) -> None:
    assert done.code == code, done
    error, hint = done.err.splitlines()
    assert error.startswith("Error: ")
    assert hint.startswith("Try: ")


@pytest.mark.parametrize("words", [*READERS, *WRITERS], ids=" ".join)
def test_without_a_config_every_command_ends_with_3(words, call, home):
    done = call(*words)
    assert_is_told(done, 3)
    assert "Try: memsync init\n" in done.err
    assert not settings.get_config_path().exists()


@pytest.mark.parametrize("left", ["nothing", "an empty folder"])
@pytest.mark.parametrize("words", [*READERS, *WRITERS], ids=" ".join)
def test_with_the_sync_folder_away_every_command_ends_with_4_and_makes_nothing(
    words, left, call, workspace
):
    shutil.rmtree(workspace.root)
    if left == "an empty folder":
        workspace.root.mkdir()
    assert_is_told(call(*words), 4)
    assert list(workspace.root.parent.rglob("*")) == [workspace.root] * (left != "nothing")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (None, "is missing"),
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (b"\0" * 64, "holds NUL bytes"),
        (b"# Me\n\xff\xfe", "is not UTF-8"),
        ("a folder", "is a folder"),
        ("a placeholder", "only a placeholder"),
    ],
    ids=repr,
)
def test_a_damaged_memory_ends_with_6_and_offers_restore(damage, said, call, workspace):
    publish(workspace, f"{SAMPLE}- more\n", store.read(workspace).digest)
    workspace.memory.unlink()
    if damage == "a folder":
        workspace.memory.mkdir()
    elif damage == "a placeholder":
        (workspace.root / ".GLOBAL_MEMORY.md.icloud").write_bytes(b"bplist00")
    elif damage is not None:
        workspace.memory.write_bytes(damage)
    before = sorted(workspace.root.iterdir())
    for words in NEED_A_MEMORY:
        done = call(*words)
        assert_is_told(done, 6)
        assert said in done.err
        assert "memsync restore" in done.err
    assert sorted(workspace.root.iterdir()) == before
    assert call("note", "still taken").code == 0
    assert [note.text for note in pending_notes(workspace)] == ["still taken"]


@pytest.mark.parametrize("words", [("show",), ("frobnicate",), ("note", "--bogus")])
def test_a_real_process_leaves_with_the_same_two_lines(words, run, home):
    assert_is_told(run(*words), 3 if words == ("show",) else 2)


@pytest.mark.parametrize("words", [(), ("config",), ("daemon",)])
def test_a_group_without_a_command_shows_its_help(words, call, home):
    done = call(*words)
    assert done.code == 2
    assert done.err.startswith("Usage: memsync ")
    assert "Error" not in done.err


def test_help_and_version_are_no_errors(run, home):
    helped = run("--help")
    assert (helped.code, helped.err) == (0, "")
    assert "refresh" in helped.out
    assert run("-h").out == helped.out
    assert run("--version").out.startswith("memsync, version ")
    assert run("refresh", "--help").code == 0


def test_what_nobody_foresaw_leaves_no_traceback_but_a_crash_log(call, workspace, monkeypatch):
    def burst(config):
        raise ZeroDivisionError("the unforeseen\nin two lines \x1b[31m")

    monkeypatch.setattr(Workspace, "open", burst)
    done = call("note", "x")
    assert_is_told(done, 1)
    log = state_folder() / "crash.log"
    assert done.err.startswith("Error: ZeroDivisionError: the unforeseen\n")
    assert str(log) in done.err
    assert "Traceback (most recent call last)" in log.read_text()
    assert "in burst" in log.read_text()


def test_a_disk_that_is_full_is_told_as_such(call, workspace, monkeypatch):
    def full(*given, **more):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("memsync.files.append.write_durably", full)
    done = call("note", "x")
    assert_is_told(done, 4)
    assert "No space left on device" in done.err


def test_stopping_by_hand_ends_with_130(call, workspace, monkeypatch):
    def stopped(config):
        raise KeyboardInterrupt

    monkeypatch.setattr(Workspace, "open", stopped)
    done = call("refresh")
    assert done.code == 130
    assert done.err == "\nError: stopped\n"


def test_a_plugin_that_cannot_be_loaded_is_a_command_that_says_why(run, home, monkeypatch):
    folder = home / "plugins"
    info = folder / "memsync_broken-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: memsync-broken\nVersion: 1.0\n")
    points = "broken = memsync_broken:command\nleaving = memsync_leaving:command\nshow = x:y\n"
    (info / "entry_points.txt").write_text(f"[memsync.commands]\n{points}")
    (folder / "memsync_leaving.py").write_text("raise SystemExit(99)\n")
    monkeypatch.setenv("PYTHONPATH", str(folder))
    done = run("broken", "--with", "options")
    assert_is_told(done, 1)
    assert "'broken' of memsync-broken cannot be loaded: ModuleNotFoundError" in done.err
    assert "Try: reinstall or remove memsync-broken\n" in done.err
    assert_is_told(run("leaving"), 1)
    helped = run("--help")
    assert helped.code == 0
    assert "broken" in helped.out
    assert_is_told(run("show"), 3)


def test_control_characters_of_the_memory_reach_no_terminal(at_terminal, workspace):
    workspace.memory.write_bytes(b"# Me\r\n\n- \x1b]0;owned\x07 \xc2\x9b2J\tand a tab\r\n")
    seen = at_terminal("show")
    assert (seen.code, seen.out) == (0, "# Me\r\n\n- �]0;owned� �2J\tand a tab\r\n")
    day_logs.append(workspace, make_note("\x1b[2J", clock.now()))
    for words in (("refresh", "--dry-run"), ("refresh",), ("diff",), ("diff", "--json")):
        done = at_terminal(*words)
        assert done.code == 0, done
        assert not set(done.out) & {"\x1b", "\x07", "\x9b"}


def test_control_characters_of_an_error_reach_no_terminal(at_terminal, workspace):
    done = at_terminal("config", "get", "\x1b[2J")
    assert done.code == 2
    assert "\x1b" not in done.out


def test_in_a_terminal_init_asks_and_takes_the_answer(at_terminal, home):
    for name in ("Dropbox", "OneDrive"):
        (home / name).mkdir()
    (home / ".claude").mkdir()
    (home / ".claude" / "CLAUDE.md").write_text("# Mine\n")
    done = at_terminal("init", typed=b"2\nn\n")
    assert done.code == 0, done.out
    assert "Which folder" in done.out
    assert settings.load().provider == "dropbox"
    memory = home / "Dropbox" / ".claude-memory" / "GLOBAL_MEMORY.md"
    assert memory.read_text() == store.STARTER


@pytest.mark.skipif(sys.platform == "win32", reason="a console of one encoding")
def test_a_console_without_our_letters_ends_no_command(run, workspace, monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "cp1252")
    workspace.memory.write_text(f"{SAMPLE}- 🚢\n")
    publish(workspace, SAMPLE, store.read(workspace).digest)
    done = run("diff")
    assert done.code == 0
    assert "-- \\U0001f6a2" in done.out
    assert Path(workspace.memory).read_text() == SAMPLE
