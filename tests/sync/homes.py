"""Homes of several machines on one: each with its config, its state, its agent and its sync folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from memsync import config as settings
from memsync.config import writer
from memsync.config.workspace import Workspace


def set_up(home: Path, host: str) -> Workspace:
    """Make a machine's home; its memory root is the one in its folder `Sync`, made or not."""
    (home / ".claude").mkdir(parents=True)
    with at_home(home):
        path = settings.get_config_path()
        table = {
            "core": {"provider": "custom", "engine": "offline"},
            "paths": {"sync_root": str(home / "Sync")},
            "targets": {"claude": str(home / ".claude" / "CLAUDE.md")},
        }
        writer.write_new(path, table)
        state = home / "state" / "memsync"
        state.mkdir(parents=True)
        (state / "machine").write_text(f"{host.lower()}-00{len(host):02}\n")
        return Workspace(home / "Sync" / ".claude-memory", settings.load(path))


@contextmanager
def at_home(home: Path) -> Iterator[None]:
    """Be at a machine while the body runs."""
    kept = {name: os.environ.get(name) for name in ("HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME")}
    os.environ["HOME"] = str(home)
    os.environ["XDG_STATE_HOME"] = str(home / "state")
    os.environ["XDG_CONFIG_HOME"] = str(home / "config")
    try:
        yield
    finally:
        for name, value in kept.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
