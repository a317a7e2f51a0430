"""Which text was made from which, where nobody wrote it down: what the texts themselves show."""

from __future__ import annotations

from memsync.memory.conflicts.merge_base import Ancestors, Relation
from memsync.memory.history.ancestry import Ancestry, Event

FIRST = "# T\n\n- one line of the memory\n- two lines of the memory\n"
LONGER = FIRST + "- a line that was added to it\n"
SHORTER = "# T\n\n- two lines of the memory\n"


def kinship(*events):
    """Kinship by events: texts, each with those it was made from; the text is its own name."""
    listed = [Event(f"{at:02}", *event) for at, event in enumerate(events)]
    return Ancestors(Ancestry(listed), lambda name: None if name.startswith("gone") else name)


def test_a_line_that_only_one_text_brought_shows_that_it_was_known():
    known = kinship((FIRST, ()), (LONGER, (FIRST,)))
    by_hand = LONGER.replace("- one line of the memory\n", "")
    assert known.judge(by_hand, LONGER, alone=False) is Relation.EDITED_BY_HAND
    assert known.judge(FIRST + "- something else\n", LONGER, alone=False) is Relation.UNKNOWN


def test_a_text_that_has_what_another_took_away_does_not_show_that_it_knew_it():
    known = kinship((FIRST, ()), (SHORTER, (FIRST,)))
    assert known.judge(FIRST + "- something else\n", SHORTER, alone=False) is Relation.UNKNOWN
    assert known.base_of(SHORTER, FIRST + "- something else\n") == FIRST


def test_what_a_found_text_brought_is_shown_by_all_of_its_new_lines_only():
    """It may have one of them from the very text that is asked about."""
    found = LONGER + "- and one more line of its own\n"
    known = kinship((FIRST, ()), (found, (FIRST,), False))
    by_hand = FIRST.replace("- one line of the memory\n", "") + "- a line that was added to it\n"
    assert known.base_of(found, by_hand) == FIRST
    assert known.base_of(found, found + "- three lines\n") == found


def test_a_text_that_came_back_is_known_by_its_beginning_too():
    known = kinship((FIRST, ()), (LONGER, (FIRST,)), (FIRST, (LONGER,)))
    assert known.base_of(FIRST, SHORTER) == FIRST


def test_two_beginnings_are_not_taken_for_one_by_a_heading_they_share():
    other = "# T\n\n- the memory of another folder\n"
    known = kinship((FIRST, ()), (other, ()))
    assert known.base_of(FIRST, other + "- by hand\n") is None


def test_what_is_shown_by_a_text_it_was_made_from_is_in_the_memory():
    by_hand = LONGER.replace("- one line of the memory\n", "")
    merged = by_hand + "- of another machine\n"
    known = kinship((FIRST, ()), (LONGER, (FIRST,)), (merged, (by_hand,)))
    assert known.judge(merged, LONGER, alone=False) is Relation.EDITED_BY_HAND


def test_a_text_that_has_all_of_another_was_made_from_it():
    changed = SHORTER + "- x\n"
    known = kinship((FIRST, ()), (LONGER, (FIRST,)), (changed, (LONGER,)), (SHORTER, (changed,)))
    assert (
        known.judge(SHORTER + "- something else\n", SHORTER, alone=False) is Relation.EDITED_BY_HAND
    )
    assert known.judge(FIRST + "- something else\n", SHORTER, alone=False) is Relation.UNKNOWN


def test_a_text_that_came_back_is_not_shown_by_one_that_lacks_its_lines():
    known = kinship((FIRST, ()), (LONGER, (FIRST,)), (SHORTER, (FIRST,)), (LONGER, (SHORTER,)))
    assert known.base_of(LONGER, SHORTER + "- by hand\n") == SHORTER


def test_a_line_is_not_new_in_a_text_that_came_back_where_the_older_texts_are_gone():
    known = kinship(("gone", ()), (SHORTER, (FIRST,)), (FIRST, (SHORTER,)))
    by_hand = "# T\n\n- one line of the memory\n- by hand\n"
    assert known.judge(by_hand, FIRST, alone=False) is Relation.UNKNOWN


def test_where_what_a_text_was_made_from_is_gone_one_of_its_lines_does_not_show_it():
    known = kinship((FIRST, ("gone",)))
    assert (
        known.judge("- one line of the memory\n- by hand\n", FIRST, alone=False) is Relation.UNKNOWN
    )
    assert known.judge(FIRST + "- by hand\n", FIRST, alone=False) is Relation.EDITED_BY_HAND


def test_of_a_text_that_came_back_it_is_told_which_time_another_was_made_from():
    """It was removed on one machine while the other went on from where it stood before."""
    other = LONGER.replace("- one line", "- one changed line")
    graph = Ancestry(
        [
            Event("01", FIRST, ()),
            Event("02", LONGER, (f"{FIRST}@01",)),
            Event("03", FIRST, (f"{LONGER}@02",)),
            Event("04", other, (f"{LONGER}@02",)),
            Event("05", SHORTER, (f"{FIRST}@01",)),
        ]
    )
    known = Ancestors(graph, lambda name: name)
    assert known.base_of(FIRST, other) == LONGER
    assert not graph.descends(SHORTER, FIRST)
    assert graph.descends(SHORTER, SHORTER)


def test_a_text_that_comes_to_hand_later_was_not_an_empty_one():
    """Any other would show that it was made from an empty one, and its lines would be lost."""
    other = FIRST + "- a line of the other machine\n"
    events = [Event("00", FIRST, ()), Event("01", other, (FIRST,)), Event("02", LONGER, (FIRST,))]
    by_hand = "# By hand\n\n- a line that was added to it\n"
    at_hand = {FIRST: FIRST, LONGER: LONGER, by_hand: by_hand}
    known = Ancestors(Ancestry(events), at_hand.get)
    assert known.judge(by_hand, LONGER, alone=False) is Relation.EDITED_BY_HAND
    at_hand[other] = other
    assert not known.shows(by_hand, 1)
    assert known.base_of(by_hand, other) == FIRST
