"""The hook in Claude Code's settings that updates this machine's agents when a session starts.

This module writes one entry in ``settings.json``: every other byte of the file stays as it is, and
the earlier file is kept as ``settings.json.pre-memsync.bak``, which is never overwritten.
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
from memsync.errors import MemsyncError, refused
from memsync.files.atomic import atomic_write, create_new

SETTINGS = "settings.json"
KEPT_SUFFIX = ".pre-memsync.bak"
EVENT = "SessionStart"
SECONDS = 10
_OURS = re.compile(r"\bmemsync(?:\.exe)?[\"']?\s+hooks\s+run\s*$")


@dataclass(frozen=True)
class HookState:
    """The settings file, the command of memsync's hook in it, and if hooks are turned off."""

    settings: Path
    command: str | None
    turned_off: bool

    @property
    def installed(self) -> bool:
        """Is memsync's hook in the settings?"""
        return self.command is not None


def hook_command() -> str:
    """Return the hook's command line: this program by its full path, quoted.

    Claude Code passes it to a shell; on Windows that is Git Bash, which takes slashes, too.
    """
    python = Path(
        sys.executable
    ).absolute()  # not resolved: in a venv it is a link to a file outside
    script = python.with_name("memsync.exe" if os.name == "nt" else "memsync")
    words = [str(script)] if script.exists() else [str(python), "-P", "-m", "memsync"]
    program = f'"{Path(words[0]).as_posix()}"' if os.name == "nt" else shlex.quote(words[0])
    return " ".join([program, *words[1:], "hooks", "run"])


def hook_state() -> HookState:
    """Return the state of the hook; raise `MemsyncError` if the settings cannot be read."""
    path = _path()
    text = _read(path)
    table = _parse(text, path)
    found = [hook["command"] for hook in _ours(table)]
    return HookState(path, found[0] if found else None, table.get("disableAllHooks") is True)


def install_hook() -> bool:
    """Add the hook to the settings; return True if that changed the file.

    Raises:
        MemsyncError: the file is not a valid settings file, or cannot be written; it is unchanged.
    """
    path = _path()
    if not path.parent.is_dir():
        raise MemsyncError(
            f"Claude Code was not found: there is no {path.parent}",
            hint="start Claude Code once, or set CLAUDE_CONFIG_DIR to its folder",
        )
    text = _read(path)
    if [hook["command"] for hook in _ours(_parse(text, path))] == [hook_command()]:
        return False
    _write(path, _with_hook(_without_hook(text, path), path))
    return True


def uninstall_hook() -> bool:
    """Remove the hook and nothing else; return True if it was there.

    Raises:
        MemsyncError: as `install_hook`.
    """
    path = _path()
    text = _read(path)
    if not _ours(_parse(text, path)):
        return False
    _write(path, _as_before(text, path) or _without_hook(text, path))
    return True


def update_in_background() -> None:
    """Update the agents in a separate process, and return at once.

    Prints nothing, because the session would read it. Never fails, so no session does.
    """
    detached: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        detached = {
            "creationflags": subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP
        }
    try:
        subprocess.Popen(
            [sys.executable, "-P", "-m", "memsync", "targets", "sync"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=Path.home(),
            **detached,
        )
    except (OSError, RuntimeError):
        return


def _path() -> Path:
    moved = os.environ.get("CLAUDE_CONFIG_DIR")
    return Path(moved or "~/.claude").expanduser() / SETTINGS


def _read(path: Path) -> str:
    """Return the text of the settings; an empty object if there are none."""
    try:
        with refused(f"{path} cannot be read", hint="check its permissions"):
            data = _bytes_if_any(path)
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _invalid(path, "it is not UTF-8") from error
    return text if text.strip("\ufeff \t\r\n") else "{}\n"


def _bytes_if_any(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def _parse(text: str, path: Path) -> dict[str, Any]:
    """Return the settings; refuse what Claude Code could not read, or could read differently."""
    try:
        table = json.loads(text.removeprefix("\ufeff"), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise _invalid(path, str(error)) from error
    if not isinstance(table, dict):
        raise _invalid(path, "it contains no object")
    hooks = table.get("hooks", {})
    if not isinstance(hooks, dict) or not isinstance(hooks.get(EVENT, []), list):
        raise _invalid(path, f"hooks.{EVENT} is not a list")
    return table


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError("it contains a key twice")
    return table


def _invalid(path: Path, why: str) -> MemsyncError:
    return MemsyncError(
        f"{path} cannot be changed safely: {why}",
        hint=f"correct {path} and try again; nothing was written",
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
    """Is this hook memsync's, of any installation?"""
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
    """Return the settings without our hook, and without entries that only it needed."""
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
    """Return the earlier text, if the hook is the only change since; else None."""
    try:
        kept = _kept(path).read_bytes().decode("utf-8")
        same = _parse(_with_hook(kept, path), path) == _parse(text, path)
    except (OSError, UnicodeDecodeError, MemsyncError):
        return None
    return kept if same and kept.strip("\ufeff \t\r\n") else None


def _kept(path: Path) -> Path:
    return path.with_name(path.name + KEPT_SUFFIX)


def _write(path: Path, text: str) -> None:
    _parse(text, path)  # never write what cannot be read again
    hint = "free some space or check the permissions of its folder"
    with refused(f"{path} cannot be written", hint):
        if path.exists() and not _ours(_parse(_read(path), path)):
            create_new(_kept(path), path.read_bytes())
        atomic_write(path, text.encode("utf-8"))
