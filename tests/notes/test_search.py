"""Words are found as they stand, in upper or lower case; a log that cannot have them is skipped."""

from datetime import date, datetime

import pytest

from memsync.notes import log
from memsync.notes.search import LONGEST_QUERY, Finder, find_in_day, logs_by_day
from memsync.text.note import make_note

DAY = date(2026, 11, 23)


@pytest.fixture
def told(workspace):
    """A folder with two days of notes."""
    for day, text in ((23, "Ship the Importer"), (23, "# No heading (2.5 %)"), (24, "Call Ada")):
        log.append(workspace, make_note(text, datetime.fromisoformat(f"2026-11-{day}T12:00:00Z")))
    return workspace


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("importer", ["Ship the Importer"]),
        ("  THE  ", ["Ship the Importer"]),
        (".5 %)", ["# No heading (2.5 %)"]),
        ("# no", ["# No heading (2.5 %)"]),
        ("Ship.*", []),
        ("", ["Ship the Importer", "# No heading (2.5 %)"]),
    ],
)
def test_words_are_found_as_they_stand(told, query, found):
    finder = Finder(query)
    assert [note.text for note in find_in_day(told, DAY, finder)] == found
    assert finder.may_find(told, logs_by_day(told)["2026-11-23"]) or not found


def test_a_log_without_the_words_is_known_before_it_is_parsed(told):
    logs = logs_by_day(told)
    assert sorted(logs) == ["2026-11-23", "2026-11-24"]
    assert not Finder("importer").may_find(told, logs["2026-11-24"])
    assert Finder("two\nlines").may_find(told, logs["2026-11-24"])
    assert Finder("importer").may_find(told, [told.sessions / "2026-11-25.md"])


def test_what_was_found_is_marked_in_the_text():
    assert list(Finder("a").pieces("bAd")) == [("b", False), ("A", True), ("d", False)]
    assert list(Finder("").pieces("bad")) == [("bad", False)]
    assert len(Finder("a" * 999).query) == LONGEST_QUERY
