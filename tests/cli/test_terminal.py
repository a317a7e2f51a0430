"""What others wrote steers no terminal and hides in none, whichever command shows it."""

from __future__ import annotations

import io
import json
import sys

import pytest

from memsync import clock
from memsync import config as settings
from memsync.cli import COMMANDS, terminal
from memsync.config import writer
from memsync.config.workspace import Workspace
from memsync.notes import log
from memsync.text.mark import TYPED
from memsync.text.note import make_note
from memsync.text.sanitizing import split_unseen
from tests.cli.conftest import Done

CLIPBOARD = "\x1b]52;c;QQ==\x07"
BIDI = "\u202eevil\u2066"
TAGS = "\U000e0041\U000e0042\U000e0043\U000e0044"
EVIL = f"x{CLIPBOARD}{BIDI}{TAGS}\u200b\x9b2Jy"
NAME = EVIL.replace("/", "")

WORDS = {
    "note": [("note", EVIL)],
    "refresh": [("refresh", "--dry-run"), ("refresh",)],
    "review": [("review", "--json"), ("review", EVIL), ("review", "--all", "--accept")],
    "show": [("show",)],
    "diff": [("diff",), ("diff", "--backup", EVIL)],
    "blame": [("blame",), ("blame", EVIL)],
    "log": [("log",)],
    "restore": [("restore", "--dry-run"), ("restore", EVIL)],
    "conflicts": [("conflicts",), ("conflicts", "show", EVIL), ("conflicts", "take", EVIL)],
    "status": [("status",)],
    "doctor": [("doctor",)],
    "lint": [("lint",)],
    "usage": [("usage",)],
    "machines": [("machines",), ("machines", "--forget", EVIL)],
    "prune": [("prune",)],
    "check": [("check",)],
    "targets": [("targets",), ("targets", "remove", EVIL), ("targets", "add", EVIL)],
    "hooks": [("hooks", "status")],
    "providers": [("providers",)],
    "config": [("config", "show"), ("config", "get", "model"), ("config", "set", "model", EVIL)],
    "daemon": [("daemon", "status"), ("daemon", "schedule"), ("daemon", "run", EVIL),
               ("daemon", "run", "drift"), ("daemon", "logs")],
}  # fmt: skip
"""The commands, as this story runs them."""

LEFT_OUT = {"init": "shows nothing that others wrote but paths", "edit": "hands over to an editor"}

AS_JSON = ("blame", "log", "conflicts", "status", "doctor", "lint", "usage", "machines")


@pytest.fixture
def beset(workspace: Workspace) -> Workspace:
    """A folder in which another machine wrote what it could, and a config that has it as well."""
    table = {"targets.claude": "~/.claude/CLAUDE.md", f"targets.{'evil'}": f"~/{NAME}/A.md"}
    writer.change(settings.get_config_path(), {"core.model": EVIL, **table})
    other = workspace.machines / NAME
    other.mkdir(parents=True)
    call = {"time": f"2026-11-{EVIL}", "command": EVIL, "model": EVIL, "changed": True}
    call |= {"input_tokens": 5, "output_tokens": 5, "cache_read_tokens": 0, "cost_usd": 0.1}
    (other / "usage.jsonl").write_text(json.dumps(call) + "\n")
    (other / "report.toml").write_text(
        f'version = "0.0.9"\ntime = 2026-11-01T09:00:00Z\nmemory_digest = "0"\n[[targets]]\n'
        f"name = {_toml(EVIL)}\npath = {_toml(EVIL)}\nmode = {_toml(EVIL)}\nstate = {_toml(EVIL)}\n"
    )
    (other / "merged.log").write_text(f"{EVIL}\n")
    (other / "changes.jsonl").write_text(f"{json.dumps(EVIL)}\n")
    workspace.memory.write_text(f"{workspace.memory.read_text()}\n- {EVIL}\n- {EVIL} twice\n")
    copy = workspace.root / f"GLOBAL_MEMORY-{NAME}.md"
    copy.write_text(f"# Global memory\n\n- {EVIL}\n")
    log.append(workspace, make_note(EVIL, clock.now()))
    log.append(workspace, make_note(f"held {EVIL}", clock.now(), TYPED.as_held()))
    return workspace


def _toml(text: str) -> str:
    return '"' + "".join(f"\\U{ord(sign):08X}" for sign in text) + '"'


def hidden_in(text: str) -> str:
    return "".join(unseen for _, unseen in split_unseen(text))


def test_every_command_is_in_this_story_or_is_left_out_for_a_reason():
    assert set(COMMANDS) | {"daemon"} == set(WORDS) | set(LEFT_OUT)


@pytest.mark.parametrize("words", [w for each in WORDS.values() for w in each], ids=" ".join)
def test_no_command_lets_through_what_others_hid(words, beset, at_terminal):
    seen = at_terminal(*words)
    assert hidden_in(seen.out) == "", seen.out
    assert "Traceback" not in seen.out


def test_what_was_hidden_is_to_be_read_there(beset, at_terminal):
    spelled = "x�]52;c;QQ==�<U+202E>evil<6 invisible>�2Jy"
    for command in ("show", "usage", "blame", "machines"):
        assert spelled in at_terminal(command).out
    assert f"held {spelled}" in at_terminal("review", typed=b"q\n").out


@pytest.mark.parametrize("command", AS_JSON)
def test_json_spells_it_as_json_does_and_means_the_same(command, beset, call, at_terminal):
    piped: Done = call(command, "--json")
    assert hidden_in(piped.out) == ""
    assert hidden_in(at_terminal(command, "--json").out) == ""
    assert json.loads(piped.out) is not None


def test_json_loses_nothing(beset, call):
    assert EVIL in json.loads(call("usage", "--json").out)["commands"]


def test_the_memory_goes_into_a_pipe_to_the_byte(beset, call):
    assert call("show").out.encode() == beset.memory.read_bytes()


def test_errors_are_clean_in_a_pipe_as_well(beset, call):
    done: Done = call("config", "get", EVIL)
    assert done.code == 2
    assert hidden_in(done.err) == ""


def test_questions_pass_the_same_way_out(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\nada\n"))
    assert terminal.confirm(f"Really {EVIL}?")
    assert terminal.prompt(f"Who is {EVIL}?", "nobody") == "ada"
    out = capsys.readouterr().out
    assert hidden_in(out) == ""
    assert "<U+202E>" in out
