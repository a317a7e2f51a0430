"""``blame``: where each line of the memory came from."""

from __future__ import annotations

import click

from memsync.cli.output import json_option, open_workspace, print_json
from memsync.cli.terminal import echo
from memsync.memory import store
from memsync.memory.blame import BlamedLine
from memsync.memory.blame import blame_lines as find_origins


@click.command()
@click.argument("words", required=False)
@json_option
def blame(words: str | None, *, as_json: bool) -> None:
    """Show which note each line of the memory came from, and when.

    WORDS: show only the lines that contain them.
    """
    workspace = open_workspace()
    memory = store.read(workspace).text
    wanted = (words or "").casefold()
    rows = [row for row in find_origins(workspace, memory) if wanted in row.line.casefold()]
    if as_json:
        print_json({"lines": [_table(row) for row in rows]})
        return
    for row in rows:
        echo(f"{row.number:>4}  {row.line}\n      {_origin(row)}")
    if not rows:
        echo("No line contains these words." if words else "The memory has no lines.")


def _table(row: BlamedLine) -> dict[str, object]:
    return {
        "number": row.number,
        "line": row.line,
        "how": row.how,
        "when": row.when.isoformat(timespec="seconds") if row.when else None,
        "machine": row.machine or None,
        "is_clear": len(row.notes) < 2,
        "notes": [
            {"id": n.id, "day": n.day, "time": n.time, "came_by": n.mark.sender, "words": words}
            for n, words in zip(row.notes, row.words, strict=True)
        ],
    }


def _origin(row: BlamedLine) -> str:
    when = f"{row.when:%Y-%m-%d %H:%M}" if row.when else ""
    machine = f"on {row.machine}" if row.machine else ""
    if not row.notes:
        return " · ".join(part for part in (row.how, when, machine) if part)
    named = [
        f"note of {n.day} {n.time} ({n.mark.in_words or 'typed'}) “{words}”"
        for n, words in zip(row.notes[:3], row.words, strict=False)
    ]
    lead = "" if len(row.notes) == 1 else f"one of {len(row.notes)} notes: "
    more = " …" if len(row.notes) > 3 else ""
    return " · ".join(
        part for part in (lead + "; ".join(named) + more, f"merged {when}", machine) if part
    )
