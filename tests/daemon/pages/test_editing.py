"""Edit, review, save: byte for byte, and whatever happens meanwhile, no text is lost."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from memsync import clock
from memsync.config.state import state_folder
from memsync.config.workspace import Workspace
from memsync.daemon.pages import editing
from memsync.daemon.pages.page import MAX_BODY, MAX_TEXT
from memsync.daemon.presenters.lines import as_typed
from memsync.errors import MemoryMovedError
from memsync.memory import publish, store
from memsync.memory.history import backups
from memsync.text.digest import digest
from tests.conftest import SAMPLE, needs_real_memories, real_memories
from tests.daemon.conftest import (
    ON_ONE_MEMORY,
    memories,
    memory_bytes,
    reviewed,
    saved,
    set_memory,
    shown,
)
from tests.support.browser import Browser, Page


def test_an_edit_is_reviewed_and_then_saved_and_the_text_before_it_is_kept(
    browser: Browser, workspace: Workspace, home: Path
) -> None:
    text = SAMPLE.replace("- Write the runbook\n", "- Write the long runbook\n- Sleep\n")
    review = reviewed(browser, text)
    assert review.status == 200
    assert memory_bytes(workspace) == SAMPLE.encode()
    rows = {row.attributes.get("class"): row.text for row in review.all("tr")}
    assert "Sleep" in rows["added"]
    assert "- Write the runbook" in rows["removed"]
    assert [mark.text for mark in review.all("mark")] == ["long "]
    assert "2 lines added" in review.text
    assert "1 line removed" in review.text

    page = browser.submit(review.form("/save"))
    assert page.headers["Location"] == "/?said=saved"
    assert memory_bytes(workspace) == text.encode()
    [kept] = backups.list_backups(workspace.backups)
    assert kept.path.read_bytes() == SAMPLE.encode()
    assert "Sleep" in (home / ".claude" / "CLAUDE.md").read_text()
    assert "Saved." in browser.follow(page).text


def test_going_back_from_the_review_loses_no_text(browser: Browser) -> None:
    text = "\n\n  # Mine\n\nwith <b>, \"quotes\" & 'others'\n\n\n"
    review = reviewed(browser, text)
    again = browser.submit(review.form("/save"), to="/edit")
    assert again.status == 200
    assert again.form("/review").fields["text"] == text
    assert again.form("/review").fields["based_on"] == review.form("/save").fields["based_on"]


def test_where_an_agent_cannot_be_told_the_page_says_so(browser: Browser, home: Path) -> None:
    (home / ".claude" / "CLAUDE.md").mkdir()
    page = saved(browser, SAMPLE + "- more\n")
    assert page.headers["Location"] == "/?said=saved-partly"


def test_a_change_of_a_hard_constraint_is_marked(browser: Browser) -> None:
    text = SAMPLE.replace("- Never push to main without asking\n", "- Push\n")
    review = reviewed(browser, text)
    assert "This removes or rewords a hard constraint" in review.text
    assert any("Never push to main without asking" in code.text for code in review.all("code"))
    marked = [
        row.text for row in review.all("tr") if "constraint" in row.attributes.get("class", "")
    ]
    assert any("Push" in text and "hard constraint" in text for text in marked)


@pytest.mark.parametrize(
    "text",
    [
        SAMPLE.replace("## Hard constraints", "## Soft wishes"),
        SAMPLE.replace("## Hard constraints", "```\n## Hard constraints"),
        SAMPLE.replace("## Hard constraints", "<!--\n## Hard constraints") + "-->\n",
    ],
)
def test_constraints_that_end_by_other_means_are_told_too(browser: Browser, text: str) -> None:
    review = reviewed(browser, text)
    assert "2 hard constraints" in review.by_id("gone").text


def test_an_added_constraint_is_marked_without_a_warning(browser: Browser) -> None:
    review = reviewed(browser, SAMPLE + "- Never guess\n")
    assert "takes away" not in review.text
    [row] = [row for row in review.all("tr") if "added" in row.attributes.get("class", "")]
    assert "hard constraint" in row.text


def test_an_unchanged_text_is_not_saved(browser: Browser, workspace: Workspace) -> None:
    page = reviewed(browser)
    assert page.headers["Location"] == "/?said=unchanged"
    assert backups.list_backups(workspace.backups) == []


@pytest.mark.parametrize("text", ["", " \n\t\n", "\0\0"])
def test_an_empty_text_is_refused_and_the_memory_stays(
    browser: Browser, workspace: Workspace, text: str
) -> None:
    form = browser.get("/edit").form("/review")
    for action in ("/review", "/save"):
        page = browser.submit(form, to=action, text=text)
        assert page.status == 400
        assert "The memory cannot be empty" in page.text
        assert page.form("/review").fields["text"] == SAMPLE
    assert memory_bytes(workspace) == SAMPLE.encode()


def test_nul_is_taken_out(browser: Browser, workspace: Workspace) -> None:
    saved(browser, SAMPLE + "- a\0b\n")
    assert memory_bytes(workspace) == (SAMPLE + "- ab\n").encode()


def test_a_memory_that_moved_is_shown_beside_the_text_and_nothing_is_lost(
    browser: Browser, workspace: Workspace
) -> None:
    mine = SAMPLE + "- mine\n"
    review = reviewed(browser, mine)
    theirs = SAMPLE + "- theirs\n"
    publish.publish(workspace, theirs, None)

    moved = browser.submit(review.form("/save"))
    assert moved.status == 409
    assert memory_bytes(workspace) == theirs.encode()
    assert moved.form("/review").fields["text"] == mine
    assert moved.by_id("present").text == theirs
    assert moved.form("/review").fields["based_on"] == digest(theirs.encode())

    both = SAMPLE + "- theirs\n- mine\n"
    again = browser.submit(moved.form("/review"), text=both)
    assert browser.submit(again.form("/save")).headers["Location"] == "/?said=saved"
    assert memory_bytes(workspace) == both.encode()


def test_a_memory_that_moved_before_the_review_is_told_there(
    browser: Browser, workspace: Workspace
) -> None:
    form = browser.get("/edit").form("/review")
    publish.publish(workspace, SAMPLE + "- theirs\n", None)
    moved = browser.submit(form, text=SAMPLE + "- mine\n")
    assert moved.status == 409
    assert moved.form("/review").fields["text"] == SAMPLE + "- mine\n"


def test_a_memory_that_moves_between_look_and_write_is_told_as_well(
    browser: Browser, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    review = reviewed(browser, SAMPLE + "- mine\n")

    def late(*_args: object, **_more: object) -> None:
        set_memory(workspace, SAMPLE + "- theirs\n")
        raise MemoryMovedError("moved")

    monkeypatch.setattr(editing, "publish", late)
    moved = browser.submit(review.form("/save"))
    assert moved.status == 409
    assert moved.form("/review").fields["text"] == SAMPLE + "- mine\n"
    assert moved.by_id("present").text == SAMPLE + "- theirs\n"


@pytest.mark.parametrize("based_on", ["", "0", "None", "null", "0" * 64, "../x", "\0"])
def test_a_digest_that_names_no_memory_overwrites_nothing(
    browser: Browser, workspace: Workspace, based_on: str
) -> None:
    form = browser.get("/edit").form("/review")
    for action in ("/review", "/save"):
        page = browser.submit(form, to=action, text="mine\n", based_on=based_on)
        assert page.status == 409
        assert page.form("/review").fields["text"] == "mine\n"
    del form.fields["based_on"]
    assert browser.submit(form, to="/save", text="mine\n").status == 409
    assert memory_bytes(workspace) == SAMPLE.encode()


def test_the_same_form_sent_twice_is_saved_once(browser: Browser, workspace: Workspace) -> None:
    form = reviewed(browser, SAMPLE + "- mine\n").form("/save")
    assert browser.submit(form).headers["Location"] == "/?said=saved"
    assert browser.submit(form).headers["Location"] == "/?said=unchanged"
    assert len(backups.list_backups(workspace.backups)) == 1


def test_two_tabs_lose_no_text(app: Flask, workspace: Workspace) -> None:
    browser = Browser(app)
    forms = [browser.get("/edit").form("/review") for _ in range(2)]
    reviews = [
        browser.submit(form, text=f"{SAMPLE}- {name}\n")
        for form, name in zip(forms, ("one", "two"), strict=True)
    ]
    assert browser.submit(reviews[0].form("/save")).status == 303
    moved = browser.submit(reviews[1].form("/save"))
    assert moved.status == 409
    assert "- two" in moved.form("/review").fields["text"]
    assert memory_bytes(workspace) == f"{SAMPLE}- one\n".encode()


AWKWARD = [
    "# T\n",
    "# T",
    "# T\r\n\r\n- a\r\n",
    "# T\r\n- a",
    "# T\n- a\r\n- b\n",
    "# T\r\n- a\n- a\r\n- a",
    "# T\r- old mac\r",
    "# T\r\r\n- \r\n\r- b\n",
    "\n\n# T\n\n\n",
    "\r\n# T\r\n",
    "\n",
    "x\n\n\n\n",
    "\ufeff# T\n- bom\n",
    "\ufeff\n# T\n",
    "---\nfront: matter\n---\n# T\n",
    "</textarea><script>alert(1)</script>\n",
    "&amp; &#13;&#10; &lt;b&gt; &nbsp; &\n",
    "\"quotes\" and 'others' and `ticks`\n",
    "tabs\there\t\n trailing  \n\x0cform feed\x0b\n",
    "\u2028line\u2029separators\x85and\x1c\x1d\x1e\n",
    "\U0001f511 \u65e5\u672c \u0301 \U000e0041 \u202e\n",
    "- a\n" * 3000,
    "x" * 200_000 + "\n",
    "{{ 7 * 7 }} {% raw %} ${x} %s {0}\n",
    "\x01\x07\x1b[31m\x7f\n",
    "\ufffe\uffff\ufdd0\n",
]


@pytest.mark.parametrize("text", AWKWARD, ids=range(len(AWKWARD)))
def test_an_awkward_memory_comes_back_byte_for_byte(
    browser: Browser, workspace: Workspace, text: str
) -> None:
    if not text.strip():
        text += "- not empty"
    set_memory(workspace, text)
    page = reviewed(browser)
    assert page.headers.get("Location") == "/?said=unchanged"
    assert browser.submit(browser.get("/edit").form("/review"), to="/save").status == 303
    assert memory_bytes(workspace) == text.encode()

    set_memory(workspace, text)
    assert saved(browser, f"# First\n{shown(text)}").status == 303
    assert memory_bytes(workspace).decode().endswith(text)


@needs_real_memories
@pytest.mark.parametrize("path", real_memories(), ids=lambda path: path.stem)
def test_a_real_memory_is_shown_and_a_line_typed_into_it_changes_no_other(
    browser: Browser, workspace: Workspace, path: Path
) -> None:
    data = path.read_bytes()
    workspace.memory.write_bytes(data)
    assert browser.get("/").status == 200
    assert reviewed(browser).headers["Location"] == "/?said=unchanged"
    assert saved(browser, f"- typed\n{shown(data.decode())}").status == 303
    after = memory_bytes(workspace)
    assert after.removeprefix(b"- typed").lstrip(b"\r\n") == data.lstrip(b"\r\n")
    assert len(after) - len(data) in {8, 9}


@ON_ONE_MEMORY
@given(text=memories)
def test_any_memory_survives_edit_review_and_save_without_a_change(
    browser: Browser, workspace: Workspace, text: str
) -> None:
    set_memory(workspace, text)
    form = browser.get("/edit").form("/review")
    assert browser.submit(form).headers.get("Location") == "/?said=unchanged"
    assert browser.submit(form, to="/save").headers.get("Location") == "/?said=unchanged"
    assert memory_bytes(workspace) == text.encode()


@ON_ONE_MEMORY
@given(text=memories, ending=st.sampled_from(["\n", "\r\n"]))
def test_any_text_is_saved_as_typed_with_the_line_endings_of_the_memory(
    browser: Browser, workspace: Workspace, text: str, ending: str
) -> None:
    set_memory(workspace, ending.join(["# One", "", "- two", "- three"]))
    typed = shown(text)
    page = saved(browser, typed)
    assert page.headers["Location"] == "/?said=saved"
    assert memory_bytes(workspace) == typed.replace("\n", ending).encode()


mixed = st.lists(
    st.tuples(
        st.sampled_from(["", "- a", "- b", "# T", "c d"]), st.sampled_from(["\n", "\r\n", "\r"])
    ),
    min_size=1,
    max_size=30,
)


@given(lines=mixed, at=st.integers(0, 30), data=st.data())
def test_an_edit_of_mixed_endings_leaves_every_other_line_byte_for_byte(
    lines: list[tuple[str, str]], at: int, data: st.DataObject
) -> None:
    # A lone CR before an empty LF line reads as one CR LF: as every editor takes it.
    lines = [(text or "-", ending) for text, ending in lines]
    at = min(at, len(lines) - 1)
    original = "".join(text + ending for text, ending in lines)
    before = "".join(text + ending for text, ending in lines[:at])
    after = "".join(text + ending for text, ending in lines[at + 1 :])
    typed = shown(before) + "- changed\n" + shown(after)
    result = as_typed(typed.replace("\n", "\r\n"), original)
    assert result.startswith(before + "- changed")
    assert result.endswith(after)
    assert shown(result) == typed


@pytest.mark.parametrize(
    ("original", "typed", "result"),
    [
        ("a\nb\n", "a\nb", "a\nb\n"),
        ("a\nb", "a\nb", "a\nb"),
        ("a\nb", "a\nb\n", "a\nb\n"),
        ("a\r\nb", "a\nb\nc", "a\r\nb\r\nc"),
        ("a\r\nb\r\n", "a\nc", "a\r\nc\r\n"),
        ("a\nb\n", "", ""),
        ("", "a\nb", "a\nb"),
        ("a\nb\r\nc\n", "a\nb\nnew\nc\n", "a\nb\r\nnew\nc\n"),
        ("a\rb\r", "a\nb\nc\n", "a\rb\rc\n"),
    ],
)
def test_line_endings_and_the_final_newline_stay_as_they_were(
    original: str, typed: str, result: str
) -> None:
    assert as_typed(typed.replace("\n", "\r\n"), original) == result
    assert as_typed(typed, original) == result


def test_a_form_sent_the_older_way_is_understood_too(
    browser: Browser, workspace: Workspace
) -> None:
    form = browser.get("/edit").form("/review")
    text = SAMPLE + "- \u65e5\u672c\n"
    page = browser.post("/save", {**form.fields, "text": text}, multipart=False)
    assert page.status == 303
    assert memory_bytes(workspace) == text.encode()


@pytest.mark.parametrize("multipart", [True, False])
@pytest.mark.parametrize("path", ["/review", "/save", "/edit", "/notes"])
def test_more_than_a_mebibyte_is_refused_with_a_page(
    browser: Browser, workspace: Workspace, path: str, multipart: bool
) -> None:
    form = browser.get("/edit").form("/review")
    fields = {**form.fields, "text": "x" * MAX_BODY}
    page = browser.post(path, fields, multipart=multipart)
    assert page.status == 413
    assert "more than 1 MiB" in page.text
    assert memory_bytes(workspace) == SAMPLE.encode()


def test_the_longest_memory_the_editor_opens_can_be_saved(
    browser: Browser, workspace: Workspace
) -> None:
    line = "- \u65e5\u672c\u8a9e \U0001f511 abc\n"
    text = line * (MAX_TEXT // (len(line.encode()) + 1))
    set_memory(workspace, text[: -len(line)])
    assert saved(browser, text).status == 303
    assert memory_bytes(workspace) == text.encode()


def test_a_memory_too_long_for_a_form_is_shown_but_not_opened(
    browser: Browser, workspace: Workspace
) -> None:
    set_memory(workspace, ("x" * 79 + "\n") * (MAX_BODY // 80))
    assert browser.get("/").status == 200
    page = browser.get("/edit")
    assert page.status == 413
    assert "memsync edit" in page.text


def test_two_changes_that_fit_are_merged_reviewed_and_saved(
    browser: Browser, workspace: Workspace
) -> None:
    mine = SAMPLE.replace("- Ship the importer", "- Ship the importer today")
    review = reviewed(browser, mine)
    publish.publish(workspace, SAMPLE + "- theirs\n", None)
    moved = browser.submit(review.form("/save"))
    assert moved.status == 409
    assert "the two changes do not overlap" in moved.text

    merged = browser.submit(moved.form("/review"), to="/merge")
    assert merged.status == 200
    assert "Review your changes" in merged.text
    assert memory_bytes(workspace) == (SAMPLE + "- theirs\n").encode()
    assert browser.submit(merged.form("/save")).headers["Location"] == "/?said=saved"
    assert memory_bytes(workspace) == (mine + "- theirs\n").encode()


def test_what_both_added_at_the_end_is_all_kept_by_a_merge(
    browser: Browser, workspace: Workspace
) -> None:
    moved = collide(browser, workspace, SAMPLE + "- mine\n", SAMPLE + "- theirs\n")
    merged = browser.submit(moved.form("/review"), to="/merge")
    browser.submit(merged.form("/save"))
    assert memory_bytes(workspace) == (SAMPLE + "- theirs\n- mine\n").encode()


def collide(browser: Browser, workspace: Workspace, mine: str, theirs: str) -> Page:
    """Have the memory become `theirs` while `mine` is reviewed; return what the save answers."""
    review = reviewed(browser, mine)
    publish.publish(workspace, theirs, None)
    return browser.submit(review.form("/save"))


OURS = SAMPLE.replace("- Ship the importer", "- Ship the importer today")
THEIRS = SAMPLE.replace("- Ship the importer", "- Ship the exporter")


@pytest.mark.parametrize(
    ("choice", "kept"),
    [
        ("ours", "- Ship the importer today\n"),
        ("theirs", None),
        ("both", "- Ship the exporter\n- Ship the importer today\n"),
    ],
)
def test_a_line_that_both_changed_is_shown_for_the_person_to_decide(
    browser: Browser, workspace: Workspace, choice: str, kept: str | None
) -> None:
    moved = collide(browser, workspace, OURS, THEIRS)
    assert "Only one place needs your decision" in moved.text
    page = browser.submit(moved.form("/review"), to="/merge")
    assert page.status == 409
    assert [code.text for code in page.all("code")] == [
        "- Ship the importer",
        "- Ship the importer today",
        "- Ship the exporter",
    ]
    assert memory_bytes(workspace) == THEIRS.encode()
    settled = browser.submit(page.form("/merge"), **{"choice-0": choice})
    if kept is None:  # that is the memory as it stands
        assert settled.headers["Location"] == "/?said=unchanged"
        return
    browser.submit(settled.form("/save"))
    assert memory_bytes(workspace) == SAMPLE.replace("- Ship the importer\n", kept).encode()


@pytest.mark.parametrize("choice", ["", "mine", "\u00fc", "both\0"])
def test_an_undecided_place_is_asked_again(
    browser: Browser, workspace: Workspace, choice: str
) -> None:
    page = browser.submit(collide(browser, workspace, OURS, THEIRS).form("/review"), to="/merge")
    again = browser.submit(page.form("/merge"), **{"choice-0": choice})
    assert again.status == 409
    assert again.form("/merge").fields["text"] == OURS


def test_a_decision_about_another_text_than_the_present_one_is_asked_anew(
    browser: Browser, workspace: Workspace
) -> None:
    page = browser.submit(collide(browser, workspace, OURS, THEIRS).form("/review"), to="/merge")
    publish.publish(workspace, SAMPLE.replace("- Ship the importer", "- Rest"), None)
    again = browser.submit(page.form("/merge"), **{"choice-0": "ours"})
    assert again.status == 409
    assert "- Rest" in again.text


def test_one_may_go_back_from_the_merge_to_both_texts(
    browser: Browser, workspace: Workspace
) -> None:
    page = browser.submit(collide(browser, workspace, OURS, THEIRS).form("/review"), to="/merge")
    moved = browser.submit(page.form("/merge"), back="")
    assert moved.form("/review").fields["text"] == OURS
    assert moved.by_id("present").text == THEIRS


def test_an_edit_by_hand_meanwhile_is_merged_as_well(
    browser: Browser, workspace: Workspace
) -> None:
    """No backup has what stood there: it was made by memsync, and replaced by an editor."""
    publish.publish(workspace, SAMPLE + "- published\n", None)
    mine = (SAMPLE + "- published\n").replace("- Ship the importer", "- Ship the importer today")
    review = reviewed(browser, mine)
    set_memory(workspace, SAMPLE + "- published\n- by hand\n")
    moved = browser.submit(review.form("/save"))
    merged = browser.submit(moved.form("/review"), to="/merge")
    assert browser.submit(merged.form("/save")).headers["Location"] == "/?said=saved"
    assert memory_bytes(workspace) == (mine + "- by hand\n").encode()


def test_a_memory_that_a_client_put_there_loses_no_line_that_it_never_had(
    browser: Browser, workspace: Workspace
) -> None:
    """The page merges as ``memsync edit`` does: what only one side knew, nobody took away."""
    older = store.read(workspace)
    publish.publish(workspace, SAMPLE + "- published\n", older.digest)
    review = reviewed(browser, SAMPLE + "- published\n- mine\n")
    theirs = SAMPLE.replace("- Write the runbook", "- Write two runbooks")
    record = f"{clock.now().isoformat()} {digest(theirs.encode())} {older.digest}\n"
    path = workspace.machines / "elsewhere-1234" / "published.log"
    path.parent.mkdir()
    path.write_text(record)
    set_memory(workspace, theirs)
    moved = browser.submit(review.form("/save"))
    merged = browser.submit(moved.form("/review"), to="/merge")
    browser.submit(merged.form("/save"))
    assert memory_bytes(workspace) == (theirs + "- published\n- mine\n").encode()


def test_without_the_text_it_was_made_from_no_merge_is_offered(
    browser: Browser, workspace: Workspace
) -> None:
    review = reviewed(browser, OURS)
    set_memory(workspace, THEIRS)  # by hand, so no backup has what stood there
    shutil.rmtree(state_folder() / "lineage")
    moved = browser.submit(review.form("/save"))
    assert moved.status == 409
    assert "Merge both" not in moved.text
    fields = {**moved.form("/review").fields, "made_from": "../../x"}
    answer = browser.post("/merge", fields)
    assert answer.status == 409
    assert answer.form("/review").fields["text"] == OURS


def test_a_merge_keeps_the_line_endings_of_the_memory(
    browser: Browser, workspace: Workspace
) -> None:
    set_memory(workspace, SAMPLE.replace("\n", "\r\n"))
    theirs = (SAMPLE + "- theirs\n").replace("\n", "\r\n")
    moved = collide(browser, workspace, OURS, theirs)
    merged = browser.submit(moved.form("/review"), to="/merge")
    browser.submit(merged.form("/save"))
    assert memory_bytes(workspace) == (OURS + "- theirs\n").replace("\n", "\r\n").encode()
