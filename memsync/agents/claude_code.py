"""The hook in Claude Code's settings that brings this machine's agents in step at each session.

Keeper of one entry in ``settings.json``: every other byte of the file stays as a person wrote it,
and the file from before is kept as ``settings.json.pre-memsync.bak`` for good.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memsync.agents.json_text import add_item, add_member, cut_item, cut_member
from memsync.errors import MemsyncError
from memsync.files.atomic import atomic_write, create_new

SETTINGS = "settings.json"
KEPT_SUFFIX = ".pre-memsync.bak"
EVENT = "SessionStart"
SECONDS = 10
_OURS = re.compile(r"\bmemsync(?:\.exe)?[\"']?\s+hooks\s+run\s*$")


@dataclass(frozen=True)
class HookState:
    """How the hook stands: the settings file, and the command it has for us, if any."""

    settings: Path
    command: str | None
    turned_off: bool

    @property
    def installed(self) -> bool:
        """Tell whether Claude Code calls us."""
        return self.command is not None


def hook_command() -> str:
    """Return the command line of the hook: this very program by its whole path, quoted.

    Claude Code gives it to a shell, on Windows to Git's: slashes serve there, too.
    """
    python = Path(sys.executable).absolute()  # not resolved: a venv's python is a link out of it
    script = python.with_name("memsync.exe" if os.name == "nt" else "memsync")
    words = [str(script)] if script.exists() else [str(python), "-P", "-m", "memsync"]
    program = f'"{Path(words[0]).as_posix()}"' if os.name == "nt" else shlex.quote(words[0])
    return " ".join([program, *words[1:], "hooks", "run"])


def hook_state() -> HookState:
    """Return how the hook stands; raises `MemsyncError` where the settings cannot be read."""
    path = _path()
    text = _read(path)
    table = _parse(text, path)
    found = [hook["command"] for hook in _ours(table)]
    return HookState(path, found[0] if found else None, table.get("disableAllHooks") is True)


def install_hook() -> bool:
    """Put the hook into the settings; return whether that changed anything.

    Raises:
        MemsyncError: the file is no settings of Claude Code's, or cannot be written; it is as it
            was.
    """
    path = _path()
    if not path.parent.is_dir():
        raise MemsyncError(
            f"Claude Code is not here: there is no {path.parent}",
            hint="start Claude Code once, or set CLAUDE_CONFIG_DIR to its folder",
        )
    text = _read(path)
    if [hook["command"] for hook in _ours(_parse(text, path))] == [hook_command()]:
        return False
    _write(path, _with_hook(_without_hook(text, path), path))
    return True


def uninstall_hook() -> bool:
    """Take the hook out again, and nothing else; return whether it was there; raises likewise."""
    path = _path()
    text = _read(path)
    if not _ours(_parse(text, path)):
        return False
    _write(path, _as_before(text, path) or _without_hook(text, path))
    return True


def update_in_background() -> None:
    """Bring the agents in step by a process of its own, and return at once.

    Prints nothing, because a session would read it, and never fails one.
    """
    away: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        away = {"creationflags": subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP}
    try:
        subprocess.Popen(
            [sys.executable, "-P", "-m", "memsync", "targets", "sync"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=Path.home(),
            **away,
        )
    except (OSError, RuntimeError):
        return


def _path() -> Path:
    moved = os.environ.get("CLAUDE_CONFIG_DIR")
    return Path(moved or "~/.claude").expanduser() / SETTINGS


def _read(path: Path) -> str:
    """Return the text of the settings; an empty object where there are none."""
    try:
        text = path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return "{}\n"
    except UnicodeDecodeError as error:
        raise _not_ours(path, "it is not UTF-8") from error
    except OSError as error:
        raise MemsyncError(
            f"{path} cannot be read: {error.strerror or error}", hint="check its permissions"
        ) from error
    return text if text.strip("\ufeff \t\r\n") else "{}\n"


def _parse(text: str, path: Path) -> dict[str, Any]:
    """Return the settings; refuse what Claude Code itself could not read, or reads otherwise."""
    try:
        table = json.loads(text.removeprefix("\ufeff"), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise _not_ours(path, str(error)) from error
    if not isinstance(table, dict):
        raise _not_ours(path, "it holds no object")
    hooks = table.get("hooks", {})
    if not isinstance(hooks, dict) or not isinstance(hooks.get(EVENT, []), list):
        raise _not_ours(path, f"hooks.{EVENT} is no list")
    return table


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError("a key stands in it twice")
    return table


def _not_ours(path: Path, why: str) -> MemsyncError:
    return MemsyncError(
        f"{path} is no settings file that can be changed safely: {why}",
        hint=f"mend {path}, then do it again; nothing was written",
    )


def _ours(table: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        hook
        for entry in table.get("hooks", {}).get(EVENT, [])
        if isinstance(entry, dict) and isinstance(entry.get("hooks"), list)
        for hook in entry["hooks"]
        if is_ours(hook)
    ]


def is_ours(hook: object) -> bool:
    """Tell whether a hook is memsync's, of whatever installation."""
    if not isinstance(hook, dict):
        return False
    words = hook.get("command")
    return isinstance(words, str) and _OURS.search(words) is not None


def _with_hook(text: str, path: Path) -> str:
    hook = {"type": "command", "command": hook_command(), "timeout": SECONDS}
    entry = {"hooks": [hook]}
    table = _parse(text, path)
    if "hooks" not in table:
        return add_member(text, (), "hooks", {EVENT: [entry]})
    if EVENT not in table["hooks"]:
        return add_member(text, ("hooks",), EVENT, [entry])
    return add_item(text, ("hooks", EVENT), entry)


def _without_hook(text: str, path: Path) -> str:
    """Return the settings without our hook, and without what stood there for it alone."""
    while True:
        table = _parse(text, path)
        place = _place(table)
        if place is None:
            return text
        number, inner = place
        entries = table["hooks"][EVENT]
        if len(entries[number]["hooks"]) > 1:
            text = cut_item(text, ("hooks", EVENT, number, "hooks"), inner)
        elif len(entries) > 1:
            text = cut_item(text, ("hooks", EVENT), number)
        elif len(table["hooks"]) > 1:
            text = cut_member(text, ("hooks",), EVENT)
        else:
            text = cut_member(text, (), "hooks")


def _place(table: dict[str, Any]) -> tuple[int, int] | None:
    for number, entry in enumerate(table.get("hooks", {}).get(EVENT, [])):
        if isinstance(entry, dict) and isinstance(entry.get("hooks"), list):
            for inner, hook in enumerate(entry["hooks"]):
                if is_ours(hook):
                    return number, inner
    return None


def _as_before(text: str, path: Path) -> str | None:
    """Return the very text from before where nothing but the hook came to it since."""
    try:
        kept = _kept(path).read_bytes().decode("utf-8")
        same = _parse(_with_hook(kept, path), path) == _parse(text, path)
    except (OSError, UnicodeDecodeError, MemsyncError):
        return None
    return kept if same and kept.strip("\ufeff \t\r\n") else None


def _kept(path: Path) -> Path:
    return path.with_name(path.name + KEPT_SUFFIX)


def _write(path: Path, text: str) -> None:
    _parse(text, path)  # what is written can be read again
    try:
        if path.exists() and not _ours(_parse(_read(path), path)):
            create_new(_kept(path), path.read_bytes())
        atomic_write(path, text.encode("utf-8"))
    except OSError as error:
        raise MemsyncError(
            f"{path} cannot be written: {error.strerror or error}",
            hint="free some space or check the permissions of its folder",
        ) from error
