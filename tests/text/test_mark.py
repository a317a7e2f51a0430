"""A mark says whose word a note is; what nobody knows is nobody's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memsync.text.mark import NOBODY, Mark, parse_mark, recorded_mark
from tests.support.marks import HELD, MARKS, OWN


@pytest.mark.parametrize("mark", MARKS, ids=str)
def test_a_mark_is_read_as_it_was_written(mark):
    assert parse_mark(str(mark)) == mark
    assert mark.is_own_word is (mark in OWN)
    assert mark.as_held() in HELD or not mark.as_held().is_own_word


@pytest.mark.parametrize(
    "text",
    ["voice", "Captured", "captured ", " captured", "captured, Held", "captured,held", "typed: ada",
     "agent", "agent: ", "agent: Claude", "agent: a b", f"agent: {'a' * 31}", "captured: é", "held",
     ", held", "transcript", "unknown", "quoted", "page: ada", "captured\n", "captured; held", "\0"],
)  # fmt: skip
def test_what_no_machine_writes_is_nobodys(text):
    assert parse_mark(text) == NOBODY
    assert not parse_mark(text).is_own_word


@given(st.text() | st.text("capturedthl :,-", max_size=20))
def test_only_a_mark_of_the_table_is_anybodys_word(text):
    mark = parse_mark(text)
    assert mark == NOBODY or str(mark) == text
    assert parse_mark(str(mark)) == mark


def test_records_of_versions_before_are_read():
    ways = [recorded_mark(way) for way in ("terminal", "network", "file", "transcript", 3, None)]
    assert [str(mark) for mark in ways] == [
        "", "captured", "file", "transcript, held", "unknown, held", "unknown, held",
    ]  # fmt: skip
    assert recorded_mark("agent: codex") == Mark("agent", "codex")
