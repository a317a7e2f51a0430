"""The merge without a model: each note becomes a dated bullet, the same note never twice."""

from __future__ import annotations

import re
from collections.abc import Sequence

from memsync.document import scan
from memsync.edits import Edit
from memsync.notes import Note
from memsync.redaction import redact

SECTION = "Recent notes"
# What would make a line of a note more than text: a fence, a comment, a heading or its underline.
_MARKUP = re.compile(r"(?=`{3}|~{3}|<!--|#{1,6}(?:\s|$)|[-=]+\s*$)")


def merge(notes: Sequence[Note], memory: str) -> tuple[Edit, ...]:
    """Return the edits that put `notes` under ``## Recent notes``; those that stand there are out.

    Deterministic: the same notes and memory give the same edits.
    """
    plain = memory.replace("\r\n", "\n")
    standing = plain if plain.endswith("\n") else plain + "\n"
    bullets: list[str] = []
    for note in notes:
        text = bullet(note)
        if text not in bullets and f"\n{text}\n" not in standing:
            bullets.append(text)
    if not bullets:
        return ()
    return (Edit("add", section=_section(memory), text="\n".join(bullets)),)


def bullet(note: Note) -> str:
    """Return a note as a dated bullet, its further lines indented below it and plain text."""
    first, *more = redact(note.text).split("\n")
    lines = [f"- {note.day.isoformat()}: {first.strip()}"]
    lines += [
        "  " + _MARKUP.sub(r"\\", line.strip(), count=1)
        if _is_markup(line)
        else f"  {line}".rstrip()
        for line in more
    ]
    return "\n".join(lines)


def _is_markup(line: str) -> bool:
    return _MARKUP.match(line.strip()) is not None


def _section(memory: str) -> str:
    """Return the section's name, or one of our own where that heading stands more than once."""
    return SECTION if len(scan(memory).find_sections(SECTION)) < 2 else f"{SECTION} (memsync)"
