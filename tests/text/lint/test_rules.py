"""What is told of a memory: each thing worth telling once, with its line, and little else."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memsync.text.document import split_lines
from memsync.text.lint.dates import find_expired, find_undated
from memsync.text.lint.rules import MOST_CONSTRAINTS, Finding, find_problems
from memsync.text.sanitizing import without_hidden
from tests.conftest import SAMPLE, needs_real_memories, real_memories

TODAY = date(2026, 11, 24)
KEY = "sk-" + "ant-api03-" + "aB3dE5gH7jK9" * 4


def lint(text: str, files: tuple[str, ...] = ()) -> list[Finding]:
    return find_problems(text, TODAY, lambda path: path in files)


def told(text: str) -> list[tuple[int, str]]:
    return [(finding.line, finding.kind) for finding in lint(text)]


def preferences(*lines: str) -> str:
    """Return a memory with these lines from line 3 on."""
    return "\n".join(["# Memory", "## Preferences", *lines, ""])


def test_a_sound_memory_has_nothing_to_be_told_of():
    assert lint(SAMPLE) == []


def test_a_secret_is_told_by_its_line_and_kind_and_not_repeated():
    (found,) = lint(preferences("- Likes tea", f"- The key is {KEY}"))
    assert (found.line, found.kind, found.serious) == (4, "secret", True)
    assert "Anthropic key" in found.message
    assert KEY not in repr(found)


@pytest.mark.parametrize("sign", ["\u200b", "\u202e", "\U000e0041", "\u2066", "\x1b"])
def test_a_hidden_character_is_told_by_name(sign):
    (found,) = lint(preferences(f"- Likes{sign} tea"))
    assert (found.line, found.kind, found.serious) == (3, "hidden", True)
    assert f"U+{ord(sign):04X}" in found.message


def test_a_byte_order_mark_an_emoji_and_persian_are_not_hidden():
    assert lint("\ufeff" + preferences("- 👩‍💻 ✔️", "- می‌خواهم")) == []


@pytest.mark.parametrize(
    "line",
    ["@RTK.md", "Read @docs/style.md first", "- 🧭 @~/notes.md", "@./rules/flow.md", "# See @a.md"],
)
def test_an_import_that_leads_nowhere_is_told(line):
    assert told(preferences(line)) == [(3, "import")]


@pytest.mark.parametrize(
    "line",
    [
        "`@RTK.md`",
        "ask @ada",
        "ada@example.md",
        "npm i @types/node @vue/cli",
        "import x from '@/lib/utils'",
        "the @property decorator",
        "```\n@RTK.md\n```",
        "<!--\n@RTK.md\n-->",
        "@here.md",
    ],
)
def test_what_is_no_import_or_leads_somewhere_is_not(line):
    assert lint(preferences(line), files=("here.md",)) == []


@pytest.mark.parametrize(
    ("first", "second", "kind"),
    [
        ("- Write tests before the code", "- Write tests before the code", "duplicate"),
        ("- Write tests before the code", "* write tests before  the code.", "duplicate"),
        (
            "- Answer in short and plain sentences without any preamble",
            "- Answer in short and plain sentences without preamble",
            "near-duplicate",
        ),
        ("- Always use tabs", "- Never use tabs", "contradiction"),
        ("- Push to main", "- Do not push to main", "contradiction"),
        ("- Editor: vim", "- Editor: emacs", "contradiction"),
        ("- **Editor**: vim", "- **Editor**: emacs", "contradiction"),
        (
            "- Keep lines in this project below 80 columns wide",
            "- Keep lines in this project below 100 columns wide",
            "contradiction",
        ),
        ("- Runs on PostgreSQL version 16.", "- Runs on PostgreSQL version 17.", "contradiction"),
        ("- Listens on port 8080.", "- Listens on port 9090.", "contradiction"),
        ("- Uses Python 3.11 for it.", "- Uses Python 3.12 for it.", "contradiction"),
        ("- Prefer pnpm over npm", "- Prefer npm over pnpm", "contradiction"),
        ("- Use pnpm instead of npm", "- Use npm instead of pnpm", "contradiction"),
        ("- Prefer tabs to spaces", "- Prefer spaces to tabs", "contradiction"),
        (
            "- Commit messages in English, short.",
            "- Commit messages in German, short.",
            "contradiction",
        ),
        (
            "- The data team plans its week on Monday at 9",
            "- The data team plans its week on Tuesday at 9",
            "contradiction",
        ),
        ("- Keep the lines below: 80", "- Keep the lines below: 100", "contradiction"),
    ],
)
def test_two_points_that_say_the_same_or_cannot_both_hold(first, second, kind):
    (found,) = lint(preferences(first, second))
    assert (found.line, found.kind, found.serious) == (4, kind, False)
    assert "line 3" in found.message


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("- Use tabs", "- Use vim"),
        ("- tests/", "- tests/"),
        ("- Example: a", "\n## Go\n\n- Example: b"),
        ("- Use 4 spaces in Python", "\n## Go\n\n- Use 8 spaces in Go"),
        ("- Done: [x](a)", "- Done: [x](a)"),
        ("- A: x\n  - Why: y", "- B: x\n  - Why: y"),
        ("- 2026-11-20: Editor: vim", "- 2026-11-21: Editor: emacs"),
        ("- Never amend", "- Never merge"),
        ("- Gym on Monday at seven", "- Gym on Tuesday at seven"),
        ("- Exit with code 1 on failure", "- Exit with code 2 on failure"),
        ("- 1 is the small one", "- 2 is the small one"),
        ("- Trains from Graz to Linz", "- Trains from Linz to Graz"),
        ("- Listens on port 80", "- Listens on port 81\n- Listens on port 82"),
        ("- Listens on port 80", "\n## Go\n\n- Listens on port 81"),
        ("- 2026-11-20: disk filled to 40", "- 2026-11-21: disk filled to 50"),
        ("- Speaks German with her mother", "- Speaks French with her mother"),
    ],
)
def test_two_points_that_go_together(first, second):
    assert lint(preferences(first, second)) == []


@pytest.mark.parametrize(
    "words",
    [
        "until 2026-10-31",
        "by 2024-05",
        "Deadline: 2026-09-01",
        "due on March 3, 2026",
        "until the end of June 2026",
        "till 3rd of it, by 3 March 2026",
        "through Q2 2026",
        "bis zum 31. August 2026",
        "expires on Feb 2025",
        "from 2026-02-01 to 2026-04-30",
        "from 2026-02 to 2026-04",
        "as it is valid through 2025",
        "by the end of 2025",
        "until it expires in 2024",
    ],
)
def test_what_was_to_hold_until_a_day_that_is_past_is_stale(words):
    assert told(preferences(f"- The old server runs {words}, then moves")) == [(3, "stale")]


@pytest.mark.parametrize(
    "words",
    [
        "until 2026-12-31",
        "by November 20, 2026",
        "by Q4 2026",
        "since 2024-05-01",
        "in March 2024",
        "before 12:30",
        "on 2024-01-01",
        "before 2026-99-99",
        "by 2026 people",
        "until you may stop",
        "until May 2027",
        "from 2026-02-01 to 2027-04-30",
        "as it did from 2024-02-01 to 2024-04-30",
        "from 2026-99-01 to 2026-99-30",
        "valid through 2026",
        "in Graz until 2019",
    ],
)
def test_what_holds_or_only_names_a_day_is_not(words):
    assert lint(preferences(f"- The server runs {words}")) == []


def test_until_a_month_of_no_year_no_one_knows_when():
    (found,) = lint(preferences("- On parental leave until March"))
    assert (found.kind, found.advice) == ("stale", "add the year")
    assert find_undated("until the end of March") == "until the end of March"


@given(st.text(), st.dates())
def test_any_line_and_any_day_can_be_judged(line, day):
    assert find_expired(line, day) in line
    assert find_expired(f"until {day.isoformat()}", day) == ""


def test_notes_that_lie_around_for_months_are_told_once():
    notes = [f"- 2026-08-{day:02}: Note {day}" for day in range(1, 11)]
    text = "\n".join(["# Memory", "## Recent notes", *notes, "- 2026-11-20: new", ""])
    (found,) = lint(text)
    assert (found.line, found.kind) == (3, "stale")
    assert found.message.startswith("10 notes")


def test_too_many_constraints_dilute_each_other():
    rules = [f"- Never open port {number}" for number in range(MOST_CONSTRAINTS + 1)]
    text = "\n".join(["# Memory", "## Hard constraints", *rules, ""])
    assert (2, "constraints") in told(text)
    assert "constraints" not in [kind for _, kind in told("\n".join(text.split("\n")[:-3]))]


def test_a_code_block_that_never_ends_is_told_where_it_begins():
    assert told("# Memory\n\ntext\n\n```swift\nlet a = 1\n") == [(5, "fence")]
    assert told("# Memory\n\n```\na\n```\n") == []


@given(st.text(st.sampled_from("-*# `@~\n\u200babc.md:27")))
def test_any_text_can_be_looked_at_and_each_finding_is_in_it(text):
    lines = len(split_lines(text))
    assert all(1 <= finding.line <= lines for finding in lint(text))


@needs_real_memories
@pytest.mark.parametrize("path", real_memories(), ids=lambda path: path.stem)
def test_no_real_memory_raises_a_false_alarm(path):
    text = path.read_bytes().decode()
    kinds = [finding.kind for finding in lint(text) if finding.kind != "import"]
    assert {finding.kind for finding in lint(text) if finding.serious} <= {"secret"}
    # Some of forty have something to tell of, read by eye: a section pasted twice, a task overdue, a
    # real password in two lines.
    doubled = ["duplicate"] * 8 + ["contradiction"] + ["secret"] * 2
    expected = {"024": ["fence"], "064": doubled, "074": ["stale"]}
    assert sorted(kinds) == sorted(expected.get(path.stem, []))


def test_hidden_and_lint_agree():
    assert without_hidden(SAMPLE) == SAMPLE
