"""What every test stands on: a home of its own, and nothing of the machine it runs on."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from flask import Flask
from jinja2 import FileSystemBytecodeCache

from memsync import config as settings
from memsync.config import Config, agent_shell, writer
from memsync.config.workspace import Workspace
from memsync.memory import store
from memsync.targets import AGENTS
from tests.support.messages_server import MessagesServer
from tests.support.mounts import Mount
from tests.support.scale import IN_CI, TORTURE, need

SAMPLE = """<!-- memsync v1 -->
# Global memory

## Identity

- Ada, backend engineer in Turin

## Current priorities

- Ship the importer
- Write the runbook

## Preferences

- Short answers, no preamble

## Hard constraints

- Never push to main without asking
- Never delete data without a backup
"""

ROOM = 4 << 30  # bytes; the tests take a twentieth of it at once
REAL_MEMORIES = Path(__file__).parents[2] / "shared" / "data" / "memories"


def real_memories() -> list[Path]:
    """Return the real memory files beside the project; none where they are absent."""
    return sorted(REAL_MEMORIES.glob("*.md"))


needs_real_memories = pytest.mark.skipif(
    not real_memories(), reason="the real memory files are not beside the project"
)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Give a report no half characters: what was captured has to reach the main process."""
    report = yield
    report.sections = [
        (name, text.encode("utf-8", "backslashreplace").decode()) for name, text in report.sections
    ]
    return report


def pytest_configure() -> None:
    """Let the tests be the same, whoever runs them; hold their files in memory where there is room.

    In CI they lie on a real disk.
    """
    agent_shell.drop()
    ram = Path("/dev/shm")
    if IN_CI or TORTURE or "TMPDIR" in os.environ or not ram.is_dir():
        return
    if shutil.disk_usage(ram).free > ROOM and os.access(ram, os.W_OK):
        os.environ["TMPDIR"] = tempfile.tempdir = str(ram)


def pytest_xdist_auto_num_workers() -> int:
    """Return two processes more than there are cores: many tests wait, for disks and browsers."""
    return (os.cpu_count() or 1) + 2


# What takes long comes first, so that no core waits for another at the end.
SLOW_FIRST = (
    "test_systemd",
    "test_the_whole_path",
    "browser",
    "test_carry",
    "test_syncthing",
    "test_running",
    "test_ear_under_fire",
    "test_mirror_safety",
    "test_scheduler",
    "sync/",
    "quality/",
    "torture",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the long files in front, each file still in one piece."""

    def rank(item: pytest.Item) -> int:
        at = (number for number, name in enumerate(SLOW_FIRST) if name in item.nodeid)
        return next(at, len(SLOW_FIRST))

    items.sort(key=rank)


@pytest.fixture(scope="session", autouse=True)
def compiled_templates(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Compile each template once, not once for each of the hundreds of pages made here."""
    cache = FileSystemBytecodeCache(str(tmp_path_factory.mktemp("templates")))
    Flask.jinja_options = {**Flask.jinja_options, "bytecode_cache": cache}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test an empty home; no key, token or folder of the machine is seen."""
    for name in list(os.environ):
        if name.startswith(("MEMSYNC_", "XDG_", "ANTHROPIC_", "CLAUDE_", "CODEX_", "OneDrive")):
            monkeypatch.delenv(name)
    moved = {agent.moved_by for agent in AGENTS} - {""}
    for name in (*moved, "APPDATA", "CREDENTIALS_DIRECTORY", "EDITOR", "VISUAL", "NOTIFY_SOCKET"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("USERPROFILE", str(folder))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    return folder


@pytest.fixture
def config(home: Path) -> Config:
    """A machine with a sync folder, Claude Code and Codex, and no key."""
    for agent in (".claude", ".codex"):
        (home / agent).mkdir()
    (home / "Sync").mkdir()
    path = settings.get_config_path()
    table = {"core": {"provider": "custom"}, "paths": {"sync_root": str(home / "Sync")}}
    writer.write_new(path, table)
    return settings.load(path)


@pytest.fixture
def workspace(config: Config) -> Workspace:
    """The workspace of that machine, with the sample memory in it."""
    made = Workspace.create(config)
    store.create(made, SAMPLE)
    return made


@pytest.fixture
def claude() -> Iterator[MessagesServer]:
    """A scripted server that speaks the Messages API."""
    with MessagesServer() as server:
        yield server


@pytest.fixture
def with_claude(workspace: Workspace, claude: MessagesServer) -> Workspace:
    """The workspace of a machine that asks the scripted server."""
    path = settings.get_config_path()
    writer.change(path, {"core.api_base_url": claude.url, "core.api_key": "sk-test"})
    return Workspace.open(settings.load(path))


@pytest.fixture
def mount(workspace: Workspace, tmp_path: Path) -> Iterator[Mount]:
    """The workspace's root as a real mount of a store that holds what it held."""
    need("rclone", "fusermount3", root=True)
    store = workspace.root.rename(tmp_path / "store")
    workspace.root.mkdir()
    (tmp_path / "cache").mkdir()
    made = Mount(store, workspace.root, tmp_path / "cache")
    try:
        made.mount()
        yield made
    finally:
        made.unmount()
