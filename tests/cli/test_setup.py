"""`init` and `providers`: how a machine comes to memsync, and that nothing is lost on the way."""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path

import pytest

from memsync import config as settings
from memsync.config.workspace import Workspace
from memsync.files import timeout
from memsync.memory import store
from memsync.targets import block
from tests.conftest import SAMPLE, needs_real_memories, real_memories

BEGIN, END = b"<!-- memsync:begin -->", b"<!-- memsync:end -->"


@pytest.fixture
def sync(home: Path) -> Path:
    folder = home / "Sync"
    folder.mkdir()
    (home / ".claude").mkdir()
    return folder


def memory_of(sync: Path) -> Path:
    return sync / ".claude-memory" / "GLOBAL_MEMORY.md"


def init(call, sync: Path, *words: str):
    return call("init", "--sync-root", str(sync), *words)


def test_a_fresh_machine_gets_a_starter_memory_and_every_agent_has_it(run, home, sync):
    done = run("init", "--sync-root", "Sync")
    assert done.code == 0, done.err
    assert done.err == ""
    assert memory_of(sync).read_text() == store.STARTER
    block = (home / ".claude" / "CLAUDE.md").read_bytes()
    assert block == BEGIN + b"\n" + store.STARTER.encode() + END + b"\n"
    assert not (home / ".codex").exists(), "no folder is made for an agent that is not here"
    assert str(memory_of(sync)) in done.out
    assert "claude: in-sync" in done.out
    assert "memsync note" in done.out
    path = settings.get_config_path()
    assert settings.load(path).sync_root == str(sync)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert run("status", "--json").json["pending"] == 0


def test_an_agent_that_a_variable_of_this_shell_moved_is_known_without_it(
    call, home, sync, monkeypatch
):
    (home / "moved").mkdir()
    (home / ".codex").mkdir()
    monkeypatch.chdir(home)
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", "moved")
    monkeypatch.setenv("CODEX_HOME", str(home / ".codex"))
    assert init(call, sync).code == 0
    monkeypatch.delenv("CLAUDE_CONFIG_DIR")
    assert call("refresh", "--notes", "I like tea").code == 0
    assert "I like tea" in (home / "moved" / "CLAUDE.md").read_text()
    assert "I like tea" in (home / ".codex" / "AGENTS.md").read_text()
    assert not (home / ".claude" / "CLAUDE.md").exists()
    assert call("check").code == 0


def test_where_no_agent_was_moved_the_usual_ones_are_found_whenever_they_come(
    call, home, sync, monkeypatch
):
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(home / ".claude"))
    monkeypatch.setenv("CODEX_HOME", str(home / "not there"))
    assert init(call, sync).code == 0
    assert settings.load().targets == {}
    monkeypatch.delenv("CODEX_HOME")
    (home / ".codex").mkdir()
    assert "codex: in-sync" in call("targets", "sync").out


def test_agents_that_a_person_named_stay_as_named_where_init_runs_again(
    call, home, sync, monkeypatch
):
    assert init(call, sync).code == 0
    assert call("targets", "remove", "claude").code == 0
    (home / "moved").mkdir()
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(home / "moved"))
    assert init(call, sync, "--force").code == 0
    assert settings.load().targets == {}
    assert not (home / "moved" / "CLAUDE.md").exists()


@pytest.mark.parametrize(
    "text",
    [
        b"# Me\n\n- Ada\n",
        b"# Me\r\n\r\n- Ada\r\n",
        "\n\n# Ich\n\n- Möwe 🚢\t\n\n\n".encode(),
        b"---\nname: me\n---\n- \x1b[31mred\x1b[0m\n",
        SAMPLE.encode(),
    ],
    ids=["plain", "CRLF", "blank lines", "front matter", "memsync's own"],
)
def test_an_instruction_file_becomes_the_memory_and_stands_unchanged(text, call, home, sync):
    file = home / ".claude" / "CLAUDE.md"
    file.write_bytes(text)
    done = init(call, sync)
    assert done.code == 0, done.err
    assert "The memory starts from your" in done.out
    assert memory_of(sync).read_bytes() == text
    found = file.read_bytes()
    assert text in found
    assert found.strip().startswith(BEGIN)
    assert found.strip().endswith(END)
    assert file.with_name("CLAUDE.md.pre-memsync.bak").read_bytes() == text


@needs_real_memories
@pytest.mark.parametrize("path", real_memories(), ids=lambda path: path.name)
def test_no_byte_of_a_real_memory_changes_at_init(path: Path, call, home, sync):
    text = path.read_bytes()
    own, theirs = block.split_foreign(text)
    (home / ".claude" / "CLAUDE.md").write_bytes(text)
    done = init(call, sync)
    assert done.code == 0, done.err
    assert memory_of(sync).read_bytes() == own
    file = (home / ".claude" / "CLAUDE.md").read_bytes()
    assert own in file
    assert theirs in file
    assert ("another tool keeps in that file stays there" in done.out) is (own != text)
    assert call("targets", "remove", "claude").code == 0
    assert (home / ".claude" / "CLAUDE.md").read_bytes() == text


def test_the_first_agent_with_a_text_gives_it_and_the_others_keep_theirs(call, home, sync):
    (home / ".codex").mkdir()
    (home / ".claude" / "CLAUDE.md").write_text(" \n")
    (home / ".codex" / "AGENTS.md").write_text("# Codex knows me\n")
    assert init(call, sync).code == 0
    assert memory_of(sync).read_text() == "# Codex knows me\n"
    assert b"# Codex knows me\n" in (home / ".claude" / "CLAUDE.md").read_bytes()


@pytest.mark.parametrize("text", [b"\xff\xfe", b"# Me\0", b""], ids=["UTF-16", "NUL", "empty"])
def test_a_file_that_is_no_text_is_not_adopted_and_not_touched(text, call, home, sync):
    file = home / ".claude" / "CLAUDE.md"
    file.write_bytes(text)
    assert init(call, sync).code == 0
    assert memory_of(sync).read_text() == store.STARTER
    assert not text or file.read_bytes() == text


def test_a_second_machine_joins_the_memory_that_is_there(run, home, sync):
    memory_of(sync).parent.mkdir()
    memory_of(sync).write_text(SAMPLE)
    own = home / ".claude" / "CLAUDE.md"
    own.write_text("# Mine on this machine\n")
    done = run("init", "--sync-root", str(sync))
    assert done.code == 0, done.err
    assert memory_of(sync).read_text() == SAMPLE
    assert own.read_text().startswith("# Mine on this machine\n\n<!-- memsync:begin -->\n")
    assert SAMPLE in own.read_text()


def test_a_second_init_is_an_error_that_names_force(call, sync):
    assert init(call, sync).code == 0
    before = settings.get_config_path().read_bytes()
    done = init(call, sync)
    assert done.code == 1
    assert "already set up" in done.err
    assert "Try: memsync init --force" in done.err
    assert settings.get_config_path().read_bytes() == before


def test_force_moves_to_another_folder_and_keeps_what_else_the_config_says(call, home, sync):
    assert init(call, sync).code == 0
    path = settings.get_config_path()
    path.write_text(f"# my own words\n{path.read_text()}\n[backups]\nkeep_days = 7 # a week\n")
    (home / "Other").mkdir()
    done = init(call, home / "Other", "--force")
    assert done.code == 0, done.err
    text = path.read_text()
    assert text.startswith("# my own words\n")
    assert "keep_days = 7 # a week" in text
    assert settings.load().sync_root == str(home / "Other")


def test_the_memory_in_a_block_is_not_lost_when_its_folder_is(call, home, sync):
    memory_of(sync).parent.mkdir()
    memory_of(sync).write_text(SAMPLE)
    file = home / ".claude" / "CLAUDE.md"
    file.write_text("# Mine\n")
    assert init(call, sync).code == 0
    (home / "New").mkdir()
    before = file.read_bytes()
    done = init(call, home / "New", "--force")
    assert done.code == 0, done.err
    assert memory_of(home / "New").read_text() == SAMPLE
    assert file.read_bytes() == before


def test_without_any_sync_folder_there_is_nothing_to_set_up(run, home):
    done = run("init")
    assert done.code == 4
    assert done.err == (
        "Error: no sync folder was found on this machine\nTry: memsync init --sync-root PATH\n"
    )
    assert not settings.get_config_path().exists()


@pytest.mark.parametrize(
    "words",
    [("--sync-root", "Nowhere"), ("--provider", "dropbox"), ("--provider", "custom")],
    ids=" ".join,
)
def test_a_folder_that_is_not_there_is_not_made(words, call, home, monkeypatch):
    monkeypatch.chdir(home)
    done = call("init", *words)
    assert done.code == 4
    assert "Try: memsync init" in done.err
    assert not settings.get_config_path().exists()
    assert list(home.iterdir()) == [], "nothing was created"


def test_a_memory_that_was_there_is_never_started_afresh(run, home, sync):
    backups = memory_of(sync).parent / "backups"
    backups.mkdir(parents=True)
    (backups / "GLOBAL_MEMORY_20261101_120000.md").write_text(SAMPLE)
    (home / ".claude" / "CLAUDE.md").write_text("# Mine\n")
    done = run("init", "--sync-root", str(sync))
    assert done.code == 6
    assert "is missing" in done.err
    assert "Try: memsync restore" in done.err
    assert not memory_of(sync).exists()
    assert (home / ".claude" / "CLAUDE.md").read_text() == "# Mine\n"
    assert run("restore").code == 0
    assert memory_of(sync).read_text() == SAMPLE


@pytest.mark.parametrize("damage", [b"", b"\0\0", b"\xff"], ids=repr)
def test_a_damaged_memory_is_not_joined(damage, call, sync):
    memory_of(sync).parent.mkdir()
    memory_of(sync).write_bytes(damage)
    done = init(call, sync)
    assert done.code == 6
    assert memory_of(sync).read_bytes() == damage


def test_where_two_clients_are_found_the_one_that_has_a_memory_is_taken_without_asking(
    run, home, sync
):
    (home / "OneDrive").mkdir()
    (home / "Dropbox" / ".claude-memory").mkdir(parents=True)
    (home / "Dropbox" / ".claude-memory" / "GLOBAL_MEMORY.md").write_text(SAMPLE)
    done = run("init")
    assert done.code == 0, done.err
    assert settings.load().provider == "dropbox"
    assert SAMPLE in (home / ".claude" / "CLAUDE.md").read_text()


def test_init_and_show_work_with_every_stream_closed(home, sync):
    command = f"{sys.executable} -m memsync init --sync-root {sync} <&- >&- 2>&-"
    assert os.system(f"cd {home} && {command}") == 0
    assert memory_of(sync).exists()
    assert os.system(f"cd {home} && {sys.executable} -m memsync show <&- >&- 2>&-") == 0


def test_a_choice_that_is_none_is_wrong_usage(call):
    done = call("init", "--provider", "floppy")
    assert done.code == 2
    assert "Try: memsync init --help" in done.err


def test_a_folder_of_an_older_tool_opens_as_it_is(call, sync):
    root = memory_of(sync).parent
    (root / "sessions").mkdir(parents=True)
    memory_of(sync).write_text(SAMPLE)
    (root / "sessions" / "2026-01-02.md").write_text("# 2026-01-02\n\nan old note\n")
    assert init(call, sync).code == 0
    assert call("status", "--json").json["pending"] == 0
    assert memory_of(sync).read_text() == SAMPLE
    assert Workspace.open(settings.load()).root == root


def test_providers_are_listed_with_the_folders_found(call, home):
    (home / "Dropbox").mkdir()
    rows = {row["name"]: row for row in call("providers", "--json").json["providers"]}
    assert set(rows) == {"onedrive", "icloud", "gdrive", "dropbox", "syncthing", "rclone", "custom"}
    assert rows["dropbox"] == {
        "name": "dropbox",
        "label": "Dropbox",
        "path": str(home / "Dropbox"),
        "answers": True,
    }
    assert rows["onedrive"]["path"] is None
    assert f"dropbox     {home / 'Dropbox'}" in call("providers").out


def others(home: Path) -> None:
    for folder in (".gemini", ".config/zed", ".roo", ".kiro"):
        (home / folder).mkdir(parents=True)


def test_other_agents_found_are_only_named_where_nobody_can_answer(call, home, sync):
    others(home)
    done = init(call, sync)
    assert done.code == 0, done.err
    assert (
        "Also found here: gemini, zed, roo, kiro. To add one: memsync targets add NAME" in done.out
    )
    assert "targets" not in settings.load().given
    assert not (home / ".gemini" / "GEMINI.md").exists()


@pytest.mark.parametrize(
    ("typed", "given"),
    [
        (b"\n", {"claude", "gemini", "zed", "roo", "kiro"}),
        (b"all\n", {"claude", "gemini", "zed", "roo", "kiro"}),
        (b"none\n", {"claude"}),
        (b"clippy\nkiro, zed\n", {"claude", "zed", "kiro"}),
    ],
    ids=["just enter", "all", "none", "some, after a typing error"],
)
def test_at_a_terminal_the_other_agents_found_are_offered(typed, given, at_terminal, home, sync):
    others(home)
    done = at_terminal("init", "--sync-root", str(sync), typed=typed)
    assert done.code == 0, done.out
    assert "Gemini CLI: " in done.out
    files = {
        "claude": ".claude/CLAUDE.md",
        "gemini": ".gemini/GEMINI.md",
        "zed": ".config/zed/AGENTS.md",
        "roo": ".roo/rules/memsync.md",
        "kiro": ".kiro/steering/memsync.md",
    }
    assert {name for name, file in files.items() if (home / file).exists()} == given
    assert set(settings.load().targets) == (set() if given == {"claude"} else given)


def test_an_init_that_cannot_make_its_folder_can_be_done_again(call, sync):
    in_the_way = sync / ".claude-memory"
    in_the_way.write_text("a file")
    done = call("init", "--sync-root", str(sync))
    assert done.code == 4
    assert str(in_the_way) in done.err
    assert not settings.get_config_path().exists()
    in_the_way.unlink()
    assert call("init", "--sync-root", str(sync)).code == 0


def test_an_init_that_is_broken_off_at_a_question_can_be_done_again(at_terminal, call, home, sync):
    others(home)
    done = at_terminal("init", "--sync-root", str(sync), typed=b"\x04")  # Ctrl-D
    assert done.code != 0
    assert "Other agents found here" in done.out
    assert not settings.get_config_path().exists()
    assert init(call, sync).code == 0


def test_an_init_that_does_not_reach_its_remote_can_be_done_again(call, home, monkeypatch):
    monkeypatch.setenv("PATH", "")  # no rclone
    init = ("init", "--provider", "rclone", "--rclone-remote", "cloud:.claude-memory")
    first, again = call(*init), call(*init)
    assert first.code == again.code == 1
    assert "rclone" in again.err
    assert "already set up" not in again.err


@pytest.fixture
def impatient(monkeypatch):
    """A folder that does not answer is given up on in half a second, not in five."""
    monkeypatch.setattr(timeout, "PATIENCE_SECONDS", 0.5)


def test_a_machine_is_not_set_up_on_a_folder_that_hangs(call, mount, workspace, impatient):
    settings.get_config_path().unlink()
    mount.hang()
    commands = (
        ["init", "--sync-root", str(workspace.root)],
        ["init", "--rclone-remote", "r:", "--sync-root", str(workspace.root / "copy")],
    )
    for words in commands:
        done = call(*words)
        assert done.code == 4 or "cannot be made: it does not answer" in done.err
        assert "Try: " in done.err
        assert not settings.get_config_path().exists()


def test_a_client_whose_folder_hangs_is_named_and_the_others_are_found(
    call, mount, home, workspace, impatient
):
    settings.get_config_path().unlink()
    (home / "OneDrive").symlink_to(workspace.root)
    mount.hang()
    assert "onedrive    does not answer" in call("providers").out
    rows = json.loads(call("providers", "--json").out)["providers"]
    assert rows[0] == {"name": "onedrive", "label": "OneDrive", "path": None, "answers": False}
    done = call("init", "--provider", "onedrive")
    assert done.code == 4
    assert "the OneDrive folder does not answer" in done.err
    assert call("init").code == 4
    (home / "Dropbox").mkdir()
    done = call("init")
    assert done.code == 0
    assert "Skipped the OneDrive folder: it does not answer." in done.err
    assert (home / "Dropbox/.claude-memory/GLOBAL_MEMORY.md").is_file()
