"""The merge without a model: each note becomes a dated bullet, the same note never twice."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence

from memsync.text.duplicates import KnownLines
from memsync.text.edits import Edit, EditError, apply_edits
from memsync.text.note import Note
from memsync.text.redaction import redact
from memsync.text.sanitizing import sanitize

SECTION = "Recent notes"
_SECTIONS = (SECTION, f"{SECTION} (memsync)", *(f"{SECTION} (memsync {n})" for n in range(2, 10)))
# What makes a line more than text: a fence, a comment, a heading or its underline; also behind the
# bullets and numbers of a list, where it has the same effect.
_MARKUP = re.compile(r"((?:(?:[-*+]|\d{1,9}[.)])\s+)*)(?=`{3}|~{3}|<!--|#{1,6}(?:\s|$)|[-=]+\s*$)")


def merge_offline(notes: Sequence[Note], memory: str, *, apart: bool = False) -> tuple[Edit, ...]:
    """Return the edits that put `notes` under ``## Recent notes``, leaving out repeats.

    Deterministic: the same notes and memory give the same edits. A note in which nothing is visible
    (only control and format characters) stays in the log only.

    Args:
        notes: the notes.
        memory: the memory.
        apart: give each note its own edit, so that each can be decided.
    """
    plain = memory.replace("\r\n", "\n")
    plain = plain if plain.endswith("\n") else plain + "\n"
    standing = KnownLines(memory)
    bullets: list[str] = []
    for note in notes:
        text = bullet(note)
        if not sanitize(note.text).strip():
            continue
        is_repeat = "\n" not in text and standing.has(text)
        if text in bullets or f"\n{text}\n" in plain or is_repeat:
            continue
        bullets.append(text)
        standing.add(text)
    if not bullets:
        return ()
    text = "\n".join(bullets)
    section = _section(memory, text)
    return tuple(Edit("add", section=section, text=t) for t in (bullets if apart else [text]))


def bullet(note: Note) -> str:
    """Return a note as a dated bullet, with its further lines indented below it as plain text."""
    text = sanitize(redact(note.text)).replace("-->", r"--\>")  # it must not close a comment
    first, *more = text.split("\n")
    lines = [f"- {note.day.isoformat()}: {first.strip()}"]
    lines += [
        "  " + _MARKUP.sub(r"\1\\", line.strip(), count=1)
        if _is_markup(line)
        else f"  {line}".rstrip()
        for line in more
    ]
    return "\n".join(lines)


def _is_markup(line: str) -> bool:
    return _MARKUP.match(line.strip()) is not None


def _section(memory: str, text: str) -> str:
    """Return a section to which `text` can be added without harm to any other line.

    The plain name does not work if that heading is there twice, or if what follows it would become
    part of the bullets (a heading that is indented like one of their further lines).
    """
    for name in _SECTIONS:
        with contextlib.suppress(EditError):
            apply_edits(memory, (Edit("add", section=name, text=text),))
            return name
    return _SECTIONS[-1]
