"""Forty real memories: what holds for the made-up ones holds for those people really keep."""

from __future__ import annotations

import random
import re
from collections import Counter

import pytest

from memsync import edits
from memsync.config import Config
from memsync.document import Kind, line_ending, scan
from memsync.edits import Edit, EditError
from memsync.redaction import redact
from memsync.sync import refresh_memory_content
from tests.conftest import needs_real_memories, real_memories

pytestmark = needs_real_memories
each_memory = pytest.mark.parametrize("path", real_memories(), ids=lambda path: path.stem)


def read(path):
    return path.read_bytes().decode()


def bare(line):
    return line.rstrip("\r\n")


def standing_once(text):
    """Return the lines that stand once and are text; replacing one is an ordinary edit."""
    outline = scan(text)
    times = Counter(map(bare, outline.lines))
    pairs = zip(outline.lines, outline.kinds, strict=True)
    return [
        bare(line)
        for line, kind in pairs
        if kind is Kind.TEXT and times[bare(line)] == 1 and line.strip()
    ]


@each_memory
def test_a_scan_loses_nothing(path):
    text = read(path)
    outline = scan(text)
    assert "".join(outline.lines) == text
    assert len(outline.kinds) == len(outline.lines)
    assert all(outline.kinds[heading.line] is Kind.HEADING for heading in outline.headings)


@each_memory
def test_every_heading_is_found_by_its_text_and_by_its_path(path):
    outline = scan(read(path))
    for heading in outline.headings:
        assert heading in outline.find_sections(heading.text)
        assert heading in outline.find_sections(heading.path)


@each_memory
def test_a_one_line_edit_changes_one_line(path):
    text = read(path)
    chance = random.Random(path.stem)
    once = standing_once(text)
    once = [line for line in once if re.match(r"\s*[-*] \S", line)] or once
    for line in chance.sample(once, min(10, len(once))):
        edit = Edit("replace", find=line, text=f"{line} (changed)")
        before, _, behind = f"\n{text}".partition(f"\n{line}")
        while behind[:1] not in {"", "\r", "\n"}:  # the beginning of a longer line
            more, _, behind = behind.partition(f"\n{line}")
            before += f"\n{line}{more}"
        assert f"\n{edits.apply(text, [edit]).text}" == f"{before}\n{line} (changed){behind}"


def random_edits(chance, text):
    """Return one to four edits and the lines they name to take away."""
    once, outline = standing_once(text), scan(text)
    named = chance.sample(once, min(len(once), chance.randint(1, 4)))
    made, taken = [], set()
    for line in named:
        op = chance.choice(["add", "after", "replace", "remove"])
        new = re.sub(r"\S.*", "", line) + chance.choice(
            ["- NOVEL", "NOVEL words", "- NOVEL\n  - NOVEL too"]
        )
        if op == "add":
            sections = [heading.path for heading in outline.headings] or ["NOVEL section"]
            made.append(Edit("add", section=chance.choice(sections), text="- NOVEL"))
        elif op == "after":
            made.append(Edit("add", after=line, text=new))
        else:
            taken.add(line)
            made.append(Edit(op, find=line, text=new if op == "replace" else ""))
    return made, taken


@each_memory
def test_fifty_lists_of_edits_leave_every_other_byte(path):
    text = read(path)
    chance = random.Random(path.stem)
    pattern = r"[^\n]*\n|[^\n]+"
    applied = 0
    for _ in range(50):
        made, taken = random_edits(chance, text)
        try:
            after = edits.apply(text, made).text
        except EditError:
            continue  # a heading that stands twice by its path, a line that held a list together
        applied += 1
        kept = [line for line in re.findall(pattern, text) if bare(line) not in taken]
        left = [line for line in re.findall(pattern, after) if "NOVEL" not in line]
        if not text.endswith("\n"):
            kept, left = list(map(bare, kept)), list(map(bare, left))
        standing = iter(left)
        assert all(line in standing for line in kept)
        extra = Counter(left) - Counter(kept)
        assert all(line.strip() in {"", "```"} for line in extra)
        assert after.endswith("\n") == text.endswith("\n") or not bare(kept[-1]).strip()
    assert applied >= 25


@each_memory
def test_constraints_are_found_where_a_heading_says_so(path):
    text = read(path)
    ending = line_ending(text)
    said = re.findall(r"(?mi)^#+ (?:hard )?constraints\s*$", text)
    assert len([h for h in scan(text).headings if h.is_constraint]) >= len(said)
    fence = scan(text).open_fence
    glue = ("" if text.endswith("\n") else ending) + (fence + ending if fence else "")
    own = f"{glue}# Z{ending}{ending}## 9. ⛔ HARD Constraints (never){ending}- a{ending}### Git{ending}  b{ending}"
    assert scan(text + own).constraints()[-3:] == ("- a", "### Git", "  b")
    assert scan(text + own).constraints()[:-3] == scan(text).constraints()


@each_memory
def test_a_note_merged_offline_is_at_the_end_and_nothing_else_changes(path):
    text = read(path)
    result = refresh_memory_content("Likes tea", text, Config(engine="offline"))
    after = result["updated_content"]
    assert result["changed"]
    assert after.startswith(text.rstrip("\r\n"))
    added = [bare(line) for line in scan(after).lines if line.strip()][-1]
    assert re.fullmatch(r"- \d{4}-\d\d-\d\d: Likes tea", added)
    assert scan(after).headings[-1].text == "Recent notes"
    assert after.endswith(line_ending(text)) == text.endswith("\n")


@each_memory
def test_a_real_memory_holds_nothing_that_is_taken_for_a_credential(path):
    assert redact(read(path)) == read(path)
