"""``config``: show and change the settings."""

from __future__ import annotations

from typing import Any

import click

from memsync import config as settings
from memsync.cli.output import json_option, print_json
from memsync.cli.terminal import echo
from memsync.config import KEYS, Config, Key, writer


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
@click.argument("value")
def set_(key: str, value: str) -> None:
    """Change one setting. Comments and unknown keys in the file stay."""
    found = settings.find_key(key)
    writer.set_value(settings.get_config_path(), found.dotted, value)
    shown = "…" if found.secret else value
    echo(f"{found.dotted} = {shown}")


@config.command()
def path() -> None:
    """Print the path of the config file, even if there is none yet."""
    echo(settings.get_config_path())


def _value(loaded: Config, key: Key) -> Any:  # noqa: ANN401 - of whatever type the key is
    return getattr(loaded.daemon if key.section == "daemon" else loaded, key.name)


def _shown(loaded: Config, key: Key) -> Any:  # noqa: ANN401
    value = _value(loaded, key)
    return "…" if key.secret and value else value
