"""Forty real memories: what holds for the made-up ones holds for those people really keep."""

from __future__ import annotations

import random
import re
from collections import Counter
from dataclasses import replace

import pytest

from memsync import clock
from memsync.config import Config
from memsync.config.workspace import Workspace
from memsync.errors import ApiError, RefusedError
from memsync.notes import log
from memsync.refresh import pending, run
from memsync.sync import refresh_memory_content
from memsync.text import edits
from memsync.text.document import Kind, line_ending, scan
from memsync.text.edits import Edit, EditError
from memsync.text.note import make_note
from memsync.text.redaction import redact
from tests.conftest import needs_real_memories, real_memories
from tests.support import messages_server as messages
from tests.support.scale import TORTURE, some

pytestmark = needs_real_memories
each_memory = pytest.mark.parametrize("path", some(real_memories(), 12), ids=lambda path: path.stem)


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
        assert f"\n{edits.apply_edits(text, [edit]).text}" == f"{before}\n{line} (changed){behind}"


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


@pytest.mark.torture
@each_memory
def test_valid_lists_of_edits_leave_every_other_byte(path):
    text = read(path)
    chance = random.Random(path.stem)
    pattern = r"[^\n]*\n|[^\n]+"
    wanted = 200 if TORTURE else 20
    applied = 0
    for _ in range(wanted * 4):
        made, taken = random_edits(chance, text)
        try:
            after = edits.apply_edits(text, made).text
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
        if applied == wanted:
            return
    pytest.fail(f"only {applied} of {wanted} lists could be applied")


def spoiled(chance, text):
    """Return a list of edits, some of them sound, that must not be applied as a whole."""
    sound, _ = random_edits(chance, text)
    outline = scan(text)
    twice = [
        line for line, n in Counter(map(bare, outline.lines)).items() if n > 1 and line.strip()
    ]
    line = chance.choice(standing_once(text))
    wrong = [
        Edit("replace", find=f"{line} NOT THERE", text="- x"),
        Edit("remove", find="- NO SUCH LINE"),
        Edit("add", after=line[:-1] + "\u2603", text="- x"),
        Edit("add", section="NOVEL section", after="- NO SUCH LINE", text="- x"),
        Edit("add", after=line, text="```\nnever closed"),
        Edit("add", after=line, text="~~~~\nnever closed"),
        Edit("remove", find=f"{line}\n{line}"),
    ]
    if twice:
        wrong.append(Edit("remove", find=chance.choice(twice)))
        wrong.append(Edit("add", after=chance.choice(twice), text="- x"))
    constraints = [c for c in outline.constraints() if c in standing_once(text)]
    if constraints:
        wrong.append(Edit("remove", find=chance.choice(constraints)))
        wrong.append(Edit("replace", find=chance.choice(constraints), text="- weaker"))
    return [*sound[:2], chance.choice(wrong)]


def is_sound(text, wanted):
    """Tell whether a list can be applied after all and leaves the constraints as they stand."""
    try:
        after = edits.apply_edits(text, wanted).text
    except EditError:
        return False
    standing = iter(scan(after).constraints())
    return all(line in standing for line in scan(text).constraints())


def as_call(edit):
    return {name: value for name, value in vars(edit).items() if value}


@pytest.mark.torture
@each_memory
def test_of_an_invalid_list_of_edits_nothing_is_written(path, workspace, claude):
    text = read(path)
    chance = random.Random(path.stem)
    workspace.memory.write_bytes(path.read_bytes())
    config = replace(workspace.config, api_base_url=claude.url, api_key="sk-test")
    asking = Workspace(workspace.root, config)
    log.append(asking, make_note("A note", clock.now()))
    tried, rounds = 0, 200 if TORTURE else 2
    while tried < rounds:
        wanted = spoiled(chance, text)
        if is_sound(text, wanted):
            continue
        tried += 1
        claude.answer_always(messages.edits(*map(as_call, wanted)))
        with pytest.raises((ApiError, RefusedError)):
            run.merge_pending(asking)
        assert workspace.memory.read_bytes() == path.read_bytes()
        assert not list(workspace.backups.iterdir())
        assert len(pending.pending_notes(asking)) == 1


@each_memory
def test_lines_that_come_and_go_leave_no_growing_gap(path):
    text = read(path)
    sections = [heading.path for heading in scan(text).headings] + ["NOVEL section"]
    for section in sections[:10] + sections[-1:]:
        lengths, now = [], text
        for number in range(4):
            line = f"- NOVEL {number}"
            try:
                now = edits.apply_edits(now, [Edit("add", section=section, text=line)]).text
                now = edits.apply_edits(now, [Edit("remove", find=line)]).text
            except EditError:
                break  # a heading that stands twice by its path
            lengths.append(now.count("\n"))
        assert lengths[1:] == lengths[1:2] * len(lengths[1:])


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
def test_in_a_real_memory_nothing_but_a_password_is_taken_for_a_credential(path):
    """One of forty holds a real password, in two lines; both were read by eye."""
    pairs = zip(read(path).split("\n"), redact(read(path)).split("\n"), strict=True)
    changed = [line for line, after in pairs if line != after]
    assert len(changed) == (2 if path.stem == "064" else 0)
    assert all("password" in line for line in changed)
