"""`targets`: which agents get the memory, and that their own words stay theirs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from memsync import config as settings
from memsync.publish import bring_in_step
from tests.conftest import SAMPLE

BEGIN, END = "<!-- memsync:begin -->\n", "<!-- memsync:end -->\n"
BLOCK = f"{BEGIN}{SAMPLE}{END}"


def states(call) -> dict[str, str]:
    return {row["name"]: row["state"] for row in call("targets", "list", "--json").json["targets"]}


def test_targets_are_listed_with_path_mode_and_state(run, home, workspace):
    rows = run("targets", "list", "--json").json["targets"]
    assert [{key: row[key] for key in ("name", "path", "mode", "state")} for row in rows] == [
        {
            "name": name,
            "path": str(home / path),
            "mode": "block",
            "state": "missing",
        }
        for name, path in (("claude", ".claude/CLAUDE.md"), ("codex", ".codex/AGENTS.md"))
    ]
    assert "claude: missing  " in run("targets").out


def test_sync_brings_every_target_in_step(run, home, workspace):
    file = home / ".claude" / "CLAUDE.md"
    file.write_text("# Mine\n")
    done = run("targets", "sync", "--json")
    assert done.code == 0, done.err
    assert [row["state"] for row in done.json["targets"]] == ["in-sync", "in-sync"]
    assert file.read_text() == f"# Mine\n\n{BLOCK}"
    workspace.memory.write_text(f"{SAMPLE}- new\n")
    assert run("targets", "list", "--json").json["targets"][0]["state"] == "stale"
    assert "claude: in-sync" in run("targets", "sync").out
    assert file.read_text() == f"# Mine\n\n{BEGIN}{SAMPLE}- new\n{END}"


def test_a_known_agent_is_added_by_name_and_those_found_before_stay(call, home, workspace):
    (home / ".gemini").mkdir()
    done = call("targets", "add", "gemini")
    assert done.code == 0, done.err
    assert (home / ".gemini" / "GEMINI.md").read_text() == BLOCK
    assert states(call) == dict.fromkeys(("claude", "codex", "gemini"), "in-sync")


def test_any_file_can_be_a_target_and_modes_are_kept(call, home, workspace, monkeypatch):
    monkeypatch.chdir(home)
    assert call("targets", "add", "mine", "notes.md", "--mode", "copy").code == 0
    assert call("targets", "add", "linked", "~/linked.md", "--mode", "link").code == 0
    assert Path("notes.md").read_text() == SAMPLE
    assert Path("linked.md").samefile(workspace.memory)
    listed = settings.load().targets
    assert listed["mine"].path == str(home / "notes.md")
    assert (listed["mine"].mode, listed["linked"].mode) == ("copy", "link")
    assert set(states(call).values()) == {"in-sync"}


def test_adding_and_removing_keeps_what_a_person_wrote_beside(call, home, workspace):
    path = settings.get_config_path()
    text = f'{path.read_text()}\n[targets]\n# my agents\nclaude = "~/.claude/CLAUDE.md" # mine\n'
    path.write_text(text)
    assert call("targets", "add", "mine", str(home / "mine.md")).code == 0
    assert text in path.read_text()
    assert call("targets", "remove", "mine").code == 0
    assert path.read_text() == text


def test_removing_takes_the_block_out_and_leaves_the_rest(call, home, workspace):
    file = home / ".claude" / "CLAUDE.md"
    file.write_text("# Mine\n")
    bring_in_step(workspace)
    done = call("targets", "remove", "claude")
    assert (done.code, done.out) == (0, f"claude: block removed  {file}\n")
    assert file.read_text() == "# Mine\n"
    assert states(call) == {"codex": "in-sync"}
    assert call("targets", "remove", "codex").code == 0
    assert not (home / ".codex" / "AGENTS.md").exists()
    assert call("targets").out.startswith("No agent has the memory yet.")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("add", "nonesuch"), "no agent 'nonesuch' is known"),
        (("add", "me", "{home}/.claude/CLAUDE.md"), "is already the target 'claude'"),
        (("add", "../up", "{home}/x.md"), "cannot be a target's name"),
        (("add", "a.b", "{home}/x.md"), "cannot be a target's name"),
        (("add", "me", "{home}/x.md", "--mode", "hard"), "is not one of"),
        (("add",), "Missing argument"),
        (("remove", "nonesuch"), "there is no target 'nonesuch'"),
        (("remove", "a.b"), "cannot be a target's name"),
        (("frobnicate",), "No such command"),
    ],
    ids=str,
)
def test_what_cannot_be_a_target_is_wrong_usage_and_changes_nothing(
    words, message, call, home, workspace
):
    before = settings.get_config_path().read_bytes()
    done = call("targets", *(word.format(home=home) for word in words))
    assert done.code == 2
    assert message in done.err
    assert "Try: " in done.err
    assert settings.get_config_path().read_bytes() == before
    assert not (home / "x.md").exists()


def test_a_block_changed_by_hand_is_kept_aside_before_it_is_replaced(call, home, workspace):
    bring_in_step(workspace)
    file = home / ".claude" / "CLAUDE.md"
    file.write_text(file.read_text().replace("Turin", "Oslo"))
    assert states(call)["claude"] == "edited"
    done = call("targets", "sync")
    assert file.read_text() == BLOCK
    kept = Path(done.out.split("is kept in ")[1].split("\n")[0])
    assert kept.read_text() == SAMPLE.replace("Turin", "Oslo")


def test_a_link_to_somewhere_else_is_not_written_through(call, home, workspace):
    dotfiles = home / "dotfiles.md"
    dotfiles.write_text("# Mine\n")
    (home / ".claude" / "CLAUDE.md").symlink_to(dotfiles)
    done = call("targets", "sync")
    assert done.code == 0
    assert "claude: symlink" in done.out
    assert "does not write through a link" in done.out
    assert dotfiles.read_text() == "# Mine\n"


@pytest.mark.skipif(sys.platform == "win32", reason="a folder in the file's place")
def test_a_target_that_cannot_be_read_does_not_stop_the_others(call, home, workspace):
    (home / ".claude" / "CLAUDE.md").mkdir()
    done = call("targets", "sync", "--json")
    assert done.code == 0
    assert [row["state"] for row in done.json["targets"]] == ["unreadable", "in-sync"]
