"""``lint``: find problems in the memory, line by line."""

from __future__ import annotations

from pathlib import Path

import click

from memsync.cli.output import json_option, open_workspace, print_json
from memsync.cli.terminal import echo
from memsync.errors import WrongUsageError, refused
from memsync.memory.lint import lint_file, lint_memory
from memsync.text.lint.finding import Finding


@click.command()
@click.argument("path", required=False, type=click.Path(path_type=Path))
@json_option
@click.pass_context
def lint(ctx: click.Context, path: Path | None, *, as_json: bool) -> None:
    """Find duplicate, outdated, contradictory, overlong or unsafe lines in the memory.

    PATH: check that file instead of the memory.

    Exit code: 0, or 1 if a finding is serious: a secret, hidden characters, or a file over a limit.
    """
    found = lint_memory(open_workspace()) if path is None else _of_file(path)
    if as_json:
        print_json({"findings": [vars(finding) for finding in found]})
    else:
        for finding in found:
            echo(_line(finding))
        echo(_count(found))
    ctx.exit(1 if any(finding.serious for finding in found) else 0)


def _of_file(path: Path) -> list[Finding]:
    try:
        with refused(f"cannot read {path}", "check the path", WrongUsageError):
            return lint_file(path, path.read_bytes().decode("utf-8"))
    except UnicodeDecodeError as error:
        raise WrongUsageError(f"{path} is not UTF-8 text", "save it as UTF-8") from error


def _line(finding: Finding) -> str:
    where = f"line {finding.line}" if finding.line else "all"
    mark = "SERIOUS" if finding.serious else ""
    return f"{where:<10}{mark:<8}{finding.kind}: {finding.message}. Try: {finding.advice}"


def _count(found: list[Finding]) -> str:
    if not found:
        return "No problems found."
    return "1 finding." if len(found) == 1 else f"{len(found)} findings."
