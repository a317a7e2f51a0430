"""Writes what comes from the code: commands.md, config.md, two tables of agents, REPO.md's tree.

`make docs` writes them; a test compares them with what would be written.
"""

from __future__ import annotations

import ast
from pathlib import Path

import click

import memsync
from memsync.cli import cli
from memsync.config import KEYS, Key
from memsync.config.agent_shell import TRACES
from memsync.targets import AGENTS, WITHOUT_FILE, Agent

HERE = Path(__file__).parent
NOTICE = "<!-- Made by `make docs` from the code; do not edit. -->"


TABLE_BEGIN = "<!-- The table of agents is made by `make docs` from the code. -->"
TABLE_END = "<!-- The end of the table. -->"
TREE_BEGIN = "<!-- The tree is made by `make docs` from the first line of each package. -->"
TREE_END = "<!-- The end of the tree. -->"

EXIT_CODES = """\
Exit codes: 0 done; 1 failed, and the message names cause and next step; 2 wrong usage; 3 not set up
here; 4 sync folder not found or not readable; 5 the model's service failed, the notes stay pending;
6 refused to keep the memory safe. Every command that reports state takes `--json`."""

WHERE = """\
The file is `~/.config/memsync/config.toml` (memsync follows `$XDG_CONFIG_HOME`; on Windows
`%APPDATA%\\memsync\\config.toml`; `$MEMSYNC_CONFIG` names another), mode 0600. Every setting has a
default. `memsync config set daemon.web_ui_port 8080` changes one and keeps comments and unknown
keys; the bare name works if it is unambiguous. memsync looks for secrets in the environment
(`ANTHROPIC_API_KEY`, `MEMSYNC_SMTP_PASSWORD`, `MEMSYNC_CAPTURE_TOKEN`), in systemd's credentials,
in the system keyring, and then in this file."""

TARGETS = """\
`name = "path"`, or `name = { path = "…", mode = "block" }` with mode block or copy. Without
this section, Claude Code and Codex get the memory if they are found here. See
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


def agents(page: str) -> str:
    """Return the page about agents' files with the table of all agents in it as it is now."""
    head = ["| name | agent | file | moved by | how much it reads |", "|---|---|---|---|---|"]
    table = "\n".join([*head, *(_agent_row(agent) for agent in AGENTS)])
    others = "\n".join(
        f"- `{name}`: {why}. Instead: {way}." for name, (why, way) in WITHOUT_FILE.items()
    )
    inside = f"{table}\n\nWithout such a file:\n\n{others}"
    return _between(page, TABLE_BEGIN, inside, TABLE_END)


def traces(page: str) -> str:
    """Return the page about agents' shells with the table of their variables as it is now."""
    rows = [
        f"| `{trace.agent}` | `{trace.name}` | {f'`{trace.value}`' if trace.value else 'any'} "
        f"| {trace.source} |"
        for trace in TRACES
    ]
    head = ["| agent | variable | value | source |", "|---|---|---|---|"]
    return _between(page, TABLE_BEGIN, "\n".join([*head, *rows]), TABLE_END)


def _between(page: str, begin: str, inside: str, end: str) -> str:
    before, _, rest = page.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n\n{inside}\n\n{end}{after}"


def _agent_row(agent: Agent) -> str:
    file = f"`{agent.home}/{agent.inside}`"
    if agent.windows_home:
        file += f"; Windows `{agent.windows_home}/{agent.inside}`"
    moved = [f"`{agent.moved_by}`"] if agent.moved_by else []
    if agent.xdg:
        where = "" if len(agent.xdg) == 3 else f" ({', '.join(agent.xdg)})"
        moved.append(f"`XDG_CONFIG_HOME`{where}")
    limit = ""
    if agent.limit:
        kind = "the rest is cut off" if agent.limit.cuts else "recommended"
        limit = f"{agent.limit.most:,} {agent.limit.unit}, {kind} ({agent.limit.source})"
    label = f"{agent.label}; {agent.note}" if agent.note else agent.label
    return f"| `{agent.name}` | {label} | {file} | {', '.join(moved)} | {limit} |"


def tree(page: str) -> str:
    """Return REPO.md with the tree of packages as it is now, each with its first line."""
    package = Path(memsync.__file__).parent
    rows = [_tree_row(package, init) for init in sorted(package.rglob("__init__.py"))]
    return _between(page, TREE_BEGIN, "\n".join(["```", *rows, "```"]), TREE_END)


def _tree_row(package: Path, init: Path) -> str:
    depth = len(init.parent.relative_to(package).parts)
    first_line = (ast.get_docstring(ast.parse(init.read_text(encoding="utf-8"))) or "").split("\n")[
        0
    ]
    return f"{'  ' * depth + init.parent.name + '/':<20} {first_line.replace('``', '')}"


def main() -> None:
    """Write the pages, the tables and the tree."""
    repo = HERE.parent / "REPO.md"
    repo.write_text(tree(repo.read_text(encoding="utf-8")), encoding="utf-8")
    for name, write in {"targets.md": agents, "agent-shell.md": traces}.items():
        page = HERE / name
        page.write_text(write(page.read_text(encoding="utf-8")), encoding="utf-8")
    (HERE / "commands.md").write_text(commands(), encoding="utf-8")
    (HERE / "config.md").write_text(settings(), encoding="utf-8")


if __name__ == "__main__":
    main()
