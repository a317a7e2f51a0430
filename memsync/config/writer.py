"""Writing the config: new files from the program, changes in what a person wrote.

A change by `set_value` keeps comments, order and unknown keys; the file is 0600 because it may
hold a key or a password, and every write is atomic.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

import tomli_w
import tomlkit
from tomlkit.exceptions import TOMLKitError

from memsync import config as settings
from memsync.errors import MemsyncError, WrongUsageError
from memsync.files.atomic import atomic_write

PRIVATE = 0o600


def write_new(path: Path, table: Mapping[str, Any]) -> None:
    """Write a config made by the program; creates the folder (0700).

    Raises:
        MemsyncError: the table holds a bad value, or the file cannot be written.
    """
    settings.from_table(table, path)
    _write(path, tomli_w.dumps(dict(table)).encode())


def restore_config(path: Path, data: bytes | None) -> None:
    """Undo a change: the config is what it was before, byte for byte; None where there was none.

    Raises:
        MemsyncError: it cannot be written.
    """
    if data is not None:
        _write(path, data)
        return
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise _refused(path, error) from error


def set_value(path: Path, name: str, text: str) -> object:
    """Set one key from what was typed, and return the value it has now.

    Args:
        path: the config file; must exist.
        name: the key, dotted or bare where that is unambiguous.
        text: the value as typed; lists are separated by commas.

    Raises:
        WrongUsageError: no such key, or a value it does not allow; nothing was written.
        MemsyncError: the file cannot be read or written.
    """
    key = settings.find_key(name)
    value = parse_value(key, text)
    change(path, {key.dotted: value})
    return value


def change(path: Path, values: Mapping[str, object]) -> None:
    """Set keys of the file to values of the right type, keeping all that a person wrote.

    Values are not checked against their keys; `set_value` does that. A value of None takes the
    key away; a section that is empty by that stays as an empty one. Tuples are written as lists.
    """
    document = _parse_document(path)
    for dotted, value in values.items():
        *sections, name = dotted.split(".")
        table: Any = document
        for section in sections:
            if section not in table:
                table[section] = tomlkit.table()
            table = table[section]
            if not isinstance(table, MutableMapping):
                raise MemsyncError(
                    f"{section} is {table!r} in {path}; allowed is a section, [{section}]",
                    hint=f"correct that line in {path}",
                )
        if value is None:
            table.pop(name, None)
            if sections and not table:
                _declare(document, sections[0])
        else:
            table[name] = list(value) if isinstance(value, tuple) else value
    _write(path, tomlkit.dumps(document).encode())


def _declare(document: tomlkit.TOMLDocument, section: str) -> None:
    """Write the header of an empty section that only its sub-tables (`[targets.c]`) declared.

    An empty [targets] means that no agent gets the memory, none at all that the usual ones do.
    """
    if section not in tomllib.loads(tomlkit.dumps(document)):
        document.remove(section)
        document.append(section, tomlkit.table(is_super_table=False))


def parse_value(key: settings.Key, text: str) -> object:
    """Return `text` as a value of `key`.

    Raises:
        WrongUsageError: the key does not allow it.
    """
    value = _typed(key.default, text)
    allowed = key.refusal(value)
    if allowed is not None:
        shown = "…" if key.secret else repr(text)
        raise WrongUsageError(f"{key.dotted} cannot be {shown}", hint=f"allowed is {allowed}")
    return value


def _typed(default: object, text: str) -> object:
    if isinstance(default, bool):
        return {"true": True, "false": False}.get(text.strip().lower(), text)
    if isinstance(default, tuple):
        return tuple(_items(text))
    if isinstance(default, int | float):
        try:
            return type(default)(text)
        except ValueError:
            return text
    return text


def _items(text: str) -> list[str]:
    if text.strip().startswith("["):
        try:
            parsed = tomllib.loads(f"items = {text}")["items"]
        except tomllib.TOMLDecodeError:
            return [text]
        return [str(item) for item in parsed]
    return [item.strip() for item in text.split(",") if item.strip()]


def _parse_document(path: Path) -> tomlkit.TOMLDocument:
    text = settings.read_text(path)
    settings.parse_toml(text, path)
    try:
        return tomlkit.parse(text)
    except TOMLKitError as error:
        raise MemsyncError(f"{path} is not valid TOML: {error}", f"correct {path}") from error


def _write(path: Path, data: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        atomic_write(path, data, mode=PRIVATE)
    except OSError as error:
        raise _refused(path, error) from error


def _refused(path: Path, error: OSError) -> MemsyncError:
    return MemsyncError(
        f"cannot write {path}: {error.strerror}", hint="check the permissions of its folder"
    )
