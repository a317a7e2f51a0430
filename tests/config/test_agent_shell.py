"""Which agent runs a command: exact variables, nothing a person sets, nothing every terminal has."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memsync.config import agent_shell
from memsync.config.agent_shell import TRACES, Trace, agent_here, drop
from memsync.targets import AGENTS
from tests.support.daemons import Daemon

VSCODE = {"TERM_PROGRAM": "vscode"}
IDS = [f"{trace.name}={trace.value}" for trace in TRACES]


def left_by(trace: Trace) -> dict[str, str]:
    return {trace.name: trace.value or "0192-abcd"}


@pytest.mark.parametrize("trace", TRACES, ids=IDS)
def test_each_agent_is_known_by_its_variable_and_its_value(trace):
    assert agent_here(left_by(trace)) == trace.agent
    assert agent_here({trace.name: ""}) == ""
    if trace.value:
        assert agent_here({trace.name: f"{trace.value}x"}) == ""


@pytest.mark.parametrize("trace", TRACES, ids=IDS)
def test_each_name_is_fit_for_a_mark_and_each_row_names_its_source(trace):
    assert re.fullmatch(r"[a-z0-9-]{1,30}", trace.agent)
    assert re.search(r"\w+[./]\w+", trace.source)


def test_a_persons_settings_and_a_terminal_are_no_agent():
    settings = {agent.moved_by: "/home/ada/x" for agent in AGENTS if agent.moved_by}
    ambient = {"TERM_PROGRAM": "vscode", "CURSOR_TRACE_ID": "1", "ZED_TERM": "true", "CI": "1"}
    assert agent_here({**settings, **ambient, "AGENT": "smith", "AI_AGENT": "mine"}) == ""


def test_in_an_editors_terminal_claude_code_is_known_by_what_it_alone_sets():
    by_extension = {**VSCODE, "CLAUDECODE": "1"}
    assert agent_here(by_extension) == ""
    assert agent_here({"TERMINAL_EMULATOR": "JetBrains-JediTerm", "CLAUDECODE": "1"}) == ""
    assert agent_here({**by_extension, "CLAUDE_CODE_CHILD_SESSION": "1"}) == "claude-code"


def test_the_agent_that_another_one_runs_is_named():
    assert agent_here({"CLAUDECODE": "1", "CODEX_THREAD_ID": "7"}) == "codex"
    assert agent_here({"CLAUDECODE": "1", "AGENT": "amp"}) == "amp"


@given(
    st.dictionaries(st.sampled_from(["PATH", "CODEX_HOME", "EDITOR", "TERM_PROGRAM"]), st.text()),
    st.lists(st.sampled_from(TRACES)),
)
def test_what_agents_left_is_dropped_and_the_rest_stays(others, traces):
    environ = {**others, **{name: v for trace in traces for name, v in left_by(trace).items()}}
    drop(environ)
    assert environ == others


def test_a_variable_of_the_same_name_with_another_value_stays():
    environ = {"AGENT": "smith", "CRUSH": "orange"}
    drop(environ)
    assert environ == {"AGENT": "smith", "CRUSH": "orange"}


def test_the_tests_see_no_agent():
    assert agent_here() == ""


def test_it_needs_no_more_than_the_standard_library_so_that_a_note_stays_quick():
    tree = ast.parse(Path(agent_shell.__file__).read_text())
    asked = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    named = {alias.name for n in ast.walk(tree) if isinstance(n, ast.Import) for alias in n.names}
    assert asked | named == {"__future__", "collections.abc", "dataclasses", "os"}


FOREGROUND = """
import os, signal
from memsync import config
from memsync.config.agent_shell import agent_here
from memsync.daemon import runtime

def look(status):
    print("agent:", repr(agent_here()), os.environ.get("CODEX_HOME"))
    os.kill(os.getpid(), signal.SIGTERM)

runtime.run_daemon(config.load(), on_ready=look)
"""


def test_a_daemon_that_an_agent_started_forgets_it(workspace):
    Daemon()  # lays out two free ports
    left = {"CLAUDECODE": "1", "CODEX_THREAD_ID": "7", "CODEX_HOME": "/srv/codex"}
    done = subprocess.run(
        [sys.executable, "-c", FOREGROUND],
        env={**os.environ, **left},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == "agent: '' /srv/codex\n"
