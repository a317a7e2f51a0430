"""``config``: show and change the settings."""

from __future__ import annotations

import sys
from typing import Any

import click

from memsync import config as settings
from memsync.cli.output import json_option, print_json
from memsync.cli.terminal import ask_hidden, echo, is_terminal
from memsync.config import KEYS, Config, Key, writer
from memsync.errors import WrongUsageError


@click.group()
def config() -> None:
    """Show and change settings."""


@config.command()
@json_option
def show(*, as_json: bool) -> None:
    """Show every setting and what it is for. Secrets are hidden."""
    loaded = settings.load()
    if as_json:
        table: dict[str, Any] = {}
        for key in KEYS.values():
            table.setdefault(key.section, {})[key.name] = _shown(loaded, key)
        table["targets"] = {n: {"path": t.path, "mode": t.mode} for n, t in loaded.targets.items()}
        print_json(table)
        return
    section = ""
    for key in KEYS.values():
        if key.section != section:
            section = key.section
            echo(f"[{section}]")
        mark = "" if key.dotted in loaded.given else " (default)"
        echo(f"  {key.name} = {_shown(loaded, key)!r}{mark}  # {key.help}")
    echo("[targets]")
    for name, target in loaded.targets.items():
        echo(f"  {name} = {target.path!r} ({target.mode})")


@config.command()
@click.argument("key")
def get(key: str) -> None:
    """Print one setting."""
    loaded = settings.load()
    value = _value(loaded, settings.find_key(key))
    if isinstance(value, tuple):
        echo(", ".join(value))
    else:
        echo(str(value).lower() if isinstance(value, bool) else value)


@config.command("set")
@click.argument("key")
@click.argument("value", required=False)
def set_(key: str, value: str | None) -> None:
    """Change one setting. Comments and unknown keys in the file stay.

    Leave VALUE out for a secret: it is asked for, or read from standard input, because other
    users and the shell's history see what stands on a command line.
    """
    found = settings.find_key(key)
    if found.secret:
        value = _secret(found, value)
    elif value is None:
        raise WrongUsageError(
            f"{found.dotted} needs a value", hint=f"memsync config set {found.dotted} VALUE"
        )
    writer.set_value(settings.get_config_path(), found.dotted, value)
    shown = "…" if found.secret else value
    echo(f"{found.dotted} = {shown}")


@config.command()
def path() -> None:
    """Print the path of the config file, even if there is none yet."""
    echo(settings.get_config_path())


def _secret(key: Key, given: str | None) -> str:
    """Return the value for a secret: asked for, or from standard input.

    Args:
        key: the setting.
        given: what stands on the command line; only the empty text is allowed there.

    Raises:
        WrongUsageError: a secret stands there, or none came.
    """
    command = f"memsync config set {key.dotted}"
    if given == "":
        return ""
    if given is not None:
        raise WrongUsageError(
            "a secret must not stand on the command line, where others can read it",
            hint=f"{command}, which asks for it",
        )
    is_password = key.name.endswith("password")
    is_asked = is_terminal(sys.stdin)
    value = ask_hidden(key.name, twice=is_password) if is_asked else _piped()
    if not value:
        raise WrongUsageError(f"no {key.name} came", hint=f'{command} "", which means none')
    return value


def _piped() -> str:
    """Return what standard input holds, without its last line ending."""
    if sys.stdin is None or sys.stdin.closed:
        return ""
    try:
        text = sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError:
        raise WrongUsageError("standard input is not UTF-8 text", "pipe the value in") from None
    return text.removesuffix("\n").removesuffix("\r")


def _value(loaded: Config, key: Key) -> Any:  # noqa: ANN401 - of whatever type the key is
    return getattr(loaded.daemon if key.section == "daemon" else loaded, key.name)


def _shown(loaded: Config, key: Key) -> Any:  # noqa: ANN401
    value = _value(loaded, key)
    return "…" if key.secret and value else value
