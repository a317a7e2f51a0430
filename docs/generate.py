"""Writes the pages that come from the code: docs/commands.md and docs/config.md.

`make docs` writes them; a test compares them with what would be written.
"""

from __future__ import annotations

from pathlib import Path

import click

from memsync.cli import cli
from memsync.config import KEYS, Key

HERE = Path(__file__).parent
NOTICE = "<!-- Made by `make docs` from the code; do not edit. -->"


EXIT_CODES = """\
Exit codes: 0 done; 1 failed, and the message names cause and next step; 2 wrong usage; 3 not set up
here; 4 sync folder not found or not readable; 5 the model's service failed, the notes stay pending;
6 refused to keep the memory safe. `--json` is there on every command that reports state."""

WHERE = """\
The file is `~/.config/memsync/config.toml` (`$XDG_CONFIG_HOME` is honoured; on Windows
`%APPDATA%\\memsync\\config.toml`; `$MEMSYNC_CONFIG` names another), mode 0600. Every setting has a
default. `memsync config set daemon.web_ui_port 8080` changes one and keeps comments and unknown
keys; the bare name works where it is unambiguous. Secrets are looked up in the environment
(`ANTHROPIC_API_KEY`, `MEMSYNC_SMTP_PASSWORD`, `MEMSYNC_CAPTURE_TOKEN`), in systemd's credentials,
in the system keyring, then here."""

TARGETS = """\
`name = "path"`, or `name = { path = "…", mode = "block" }` with mode block, copy or link. Without
this section the usual agents that are found here get the memory. See
[Agents' files](targets.md)."""


def commands() -> str:
    """Return the page of all commands: their help as `--help` prints it."""
    context = click.Context(cli, info_name="memsync", terminal_width=88, **cli.context_settings)
    parts = [NOTICE, "# Commands", EXIT_CODES, *_pages(cli, context)]
    return "\n\n".join(parts) + "\n"


def _pages(group: click.Group, context: click.Context) -> list[str]:
    found = []
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None or command.hidden:
            continue
        inner = click.Context(command, info_name=name, parent=context, terminal_width=88)
        help_text = command.get_help(inner)
        found.append(f"## {inner.command_path}\n\n```text\n{help_text}\n```")
        if isinstance(command, click.Group):
            found += _pages(command, inner)
    return found


def settings() -> str:
    """Return the page of all settings."""
    parts = [NOTICE, "# Settings", WHERE]
    for section in dict.fromkeys(key.section for key in KEYS.values()):
        rows = [_row(key) for key in KEYS.values() if key.section == section]
        table = ["| key | default | what it is | allowed |", "|---|---|---|---|", *rows]
        parts += [f"## [{section}]", "\n".join(table)]
    return "\n\n".join([*parts, "## [targets]", TARGETS]) + "\n"


def _row(key: Key) -> str:
    default = key.default
    shown = ", ".join(default) if isinstance(default, tuple) else default
    value = f"`{str(shown).lower() if isinstance(shown, bool) else shown}`" if shown != "" else ""
    allowed = key.check.allowed if key.check else ""
    return f"| `{key.name}` | {value} | {key.help} | {allowed} |"


def main() -> None:
    """Write both pages."""
    (HERE / "commands.md").write_text(commands(), encoding="utf-8")
    (HERE / "config.md").write_text(settings(), encoding="utf-8")


if __name__ == "__main__":
    main()
