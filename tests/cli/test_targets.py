"""`targets`: which agents get the memory, and that their own words stay theirs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from memsync import config as settings
from memsync.config import writer
from memsync.memory.publish import update_targets
from memsync.targets import AGENTS
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
    assert Path("notes.md").read_text() == SAMPLE
    listed = settings.load().targets
    assert listed["mine"].path == str(home / "notes.md")
    assert listed["mine"].mode == "copy"
    assert set(states(call).values()) == {"in-sync"}


@pytest.mark.parametrize("named", ["", 'claude = "~/.claude/CLAUDE.md" # mine\n'])
def test_adding_and_removing_keeps_what_a_person_wrote_beside(named, call, home, workspace):
    path = settings.get_config_path()
    text = f"{path.read_text()}\n[targets]\n# my agents\n{named}"
    path.write_text(text)
    assert call("targets", "add", "mine", str(home / "mine.md")).code == 0
    assert text in path.read_text()
    assert call("targets", "remove", "mine").code == 0
    assert path.read_text() == text


def test_removing_takes_the_block_out_and_leaves_the_rest(call, home, workspace):
    file = home / ".claude" / "CLAUDE.md"
    file.write_text("# Mine\n")
    update_targets(workspace)
    done = call("targets", "remove", "claude")
    assert (done.code, done.out) == (0, f"claude: block removed  {file}\n")
    assert file.read_text() == "# Mine\n"
    assert states(call) == {"codex": "in-sync"}
    assert call("targets", "remove", "codex").code == 0
    assert not (home / ".codex" / "AGENTS.md").exists()
    assert call("targets").out.startswith("No agent here gets the memory yet.")


@pytest.mark.parametrize(
    "last", [("mine", "{home}/mine.md", "--mode", "copy"), ("roo",), ("gemini",)], ids=str
)
def test_where_the_last_target_is_removed_no_agent_gets_the_memory(last, call, home, workspace):
    for name in ("claude", "codex"):
        assert call("targets", "remove", name).code == 0
    assert call("targets", "add", *(word.format(home=home) for word in last)).code == 0
    assert call("targets", "remove", last[0]).code == 0
    assert states(call) == {}
    assert not (home / ".claude" / "CLAUDE.md").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("add", "nonesuch"), "no agent 'nonesuch' is known"),
        (("add", "me", "{home}/.claude/CLAUDE.md"), "is already the target 'claude'"),
        (("add", "../up", "{home}/x.md"), "cannot be a target's name"),
        (("add", "a.b", "{home}/x.md"), "cannot be a target's name"),
        (("add", "me", "{home}/x.md", "--mode", "hard"), "is not one of"),
        (("add", "me", "{home}/x.md", "--mode", "link"), "is not one of"),
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
    update_targets(workspace)
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
    assert done.code == 1
    assert "claude: symlink" in done.out
    assert "does not write through a link" in done.out
    assert "Error: not every agent has the memory: claude (" in done.err
    assert "Try: memsync targets sync once that is mended, or memsync targets remove claude" in (
        done.err
    )
    assert dotfiles.read_text() == "# Mine\n"
    assert call("refresh", "--notes", "I like tea").code == 0, "the note is in the memory"


@pytest.mark.skipif(sys.platform == "win32", reason="symlinks")
@pytest.mark.parametrize("mode", ["block", "copy"])
def test_a_link_to_the_memory_that_a_person_made_is_in_step_and_stays(mode, call, home, workspace):
    file = home / "mine.md"
    file.symlink_to(workspace.memory)
    assert call("targets", "add", "mine", str(file), "--mode", mode).code == 0
    assert call("targets", "sync").code == call("check").code == 0
    assert call("targets", "remove", "mine").code == 0
    assert file.readlink() == workspace.memory
    assert workspace.memory.read_text() == SAMPLE


@pytest.mark.parametrize("what", ["latin-1", "folder", "link"])
def test_adding_what_cannot_get_the_memory_fails_and_leaves_it(what, call, home, workspace):
    file = home / "mine.md"
    if what == "latin-1":
        file.write_bytes("Möwe\n".encode("latin-1"))
    elif what == "folder":
        file.mkdir()
    else:
        file.symlink_to(home / "nowhere.md")
    done = call("targets", "add", "mine", str(file))
    assert done.code == 1
    assert f"Error: not every agent has the memory: mine ({file}, " in done.err
    assert "memsync targets remove mine" in done.err
    assert states(call)["claude"] == "in-sync"
    assert call("targets", "sync", "--json").code == 1
    assert call("targets", "add", "other", str(home / "other.md")).code == 0, "it got the memory"
    assert call("targets", "remove", "mine").code == 0
    assert file.is_dir() or file.is_symlink() or file.read_bytes() == "Möwe\n".encode("latin-1")
    assert call("targets", "sync").code == 0


@pytest.mark.skipif(sys.platform == "win32", reason="a folder in the file's place")
def test_a_target_that_cannot_be_read_does_not_stop_the_others(call, home, workspace):
    (home / ".claude" / "CLAUDE.md").mkdir()
    done = call("targets", "sync", "--json")
    assert done.code == 1
    assert "claude" in done.err
    assert "Try: " in done.err
    assert [row["state"] for row in done.json["targets"]] == ["unreadable", "in-sync"]


def available(call) -> dict[str, dict]:
    rows = call("targets", "list", "--available", "--json").json["agents"]
    return {row["name"]: row for row in rows}


def test_every_known_agent_is_listed_here_or_not(call, home, workspace):
    (home / ".codeium" / "windsurf").mkdir(parents=True)
    rows = available(call)
    assert set(rows) == {agent.name for agent in AGENTS}
    assert rows["windsurf"] == {
        "name": "windsurf",
        "label": "Windsurf",
        "path": str(home / ".codeium/windsurf/memories/global_rules.md"),
        "found": True,
        "target": False,
        "limit": {
            "most": 6000,
            "unit": "characters",
            "cuts": True,
            "source": "docs.devin.ai/desktop/cascade/memories",
        },
        "note": "before it became Devin Desktop",
    }
    assert (rows["claude"]["target"], rows["zed"]["found"], rows["zed"]["limit"]) == (
        True,
        False,
        None,
    )
    out = call("targets", "list", "--available").out
    assert "windsurf     found   " in out
    assert "claude       has it  " in out
    assert "Cursor keeps your rules in its settings" in out


def test_agents_are_listed_before_anything_is_set_up(call, home):
    (home / ".claude").mkdir()
    rows = available(call)
    assert (rows["claude"]["found"], rows["claude"]["target"]) == (True, False)


@pytest.mark.parametrize(
    ("name", "way"), [("cursor", "User Rules"), ("aider", "~/.aider.conf.yml")], ids=str
)
def test_an_agent_without_a_file_says_what_to_do_instead(name, way, call, home, workspace):
    before = settings.get_config_path().read_bytes()
    done = call("targets", "add", name)
    assert done.code == 2
    assert way in done.err
    assert settings.get_config_path().read_bytes() == before


def test_an_agent_that_reads_the_file_of_another_has_the_memory_already(call, home, workspace):
    assert call("targets", "add", "gemini").code == 0
    done = call("targets", "add", "antigravity")
    assert done.code == 2
    assert "is already the target 'gemini'" in done.err
    assert "Try: nothing to do: Antigravity reads that file and already has the memory" in done.err
    assert "antigravity" not in states(call)


def test_a_rule_file_is_a_copy_and_the_memory_read_twice_is_told(call, home, workspace):
    done = call("targets", "add", "claude-rules")
    assert done.code == 0, done.err
    assert "memory twice: memsync targets remove claude-rules" in done.out
    assert (home / ".claude/rules/memsync.md").read_text() == SAMPLE
    assert settings.load().targets["claude-rules"].mode == "copy"
    assert call("targets", "remove", "claude").code == 0
    assert "twice" not in call("targets").out
    assert call("targets", "remove", "claude-rules").code == 0
    assert not (home / ".claude/rules").exists() or not list((home / ".claude/rules").iterdir())


def test_a_file_that_another_agent_reads_as_well_is_told_when_it_is_added(call, home, workspace):
    assert call("targets", "add", "goose").code == 0
    assert "  goose: Goose also reads the target 'agents'" in call("targets", "add", "agents").out


def test_two_targets_of_one_file_by_hand_are_told_and_one_can_go(call, home, workspace):
    path = settings.get_config_path()
    file = home / "notes.md"
    file.write_text("mine\n")
    text = path.read_text()
    path.write_text(f'{text}\n[targets]\none = "{file}"\ntwo = "{home}/./notes.md"\n')
    assert call("targets", "sync").code == 0
    assert states(call) == {"one": "in-sync", "two": "shared"}
    assert call("check", "-q").code == 1
    assert "the target 'one' has the same file" in call("doctor").out
    assert "file left to the target 'one'" in call("targets", "remove", "two").out
    assert SAMPLE in file.read_text()
    assert call("check", "-q").code == 0


@pytest.mark.skipif(sys.platform == "win32", reason="a folder that is a link")
@pytest.mark.parametrize("text", [None, "mine\n", "mine"])
@pytest.mark.parametrize("second", ["block", "copy"])
@pytest.mark.parametrize("first", ["block", "copy"])
def test_two_names_of_one_file_leave_it_as_it_was_when_both_are_gone(
    first, second, text, call, home, workspace
):
    (home / "d").mkdir()
    (home / "e").symlink_to(home / "d")
    file = home / "d" / "p.md"
    if text is not None:
        file.write_text(text)
    wanted = {
        "p1": {"path": str(file), "mode": first},
        "p2": {"path": str(home / "e" / "p.md"), "mode": second},
    }
    writer.change(settings.get_config_path(), {"targets": wanted})
    call("targets", "sync")
    assert states(call) == {"p1": "in-sync", "p2": "shared"}
    assert call("targets", "remove", "p1").code == 0
    assert call("targets", "sync").code == 0
    assert states(call) == {"p2": "in-sync"}
    workspace.memory.write_text(f"{SAMPLE}- new\n")
    assert call("targets", "sync").code == 0
    assert call("targets", "remove", "p2").code == 0
    assert (file.read_text() if file.exists() else None) == text


@pytest.fixture
def linked(home, workspace) -> Path:
    """A link to the memory that an earlier config gave to Claude Code."""
    file = home / ".claude" / "CLAUDE.md"
    file.symlink_to(workspace.memory)
    wanted = {"claude": {"path": "~/.claude/CLAUDE.md", "mode": "link"}}
    writer.change(settings.get_config_path(), {"targets": wanted})
    return file


@pytest.mark.skipif(sys.platform == "win32", reason="symlinks")
def test_a_config_with_the_retired_mode_link_says_what_to_do_and_that_works(
    call, linked, workspace
):
    assert states(call) == {"claude": "symlink"}
    for words in (("targets",), ("status",), ("doctor",), ("check",), ("targets", "sync")):
        assert "memsync targets add claude\n" in call(*words).out
    assert call("check").code == call("doctor").code == call("targets", "sync").code == 1
    assert call("refresh", "--notes", "I like tea").code == 0
    assert linked.readlink() == workspace.memory
    assert call("targets", "add", "claude").code == 0
    assert settings.load().targets["claude"].mode == "block"
    assert call("check").code == 0, "the agent reads the memory through the link"
    linked.unlink()
    assert call("targets", "sync").code == 0
    assert linked.read_text().startswith(BEGIN)


@pytest.mark.skipif(sys.platform == "win32", reason="symlinks")
def test_removing_a_target_with_the_retired_mode_link_leaves_the_link(call, linked, workspace):
    done = call("targets", "remove", "claude")
    assert (done.code, done.out) == (0, f"claude: file left as it is  {linked}\n")
    assert linked.readlink() == workspace.memory
    assert workspace.memory.read_text() == SAMPLE
    assert states(call) == {}


def test_a_target_that_moves_leaves_its_old_file_as_it_was(call, home, workspace):
    old, new = home / "old.md", home / "new.md"
    old.write_text("# Old\n")
    assert call("targets", "add", "mine", str(old)).code == 0
    assert call("targets", "add", "mine", str(new)).code == 0
    assert old.read_text() == "# Old\n"
    assert new.read_text() == BLOCK
    assert call("targets", "add", "mine", str(new), "--mode", "copy").code == 0
    assert new.read_text() == SAMPLE
    assert call("targets", "remove", "mine").code == 0
    assert not new.exists()


def test_a_damaged_memory_changes_no_target_and_an_agent_can_still_be_removed(
    call, home, workspace
):
    update_targets(workspace)
    workspace.memory.write_bytes(b"")
    before = settings.get_config_path().read_bytes()
    assert call("targets", "add", "gemini").code == 6
    assert settings.get_config_path().read_bytes() == before
    assert call("targets", "remove", "claude").code == 0
    assert not (home / ".claude/CLAUDE.md").exists()


def test_check_tells_by_its_exit_code_and_changes_nothing(run, home, workspace):
    assert run("check").code == 1
    assert not (home / ".claude" / "CLAUDE.md").exists()
    update_targets(workspace)
    done = run("check")
    assert (done.code, done.out) == (0, "2 agents are up to date.\n")
    assert run("check", "--json").json["in_step"] is True
    (home / ".codex" / "AGENTS.md").write_text("# Mine\n")
    done = run("check")
    assert (done.code, done.err) == (1, "")
    assert done.out.startswith("codex: missing  ")
    assert "claude" not in done.out
    done = run("check", "--json")
    assert (done.code, done.json["in_step"]) == (1, False)
    assert (run("check", "--quiet").code, run("check", "--quiet").out) == (1, "")


def test_check_where_no_agent_is_to_have_the_memory_is_no_success(call, home, workspace):
    for folder in (".claude", ".codex"):
        (home / folder).rmdir()
    done = call("check")
    assert (done.code, done.err) == (1, "")
    assert done.out == "No agent here gets the memory yet. To add one: memsync targets add NAME\n"
    assert call("check", "--json").json == {"in_step": False, "targets": []}
    assert (call("check", "-q").code, call("check", "-q").out) == (1, "")
    assert done.out in call("targets", "sync").out
    assert done.out in call("refresh", "--notes", "I like tea").out


def test_check_tells_of_a_doubled_block_until_a_sync_leaves_one(call, home, workspace):
    update_targets(workspace)
    file = home / ".claude" / "CLAUDE.md"
    file.write_text(f"{BLOCK}mine\n{BLOCK}")
    done = call("check")
    assert (done.code, done.out.splitlines()[0]) == (1, f"claude: stale  {file}")
    assert "the file contains the memory more than once" in done.out
    assert "is kept in" in call("targets", "sync").out
    assert file.read_text() == f"{BLOCK}mine\n"
    assert call("check").code == 0


def test_check_keeps_the_exit_codes_of_what_is_worse(call, home, workspace):
    workspace.memory.write_bytes(b"\0")
    assert call("check", "--quiet").code == 6
    (home / "Sync").rename(home / "Away")
    assert call("check", "--quiet").code == 4
    settings.get_config_path().unlink()
    assert call("check", "--quiet").code == 3


def test_status_and_list_show_how_full_a_file_is(call, home, workspace):
    call("targets", "add", "windsurf")
    amount = f"{len(BLOCK):,} of 6,000 characters"
    assert amount in call("targets").out
    assert amount in call("status").out
    (home / ".codeium/windsurf/memories/global_rules.md").write_text("x" * 6000 + "\n" + BLOCK)
    row = call("status", "--json").json["targets"][-1]
    assert (row["size"]["level"], row["size"]["most"]) == ("over", 6000)
    assert "more than its agent reads" in row["remarks"][0]
    done = call("doctor")
    assert "FAIL  target windsurf: in-sync. 6," in done.out


def test_a_disk_that_refuses_a_target_is_an_error_once_all_else_is_done(call, home, workspace):
    (home / ".claude").rmdir()
    (home / ".claude").write_text("a file where the folder should be")
    writer.change(
        settings.get_config_path(),
        {
            "targets": {
                "claude": str(home / ".claude" / "x" / "CLAUDE.md"),
                "codex": "~/.codex/A.md",
            }
        },
    )
    done = call("refresh", "--notes", "I like tea")
    assert done.code == 1
    assert "Error: the memory is written, but not every agent has it: claude" in done.err
    assert "Try: " in done.err
    assert "I like tea" in (home / ".codex" / "A.md").read_text()
    assert call("refresh").out.startswith("No pending notes")
