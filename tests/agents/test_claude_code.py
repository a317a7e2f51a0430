"""The hook in Claude Code's settings: one entry, and not a byte of anything else."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memsync.agents import claude_code
from memsync.errors import MemsyncError
from tests.files.test_atomic import names
from tests.support.net import until
from tests.support.scale import examples

OTHERS = """{
    "model": "opus",
    "permissions": {"allow": ["Bash(ls:*)"], "deny": []},
    "hooks": {
        "SessionStart": [
            {"matcher": "startup", "hooks": [{"type": "command", "command": "echo hi"}]}
        ],
        "Stop": []
    },
    "numbers": [1.0, 1e400, 12345678901234567890]
}
"""
HOOKS = st.fixed_dictionaries(
    {},
    optional={
        "SessionStart": st.lists(
            st.fixed_dictionaries({"hooks": st.lists(st.just({"type": "command", "command": "x"}))})
        ),
        "Stop": st.just([]),
    },
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
TABLES = st.dictionaries(st.text(max_size=5).filter(lambda k: k != "hooks"), VALUES, max_size=4)


@pytest.fixture
def claude_folder(home: Path) -> Path:
    (home / ".claude").mkdir()
    return home / ".claude"


def entries_of(path: Path) -> list[dict]:
    return json.loads(path.read_bytes())["hooks"]["SessionStart"]


def test_the_hook_is_added_behind_what_is_there_and_taken_out_again(claude_folder):
    path = claude_folder / "settings.json"
    path.write_text(OTHERS)
    assert claude_code.install_hook()
    first, ours = entries_of(path)
    assert first["matcher"] == "startup"
    [hook] = ours["hooks"]
    assert hook == {"type": "command", "command": claude_code.hook_command(), "timeout": 10}
    added = [line for line in path.read_text().splitlines() if line not in OTHERS.splitlines()]
    assert len(path.read_text().splitlines()) - len(OTHERS.splitlines()) == len(added) - 1
    assert "1e400" in path.read_text()
    before = path.read_bytes()
    assert not claude_code.install_hook()
    assert path.read_bytes() == before
    assert (claude_folder / "settings.json.pre-memsync.bak").read_text() == OTHERS
    assert claude_code.hook_state().installed
    assert claude_code.uninstall_hook()
    assert path.read_text() == OTHERS
    assert not claude_code.uninstall_hook()
    assert not claude_code.hook_state().installed


def test_what_was_changed_meanwhile_stays_when_the_hook_goes(claude_folder):
    path = claude_folder / "settings.json"
    path.write_text(OTHERS)
    claude_code.install_hook()
    path.write_text(path.read_text().replace('"opus"', '"sonnet"'))
    claude_code.uninstall_hook()
    assert path.read_text() == OTHERS.replace('"opus"', '"sonnet"')
    claude_code.install_hook()
    kept = claude_folder / "settings.json.pre-memsync.bak"
    assert kept.read_text() == OTHERS  # the first one, for good


def test_without_settings_there_are_some_afterwards(claude_folder):
    assert claude_code.install_hook()
    assert names(claude_folder) == ["settings.json"]
    assert len(entries_of(claude_folder / "settings.json")) == 1
    assert claude_code.uninstall_hook()
    assert json.loads((claude_folder / "settings.json").read_bytes()) == {}


def test_a_hook_of_another_installation_is_replaced(claude_folder):
    path = claude_folder / "settings.json"
    claude_code.install_hook()
    old = path.read_text().replace(
        json.dumps(claude_code.hook_command()), '"/old/bin/memsync hooks run"'
    )
    path.write_text(old)
    assert claude_code.hook_state().command == "/old/bin/memsync hooks run"
    assert claude_code.install_hook()
    assert claude_code.hook_state().command == claude_code.hook_command()
    assert "/old/bin" not in path.read_text()


@pytest.mark.parametrize(
    "data",
    [
        b"{",
        b"[]",
        b'{"hooks": []}',
        b'{"hooks": {"SessionStart": {}}}',
        b'{"a": 1, "a": 2}',
        b"// settings\n{}",
        b'{"a": "\xff"}',
    ],
)
def test_what_is_no_settings_file_is_refused_and_stays(claude_folder, data):
    path = claude_folder / "settings.json"
    path.write_bytes(data)
    for act in (claude_code.install_hook, claude_code.uninstall_hook, claude_code.hook_state):
        with pytest.raises(MemsyncError, match="cannot be changed safely"):
            act()
    assert path.read_bytes() == data
    assert names(claude_folder) == ["settings.json"]


def test_where_claude_code_is_not_nothing_is_made(home):
    with pytest.raises(MemsyncError, match="Claude Code was not found"):
        claude_code.install_hook()
    assert names(home) == []


def test_a_moved_folder_is_found_and_a_linked_file_stays_a_link(home, monkeypatch):
    (home / "moved").mkdir()
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(home / "moved"))
    real = home / "dotfiles.json"
    real.write_text(OTHERS)
    (home / "moved" / "settings.json").symlink_to(real)
    claude_code.install_hook()
    assert (home / "moved" / "settings.json").is_symlink()
    assert "hooks run" in real.read_text()


@settings(
    max_examples=examples(150),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    TABLES,
    st.none() | HOOKS,
    st.sampled_from([None, 1, 2, "\t"]),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["", "\ufeff"]),
    st.booleans(),
)
def test_whatever_stands_in_the_settings_stays_to_the_byte(
    claude_folder, table, hooked, indent, ending, mark, is_first
):
    whole = {**table, "hooks": hooked} if hooked is not None else table
    if is_first:
        whole = dict(reversed(whole.items()))
    text = mark + json.dumps(whole, indent=indent).replace("\n", ending) + ending
    path = claude_folder / "settings.json"
    (claude_folder / "settings.json.pre-memsync.bak").unlink(missing_ok=True)
    path.write_bytes(text.encode())
    assert claude_code.install_hook()
    changed = json.loads(path.read_bytes().decode("utf-8-sig"))
    *before, ours = changed["hooks"].pop("SessionStart")
    assert ours["hooks"][0]["command"] == claude_code.hook_command()
    assert before == (hooked or {}).get("SessionStart", [])
    rest = {key: value for key, value in changed.items() if key != "hooks"}
    assert rest == table
    assert list(rest) == [key for key in whole if key != "hooks"]
    assert claude_code.uninstall_hook()
    assert path.read_bytes() == text.encode()


def test_the_command_that_is_installed_brings_the_agents_in_step(home, workspace):
    claude_code.install_hook()
    done = subprocess.run(
        claude_code.hook_state().command, shell=True, capture_output=True, check=True, timeout=30
    )
    assert (done.stdout, done.stderr) == (b"", b"")
    until((home / ".claude" / "CLAUDE.md").exists)


def test_a_module_of_a_persons_own_that_lies_at_home_is_not_run(home, workspace):
    """Whoever tries something out as ~/click.py would lose the hook by it, and never hear of it."""
    (home / "click.py").write_text("raise SystemExit('not memsync')\n")
    claude_code.install_hook()
    subprocess.run(claude_code.hook_state().command, shell=True, cwd=home, check=True, timeout=30)
    until((home / ".claude" / "CLAUDE.md").exists)


def test_a_session_is_never_failed_by_the_hook(home):
    done = subprocess.run(
        [sys.executable, "-m", "memsync", "hooks", "run"],  # nothing is set up here
        capture_output=True,
        check=False,
        timeout=30,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
