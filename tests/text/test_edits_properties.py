"""Any document, any edits: what no edit names survives, and garbage is refused.

The model of what survives knows nothing of how edits are applied.
"""

from __future__ import annotations

import re
from collections import Counter

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from memsync.text import edits
from memsync.text.document import scan
from memsync.text.edits import Edit, EditError
from tests.support.scale import examples

PIECES = (
    "- a{}|- b{}|  more {}|prose {}|# H{}|## S{}|### S|```|```py|~~~|---|===|<!-- c -->|<!--|-->||| "
    "|- x |\tcode|@f{}.md|> q{}|<r>|</r>|- ```|  ```|1. n{}|  # i{}|\u2028u{}|k: {}"
)
LINES = st.builds(str.format, st.sampled_from(PIECES.split("|")), st.integers(0, 9))
ENDED = st.tuples(LINES, st.sampled_from(["\n", "\n", "\r\n"])).map("".join)
DOCUMENTS = st.builds(
    lambda bom, lines, last: bom + "".join(lines) + last,
    st.sampled_from(["", "", "", "\ufeff"]), st.lists(ENDED, max_size=14), st.just("") | LINES,
)  # fmt: skip
NEW = [
    "- NEW",
    "NEW prose\nNEW too",
    "### NEW\n\n- NEW",
    "```\nNEW\n```",
    "  - NEW",
    "<!-- NEW -->",
]


@st.composite
def documents_with_edits(draw):
    """A document, edits that name lines standing once, and the lines they take away."""
    text = draw(DOCUMENTS)
    content = [line.rstrip("\r\n") for line in text.removeprefix("\ufeff").split("\n")]
    once = [line for line, times in Counter(content).items() if times == 1 and line.strip()]
    sections = [h.text for h in scan(text).headings] + ["NEW section"]
    taken, made = set(), []
    for _ in range(draw(st.integers(1, 4))):
        left = [line for line in once if line not in taken]
        op = draw(st.sampled_from(["add", "after", "replace", "remove"] if left else ["add"]))
        named, new = draw(st.sampled_from(left or [""])), draw(st.sampled_from(NEW))
        if op == "add":
            made.append(Edit("add", section=draw(st.sampled_from(sections)), text=new))
        elif op == "after":
            made.append(Edit("add", after=named, text=new))
        else:
            taken.add(named)
            made.append(Edit(op, find=named, text=new if op == "replace" else ""))
    return text, made, taken


def lines_of(text):
    plain = text.removeprefix("\ufeff")
    return list(zip(re.findall(r"[^\n]*\n|[^\n]+", plain), scan(plain).kinds, strict=True))


@given(documents_with_edits())
@settings(deadline=None, max_examples=examples(800))
def test_every_line_that_no_edit_names_survives_in_order_and_in_kind(case):
    text, made, taken = case
    try:
        after = edits.apply_edits(text, made).text
    except EditError:
        event("refused")
        return
    event("applied")
    old, new, extra = lines_of(text), lines_of(after), []
    rest = iter(new)
    for number, (line, kind) in enumerate(old):
        bare = line.rstrip("\r\n")
        if bare in taken:
            continue
        for found, its_kind in rest:
            # Only a missing final newline lets a line's ending come or go.
            at_an_end = not text.endswith("\n") and (number == len(old) - 1 or found == new[-1][0])
            if found == line or (at_an_end and found.rstrip("\r\n") == bare):
                assert its_kind is kind or not bare.strip(), "a line changed its kind"
                break
            extra.append(found)
        else:
            pytest.fail(f"{line!r} did not survive in its place")
    extra += [found for found, _ in rest]
    frame = {"", "```", "~~~"} | {f"## {edit.section}" for edit in made}
    assert all("NEW" in found or found.strip() in frame for found in extra)
    assert after.startswith("\ufeff") == text.startswith("\ufeff")
    if old and new and new[-1][0].strip():
        assert after.endswith("\n") == text.endswith("\n")


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9) | LINES | st.binary(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=5,
)
TEXTS = ANYTHING | st.lists(LINES, max_size=4).map("\n".join)
GARBAGE = st.fixed_dictionaries({"op": st.sampled_from(["add", "replace", "remove"]) | ANYTHING},
    optional=dict.fromkeys(("section", "after", "find", "text"), TEXTS),
)  # fmt: skip


@given(DOCUMENTS, st.lists(GARBAGE, max_size=3) | ANYTHING)
@settings(deadline=None, max_examples=examples(500))
def test_garbage_is_an_edit_error_or_a_text_that_can_be_written(text, raw):
    try:
        after = edits.apply_edits(text, edits.parse_edits(raw)).text
    except EditError:
        return
    after.encode()
    assert "\0" not in after
