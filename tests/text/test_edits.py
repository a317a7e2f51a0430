"""An edit changes the lines it names and no other, or it is refused with a reason."""

from __future__ import annotations

import re

import pytest

from memsync.text import edits
from memsync.text.document import line_ending, scan
from memsync.text.edits import Edit, EditError
from tests.conftest import SAMPLE


def apply(text, *given_edits):
    return edits.apply_edits(text, given_edits).text


def refusal(text, *given_edits):
    with pytest.raises(EditError) as caught:
        edits.apply_edits(text, given_edits)
    return str(caught.value)


PECULIAR = {
    "LF": "# A\n- x\n- old\n- y\n",
    "CRLF": "# A\r\n- x\r\n- old\r\n- y\r\n",
    "mixed, LF line": "# A\r\n- x\r\n- old\n- y\r\n",
    "mixed, CRLF line": "# A\n- x\n- old\r\n- y\n",
    "no final newline": "# A\n- old\n- y",
    "no final newline, last line": "# A\r\n- x\r\n- old",
    "BOM": "\ufeff# A\n- old\n",
    "BOM, first line": "\ufeff- old\n- y\n",
    "trailing spaces elsewhere": "# A  \n- x \t\n\n \n- old\n   \n",
    "a lone CR elsewhere": "# A\ra\n- old\nlast\r",
    "other line separators elsewhere": "a\u2028b\x85c\x0bd\x0ce\n- old\n",
    "front matter": "---\nglobs: *.py\n---\n- old\n",
    "an open fence behind": "- old\n\n```sh\nmake",
    "only that": "- old",
}


@pytest.mark.parametrize("text", PECULIAR.values(), ids=PECULIAR)
def test_replacing_a_line_changes_that_line_and_no_other_byte(text):
    assert apply(text, Edit("replace", find="- old", text="- new")) == text.replace("old", "new")


@pytest.mark.parametrize("text", PECULIAR.values(), ids=PECULIAR)
def test_adding_a_line_behind_another_changes_no_other_byte(text):
    most = line_ending(text)
    expected = re.sub(
        r"- old(\r?\n|$)", lambda m: f"- old{m[1] or most}- new{most if m[1] else ''}", text
    )
    assert apply(text, Edit("add", after="- old", text="- new")) == expected


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("- a\n- old\n- b\n", "- a\n- b\n"),
        ("- a\r\n- old", "- a"),
        ("- a\n\n- old", "- a\n\n"),
        ("- a\n- old\n", "- a\n"),
        ("- old", ""),
        ("\ufeff- old\n- b\n", "\ufeff- b\n"),
    ],
)
def test_removing_a_line_takes_it_and_its_ending(text, left):
    applied = edits.apply_edits(text, [Edit("remove", find="- old")])
    assert (applied.text, applied.lines_gone) == (left, 1)


def test_several_lines_are_replaced_by_fewer_and_the_loss_is_counted():
    applied = edits.apply_edits(
        "# A\n- a\n- b\n\n- c\n", [Edit("replace", find="- a\n- b\n\n- c", text="- d")]
    )
    assert applied == edits.AppliedEdits("# A\n- d\n", 2)


def test_a_line_is_found_without_its_trailing_spaces_but_the_exact_one_wins():
    assert apply("- a  \n", Edit("replace", find="- a", text="- b")) == "- b\n"
    assert apply("- a  \n- a\n", Edit("replace", find="- a", text="- b")) == "- a  \n- b\n"


def test_a_section_narrows_the_search():
    text = "# A\n- x\n# B\n- x\n"
    assert apply(text, Edit("remove", section="B", find="- x")) == "# A\n- x\n# B\n"
    assert "2 times" in refusal(text, Edit("remove", find="- x"))
    assert "do not stand there: '- z'" in refusal(text, Edit("remove", find="- z"))


ADDED_TO_A_SECTION = {
    "behind the last bullet": ("## A\n\n- x\n\n## B\n", "## A\n\n- x\n- n\n\n## B\n"),
    "before a subsection": ("## A\n- x\n### C\n- y\n", "## A\n- x\n- n\n\n### C\n- y\n"),
    "into an empty one": ("## A\n", "## A\n\n- n\n"),
    "into an empty one before another": ("## A\n## B\n- y\n", "## A\n\n- n\n\n## B\n- y\n"),
    "behind prose": ("## A\n\nprose\n", "## A\n\nprose\n\n- n\n"),
    "behind wrapped bullets": ("## A\n\n- x\n  more\n", "## A\n\n- x\n  more\n- n\n"),
    "where the habit is tight": ("# Z\n- z\n## A\n", "# Z\n- z\n## A\n- n\n"),
    "with CRLF": ("## A\r\n\r\n- x\r\n", "## A\r\n\r\n- x\r\n- n\r\n"),
    "without final newline": ("## A\n\n- x", "## A\n\n- x\n- n"),
    "behind an open fence": ("## A\n\n```\nx\n", "## A\n\n```\nx\n```\n\n- n\n"),
    "behind an open fence, blank lines": (
        "## A\n\n~~~~\nx\n\n\n",
        "## A\n\n~~~~\nx\n~~~~\n\n- n\n\n\n",
    ),
    "into a setext section": ("A\n---\n- x\n", "A\n---\n- x\n- n\n"),
}


@pytest.mark.parametrize(("text", "expected"), ADDED_TO_A_SECTION.values(), ids=ADDED_TO_A_SECTION)
def test_an_added_line_stands_at_the_end_of_its_section(text, expected):
    assert apply(text, Edit("add", section="A", text="- n")) == expected


ADDED_AS_A_SECTION = {
    "to nothing": ("", "## N\n\n- n\n"),
    "to a text": ("# A\n- x\n", "# A\n- x\n\n## N\n\n- n\n"),
    "to a text without final newline": ("# A", "# A\n\n## N\n\n- n"),
    "to a text with CRLF": ("# A\r\n", "# A\r\n\r\n## N\r\n\r\n- n\r\n"),
    "behind an open fence": ("```swift\nx", "```swift\nx\n```\n\n## N\n\n- n"),
    "behind an open fence of a list item": (
        "- a\n  ~~~~\n  x\n",
        "- a\n  ~~~~\n  x\n  ~~~~\n\n## N\n\n- n\n",
    ),
    "behind an import": ("@RTK.md\n", "@RTK.md\n\n## N\n\n- n\n"),
    "behind a tag": ("<a>\r\n</a>\r\n", "<a>\r\n</a>\r\n\r\n## N\r\n\r\n- n\r\n"),
}


@pytest.mark.parametrize(("text", "expected"), ADDED_AS_A_SECTION.values(), ids=ADDED_AS_A_SECTION)
@pytest.mark.parametrize("name", ["N", "## N", "A > N", " N ##"])
def test_an_unknown_section_becomes_a_new_one_at_the_end(text, expected, name):
    assert apply(text, Edit("add", section=name, text="- n")) == expected
    assert scan(expected).headings[-1].text == "N"


def test_an_ambiguous_section_is_refused_and_its_paths_are_named():
    text = "# Go\n## Always\n- a\n# Swift\n## Always\n- b\n"
    said = refusal(text, Edit("add", section="Always", text="- n"))
    assert "edit 1 (add)" in said
    assert "'Go > Always', 'Swift > Always'" in said
    added = apply(text, Edit("add", section="Go > Always", text="- n"))
    assert added == text.replace("- a\n", "- a\n- n\n\n")


def test_edits_apply_in_order_each_on_what_the_ones_before_it_left():
    found = apply(
        "# A\n- one\n",
        Edit("replace", find="- one", text="- two"),
        Edit("add", after="- two", text="  - three"),
        Edit("add", section="New", text="- four"),
        Edit("add", section="New", text="- five"),
        Edit("remove", find="  - three"),
    )
    assert found == "# A\n- two\n\n## New\n\n- four\n- five\n"
    assert "edit 2 (remove)" in refusal(
        "- a\n", Edit("remove", find="- a"), Edit("remove", find="- a")
    )


@pytest.mark.parametrize(
    "edit",
    [
        Edit("add", section="Preferences", text="- new"),
        Edit("add", section="Unknown", text="- new\n- newer"),
        Edit("add", section="#hash ##", text="- new"),
        Edit("add", after="- Ship the importer", text="  - new\n  - newer"),
        Edit("add", section="Preferences", text="- new\n\n### Below\n\n- newer"),
        Edit("add", section="Identity", text="- new\n\n## Beside\n\n- newer"),
    ],
)
def test_an_add_that_is_repeated_changes_nothing(edit):
    once = apply(SAMPLE, edit)
    assert once != SAMPLE
    assert apply(once, edit) == apply(SAMPLE, edit, edit) == once


SWALLOWING = {
    "an open fence": Edit("add", after="- a", text="```"),
    "an open comment over a closed one": Edit("add", after="- a", text="<!--"),
    "the opening fence goes": Edit("remove", find="```sh"),
    "the opening fence grows": Edit("replace", find="```sh", text="`````sh"),
    "the closing fence goes": Edit("remove", section="Fence", find="~~~ "),
    "an underline below a text": Edit("add", after="prose", text="==="),
    "the opening of a comment goes": Edit("remove", find="<!-- off"),
    "front matter ends early": Edit("add", after="title: x", text="---"),
    "front matter opens": Edit("replace", find="title: x", text="\n"),
}
HOST = "---\ntitle: x\n\nmore: y\n---\n# A\n- a\n\nprose\n\n```sh\nmake\n```\n<!-- off\n- b\n-->\n## Fence\n~~~\nx\n~~~ \nend\n"


@pytest.mark.parametrize("edit", SWALLOWING.values(), ids=SWALLOWING)
def test_an_edit_that_would_make_something_else_of_other_lines_is_refused(edit):
    assert "would turn a line they do not name" in refusal(HOST, edit)


def test_a_whole_code_block_comment_or_heading_may_be_added():
    for block in ("```sh\nmake test\n```", "<!-- a\nb -->", "### C\n\n- c", "Title\n==="):
        assert block in apply(HOST, Edit("add", after="- a", text=f"\n{block}"))


ELISIONS = [
    "[Rest of the existing file content remains unchanged...]",
    "[... rest of the file unchanged ...]",
    "[Previous content stays the same]",
    "[... existing content ...]",
    "- [Other items remain as before]",
    "(rest of the section unchanged)",
    "(remaining sections omitted (for brevity))",
    "... rest of the file remains the same ...",
    "… the remaining rules stay as is",
    "<!-- rest of the file unchanged -->",
    "<existing content here>",
    "// rest of the code remains unchanged",
    "# rest of the config stays the same",
    "# ... existing rules unchanged",
    "> [Remainder unchanged]",
    "* ...other rules omitted",
]


@pytest.mark.parametrize("line", ELISIONS)
def test_a_line_that_stands_in_for_others_is_refused(line):
    for text in (line, f"- a\n  {line}\n- b"):
        with pytest.raises(EditError, match="stands in for lines"):
            edits.parse_edits([{"op": "add", "section": "A", "text": text}])


@pytest.mark.parametrize(
    "line",
    [
        "- Leave the rest of the tests unchanged when refactoring",
        "- Other people's code stays as it is",
        "- The existing importer remains until March",
        "- Keep the previous config here: ~/.old",
        "- [Existing clients](clients.md): prices stay the same",
        "- (Remote) the other office remains open",
        "- [x] The rest stays unchanged",
        "### Other offices that remain open",
        "- Never write `[rest of the file unchanged]` into a file",
        "- Never answer with ... and the like",
        "- <kbd>Esc</kbd> leaves the rest unchanged",
        "# Previous employers",
        "- `# rest` is omitted from the existing docs",
    ],
)
def test_an_ordinary_sentence_with_those_words_is_kept(line):
    assert edits.parse_edits([{"op": "add", "section": "A", "text": line}])[0].text == line


ADD = {"op": "add", "section": "A", "text": "- x"}
WRONG = [
    None, 0, 1.5, True, "add", b"add", {}, ADD, {"edits": [ADD]}, (ADD,), {1, 2},
    [None], [1, 2], ["add"], [[ADD]], [True], [b""], [[]], [{}], [ADD, None], [[None]],
    [{"op": None}], [{"op": 1, "section": "A", "text": "x"}], [{**ADD, "op": ["add"]}], [{**ADD, "op": {}}],
    [{**ADD, "op": "ADD"}], [{**ADD, "op": "append"}], [{**ADD, "op": ""}], [{**ADD, "op": True}],
    [{"section": "A", "text": "x"}], [{"op": "add", "text": "x"}], [{"op": "add", "section": " ", "text": "x"}],
    [{"op": "add", "section": "A"}], [{**ADD, "text": ""}], [{**ADD, "text": " \n"}], [{**ADD, "text": 7}],
    [{**ADD, "text": ["- x"]}], [{**ADD, "text": {"a": 1}}], [{**ADD, "text": "\0"}], [{**ADD, "text": "\r\r\n"}],
    [{**ADD, "section": 3}], [{**ADD, "section": "A\nB"}], [{**ADD, "section": "A\rB"}], [{**ADD, "after": []}],
    [{"op": "replace", "text": "x"}], [{"op": "replace", "find": "x"}], [{"op": "replace", "find": 1, "text": "x"}],
    [{"op": "remove"}], [{"op": "remove", "find": "\n"}], [{"op": "remove", "find": None}], [{"op": "remove", "find": b"x"}],
]  # fmt: skip


@pytest.mark.parametrize("raw", WRONG, ids=repr)
def test_edits_of_a_wrong_shape_are_refused(raw):
    with pytest.raises(EditError, match=r"edit|must"):
        edits.parse_edits(raw)


def test_what_a_file_cannot_hold_does_not_reach_it():
    (edit,) = edits.parse_edits(
        [{**ADD, "text": "- a\r\n- b\r- c\0\ud800", "colour": "red", "find": None}]
    )
    assert edit == Edit("add", section="A", text="- a\n- b\n- c?")


def test_a_new_section_does_not_fall_under_top_level_constraints() -> None:
    memory = "# Hard constraints\n\n- never\n"
    asked = edits.parse_edits([{"op": "add", "section": "Recent notes", "text": "- a note"}])
    written = edits.apply_edits(memory, asked).text
    assert written == memory + "\n# Recent notes\n\n- a note\n"
    assert scan(written).constraints() == ("- never",)


@pytest.mark.parametrize(
    "before", ["# A\n\nSome words.\n\n## B\n", "# A\n\n## B\n", "# A\n\nwords"]
)
def test_a_blank_line_left_behind_by_a_removal_is_used_again(before):
    lengths = []
    for number in range(5):
        before = apply(before, Edit("add", section="A", text=f"- {number}"))
        before = apply(before, Edit("remove", find=f"- {number}"))
        lengths.append(before.count("\n"))
    assert lengths == lengths[:1] * 5
