"""Output tokens of an edit beside re-emitting the file, over real edit histories.

For each pair of consecutive versions of a real memory file, the edits that turn one into the other
are written as a call of ``edit_memory``; memsync's own code applies them and must get the second
version's lines. Tokens are counted as four characters each, on both sides alike; no model is
called. The edits are minimal, so a model will write somewhat more.

The histories are not part of the project; without them there is no row.
"""

from __future__ import annotations

import difflib
import itertools
import json
import statistics
from collections.abc import Iterator
from pathlib import Path

from memsync.text import edits
from memsync.text.document import split_lines

HISTORY = Path(__file__).parents[2] / "shared" / "data" / "memories" / "history"
LEAST_LINES = (1, 100, 300)
"""How long a file must be to count: rows for all, for long and for very long ones."""
REACH = 0.1


def run() -> list[tuple[str, str, str, str]]:
    """Return a row for each of `LEAST_LINES`, and one for what no choice of edits can save."""
    pairs = list(_pairs())
    if not pairs:
        return [("output tokens of an edit", "-", "-", "the real histories are not here")]
    return [*(_row(pairs, least) for least in LEAST_LINES), _new_text(pairs)]


def _new_text(pairs: list[tuple[str, str]]) -> tuple[str, str, str, str]:
    """Return how much the new lines alone are, which any way of writing has to write."""
    new = []
    for before, after in pairs:
        known = set(split_lines(before))
        fresh = [line for line in split_lines(after) if line not in known]
        new.append((len("".join(fresh)) / 4, len(after) / 4))
    ratio = statistics.median(mine / whole for mine, whole in new)
    tokens = f"{statistics.median(mine for mine, _ in new):.0f}"
    return (f"the new lines alone, {len(new)} edits", tokens, "", f"{ratio:.3f}")


def _row(pairs: list[tuple[str, str]], least: int) -> tuple[str, str, str, str]:
    ours, whole = [], []
    skipped = 0
    for before, after in pairs:
        if len(split_lines(before)) < least:
            continue
        call = as_call(before, after)
        if call is None:
            skipped += 1
            continue
        ours.append(len(json.dumps(call, ensure_ascii=False)) / 4)
        whole.append(len(after) / 4)
    ratio = statistics.median(mine / theirs for mine, theirs in zip(ours, whole, strict=True))
    label = f"output tokens, {len(ours)} edits, >= {least} lines"
    if skipped:
        label += f" ({skipped} not)"
    return (
        label,
        f"{statistics.median(ours):.0f}",
        f"whole file {statistics.median(whole):.0f}",
        f"{ratio:.3f} (reach <= {REACH})",
    )


def _pairs() -> Iterator[tuple[str, str]]:
    for folder in sorted(HISTORY.glob("*")):
        versions = [path.read_bytes().decode("utf-8") for path in sorted(folder.glob("*.md"))]
        yield from ((a, b) for a, b in itertools.pairwise(versions) if a.strip() and a != b)


def as_call(before: str, after: str) -> dict[str, object] | None:
    """Return the tool call that makes `after` of `before`; None where edits cannot say it."""
    old = [line.rstrip("\r\n") for line in split_lines(before)]
    new = [line.rstrip("\r\n") for line in split_lines(after)]
    found = []
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for tag, start, end, first, last in matcher.get_opcodes():
        if tag != "equal":
            found.append(_edit(old, start, end, new[first:last]))
    wanted = [edit for edit in reversed(found) if edit]
    call: dict[str, object] = {"summary": "folded the notes in", "edits": wanted}
    try:
        got = edits.apply_edits(before, edits.parse_edits(call["edits"])).text
    except edits.EditError:
        return None
    same = [line.rstrip() for line in split_lines(got) if line.strip()]
    return call if same == [line.rstrip() for line in new if line.strip()] else None


def _edit(old: list[str], start: int, end: int, text: list[str]) -> dict[str, str] | None:
    """Return one edit; its lines are widened upwards until they stand exactly once."""
    top, bottom = start, end
    if start == end or not any(line.strip() for line in old[start:end]):
        if not any(line.strip() for line in text) and start == end:
            return None
        top = max(0, start - 1)
    while top > 0 and (_count(old, old[top:bottom]) != 1 or not old[top].strip()):
        top -= 1
    while bottom < len(old) and _count(old, old[top:bottom]) != 1:
        bottom += 1
    block = "\n".join(old[top:bottom])
    lines = old[top:start] + text + old[end:bottom]
    if start == end == bottom:
        return {"op": "add", "after": block, "text": "\n".join(text)}
    if not any(line.strip() for line in lines):
        return {"op": "remove", "find": block}
    return {"op": "replace", "find": block, "text": "\n".join(lines)}


def _count(lines: list[str], block: list[str]) -> int:
    if not any(line.strip() for line in block):
        return 0
    size = len(block)
    return sum(lines[at : at + size] == block for at in range(len(lines) - size + 1))


if __name__ == "__main__":
    for row in run():
        print(*row, sep="  ")
