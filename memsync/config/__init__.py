"""The config of this machine, read from its file; every setting is in `config.keys`.

Reading only; `config_writer` changes the file. A bad value is refused with the key, the value,
what is allowed and the file, so that a typing error never becomes a silent default.
"""

from __future__ import annotations

import os
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from memsync.config.keys import (
    KEYS,
    PROVIDERS,
    RETIRED_MODE,
    TARGET_MODES,
    Config,
    DaemonConfig,
    Key,
    TargetSetting,
    find_key,
)
from memsync.errors import MemsyncError, NotSetUpError

__all__ = [
    "KEYS",
    "PROVIDERS",
    "RETIRED_MODE",
    "TARGET_MODES",
    "Config",
    "DaemonConfig",
    "Key",
    "TargetSetting",
    "find_key",
    "from_table",
    "get_config_path",
    "load",
    "normal",
    "parse",
    "read_table",
    "read_text",
]


def get_config_path() -> Path:
    """Return where this machine's config is, whether it exists or not.

    ``$MEMSYNC_CONFIG`` names a file; else ``$XDG_CONFIG_HOME`` or ``~/.config`` (``%APPDATA%``
    on Windows), the same on Linux and macOS.
    """
    named = os.environ.get("MEMSYNC_CONFIG")
    if named:
        return Path(named).expanduser()
    if sys.platform == "win32":
        base = os.environ.get("APPDATA") or "~/AppData/Roaming"
    else:
        base = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(base).expanduser() / "memsync" / "config.toml"


def load(path: Path | None = None) -> Config:
    """Read the config of this machine.

    Args:
        path: the file; None is `get_config_path`.

    Raises:
        NotSetUpError: there is no config file.
        MemsyncError: the file cannot be read, is no TOML, or holds a bad value.
    """
    source = path or get_config_path()
    return from_table(read_table(source), source)


def read_table(source: Path) -> dict[str, Any]:
    """Return the TOML of `source` as it stands; raises as `load` does."""
    return parse_toml(read_text(source), source)


def read_text(source: Path) -> str:
    """Return the text of `source`; raises as `load` does where it cannot be read."""
    try:
        return source.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise NotSetUpError(f"memsync is not set up here: no {source}", "memsync init") from None
    except UnicodeDecodeError as error:
        raise MemsyncError(
            f"{source} is not valid TOML: {error}", hint=f"save {source} as UTF-8"
        ) from error
    except OSError as error:
        raise MemsyncError(
            f"cannot read {source}: {error.strerror}", hint="check the permissions of that file"
        ) from error


def parse_toml(text: str, source: Path) -> dict[str, Any]:
    """Return the TOML of a config's text; raises as `load` does where it is none."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise MemsyncError(
            f"{source} is not valid TOML: {error}", hint=f"correct that line in {source}"
        ) from error


def from_table(table: Mapping[str, Any], source: Path | None) -> Config:
    """Return the config a parsed TOML table describes; raises `MemsyncError` on a bad value."""
    core: dict[str, Any] = {}
    daemon: dict[str, Any] = {}
    given: set[str] = set()
    for key in KEYS.values():
        section = table.get(key.section, {})
        if not isinstance(section, Mapping):
            raise _bad(key.section, section, "a section, [" + key.section + "]", source)
        if key.name not in section:
            continue
        value = normalise(key, section[key.name])
        allowed = key.refusal(value)
        if allowed is not None:
            raise _bad(key.dotted, "…" if key.secret else value, allowed, source)
        given.add(key.dotted)
        (daemon if key.section == "daemon" else core)[key.name] = value
    if "targets" in table:
        given.add("targets")
    return Config(
        **core,
        targets=_targets(table.get("targets", {}), source),
        daemon=DaemonConfig(**daemon),
        source=source,
        given=frozenset(given),
    )


def normalise(key: Key, value: object) -> object:
    """Return `value` as `key` keeps it: lists as tuples, whole numbers as floats where needed."""
    if isinstance(value, list):
        return tuple(value)
    if isinstance(key.default, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value


def _targets(table: object, source: Path | None) -> dict[str, TargetSetting]:
    if not isinstance(table, Mapping):
        raise _bad("targets", table, "a section, [targets]", source)
    found: dict[str, TargetSetting] = {}
    for name, entry in table.items():
        setting = {"path": entry} if isinstance(entry, str) else entry
        shape = 'a path, or { path = "…", mode = "…" }'
        if not isinstance(setting, Mapping) or not isinstance(setting.get("path"), str):
            raise _bad(f"targets.{name}", entry, shape, source)
        if not _is_findable(setting["path"]):
            raise _bad(f"targets.{name}", entry, "a path on this machine, not empty", source)
        mode = setting.get("mode", "block")
        if mode not in (*TARGET_MODES, RETIRED_MODE):
            raise _bad(f"targets.{name}.mode", mode, "one of " + ", ".join(TARGET_MODES), source)
        found[name] = TargetSetting(setting["path"], mode)
    return found


def _is_findable(path: str) -> bool:
    try:
        Path(path).expanduser()
    except RuntimeError:  # `~name` of a user this machine does not have
        return False
    return bool(path.strip()) and "\0" not in path


def _bad(name: str, value: object, allowed: str, source: Path | None) -> MemsyncError:
    return MemsyncError(
        f"{name} is {value!r} in {source or 'the config'}; allowed is {allowed}",
        hint=f"memsync config set {name} VALUE, or edit {source or 'the file'}"
        if name in KEYS
        else f"correct it in {source or 'the file'}",
    )
