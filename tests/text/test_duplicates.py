"""A note that says nothing new is merged without a line; one that might say something never is."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memsync.config import Config
from memsync.sync import refresh_memory_content
from memsync.text.duplicates import without_repeats
from memsync.text.edits import Edit
from memsync.text.note import Note
from tests.conftest import SAMPLE

OFFLINE = Config(engine="offline")


def note(text: str, day: int = 23) -> Note:
    return Note(date(2026, 11, day), "12:00:00", "terminal", text)


def merged(memory: str, *notes: Note) -> list[str]:
    """Return the bullets that come to stand under Recent notes."""
    after = refresh_memory_content(notes, memory, OFFLINE)["updated_content"]
    return [line for line in after.splitlines() if line.startswith("- 2026-")]


def test_a_note_reworded_on_the_same_day_is_one_line():
    said = [note("Ran 5 km"), note("ran 5 km."), note("I ran 5 km"), note("Ran 6 km")]
    assert merged(SAMPLE, *said) == ["- 2026-11-23: Ran 5 km", "- 2026-11-23: Ran 6 km"]


def test_what_happened_on_two_days_happened_twice_and_a_rule_is_said_once():
    assert len(merged(SAMPLE, note("Ran 5 km"), note("Ran 5 km", 24))) == 2
    assert len(merged(SAMPLE, note("Prefer tabs"), note("I prefer tabs.", 24))) == 1


def test_who_moves_and_comes_back_is_back():
    moves = [note("I live in Oslo"), note("I live in Turin", 24), note("I live in Oslo", 25)]
    assert len(merged(SAMPLE, *moves)) == 3


def test_a_rule_the_memory_has_is_not_noted_again():
    memory = SAMPLE.replace("- Short answers", "- Prefers tea\n- Short answers")
    assert merged(memory, note("I prefer tea")) == []
    assert merged(memory, note("never push to main without asking!")) == []
    assert len(merged(memory, note("I prefer coffee"))) == 1


@pytest.mark.parametrize(
    "memory",
    [
        "# M\n\n## Ada's preferences\n\n- Use tabs\n",
        "# M\n\n## Projects\n\n### Importer\n\n- Use tabs\n",
        "# Ada\n\n## Preferences\n\n- Use tabs\n\n# Bob\n\n## Preferences\n\n- x\n",
        "# M\n\n## Preferences\n\nNever:\n\n- Use tabs\n",
        "# M\n\n## Preferences\n\n**Not any more:**\n- Use tabs\n",
        "# M\n\n## Preferences\n\n- Use tabs\n  only in Go\n",
        "# M\n\n## Preferences\n\n- Use tabs\n  - in Go\n",
        "# M\n\n## Preferences\n\n- In Go\n  - Use tabs\n",
        "# M\n\n## Preferences\n\n<!--\n- Use tabs\n-->\n",
        "# M\n\n## Preferences\n\n```\n- Use tabs\n```\n",
        "# M\n\n## Preferences\n\n- Use spaces\n\n## Current priorities\n\n- Use tabs\n",
        "# M\n\n## Recent notes\n\n- 2026-11-20: Use tabs\n  but not in Go\n",
        "# M\n\n## Recent notes\n\n- 2026-11-20: Use tabs\n- 2026-11-21: Use spaces\n",
        "# M\n\n## Importer\n\n### Recent decisions\n\n- Use tabs\n",
    ],
)
def test_words_that_mean_something_else_there_do_not_swallow_a_note(memory):
    assert "- 2026-11-23: Use tabs" in merged(memory, note("Use tabs"))


@given(st.lists(st.integers(0, 99), min_size=1, max_size=12))
def test_no_number_that_was_noted_is_missing(numbers):
    lines = merged(SAMPLE, *(note(f"Never open port {number}") for number in numbers))
    assert {line.rsplit(" ", 1)[1] for line in lines} == {str(number) for number in numbers}


def test_an_addition_of_the_model_that_its_section_has_already_is_dropped():
    again = Edit("add", section="Hard constraints", text="- never push to main without asking.")
    other = Edit("add", section="Preferences", text="- Never push to main without asking")
    new = Edit("add", section="Hard constraints", text="- Never push to main without a review")
    assert without_repeats(SAMPLE, [again, other, new]) == (other, new)


def test_what_the_same_answer_takes_away_may_be_put_back_in_other_words():
    gone = Edit("remove", find="- Ship the importer")
    back = Edit("add", section="Current priorities", text="- Ship the importer.")
    assert without_repeats(SAMPLE, [gone, back]) == (gone, back)


def test_in_each_way_an_edit_can_repeat_a_point_only_what_is_new_is_left():
    ship, tests = "- Ship the importer", "- Write the tests"
    edits = [
        Edit("add", section="Current priorities", text=f"{ship}.\n{tests}"),
        Edit("add", after="- Short answers, no preamble", text="- short answers, no preamble"),
        Edit("replace", find="- Write the runbook", text=f"- Write the book\n{tests}\n{ship}"),
        Edit("replace", find="- Never push to main without asking",
             text="- Never delete data without a backup"),
    ]  # fmt: skip
    assert without_repeats(SAMPLE, edits) == (
        Edit("add", section="Current priorities", text=tests),
        Edit("replace", find="- Write the runbook", text="- Write the book"),
        Edit("remove", find="- Never push to main without asking"),
    )


def test_a_point_is_repeated_in_its_own_list_and_not_in_one_that_holds_elsewhere():
    memory = "# M\n\n## Work\n\nAt home:\n\n- Use tabs\n\nAt the office:\n\n- Use spaces\n"
    again = Edit("add", section="Work", text="- use spaces")
    other = Edit("add", section="Work", text="- Use tabs")
    assert without_repeats(memory, [again, other]) == (other,)


def test_a_point_another_edit_is_put_behind_is_kept_as_it_is_written():
    edits = (
        Edit("add", section="Preferences", text="- short answers, no preamble."),
        Edit("add", after="- short answers, no preamble.", text="  - also in mails"),
    )
    assert without_repeats(SAMPLE, edits) == edits


def test_what_was_said_of_late_and_taken_back_may_be_said_again():
    lately = "# M\n\n## Recent decisions\n\n- I live in Oslo\n- I live in Turin\n"
    back = Edit("add", section="Recent decisions", text="- I live in Oslo")
    again = Edit("add", section="Recent decisions", text="- I live in Turin.")
    assert without_repeats(lately, [back, again]) == (back,)


def test_a_sub_point_and_an_unknown_section_are_never_repeats():
    kept = [
        Edit("add", section="Identity", after="- Ada, backend engineer in Turin", text="- Ada"),
        Edit("add", section="Preferences", text="  - Short answers, no preamble"),
        Edit("add", section="New", text="- Short answers, no preamble"),
        Edit("add", section="Preferences", text="- Short answers, no preamble\n  - More"),
    ]
    assert without_repeats(SAMPLE, kept) == tuple(kept)
