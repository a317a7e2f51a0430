"""Conflicts on the page: both texts seen word by word, and decided on the memory that was shown."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest

from memsync.daemon import web
from memsync.memory import store
from memsync.memory.conflicts import records
from memsync.memory.conflicts.branches import OVERWRITTEN
from memsync.memory.conflicts.merge import Conflict
from memsync.memory.conflicts.reconcile import reconcile
from memsync.memory.conflicts.resolve import resolve_conflict
from memsync.memory.publish import publish
from memsync.text.diff3 import Resolution
from tests.conftest import SAMPLE
from tests.daemon.conftest import WRONGS
from tests.daemon.pages.test_api import checked
from tests.support.browser import Browser

COPY = "GLOBAL_MEMORY.sync-conflict-20261123-101112-ABCDEFG.md"
LIMIT = "- Never push to main without asking"
OURS = SAMPLE.replace("backend engineer in Turin", "backend engineer in Oslo")
THEIRS = SAMPLE.replace("backend engineer in Turin", "<b>data</b> engineer in Turin")


@pytest.fixture
def arrived(workspace):
    """A machine beside whose memory a conflict copy has arrived."""
    publish(workspace, OURS, store.read(workspace).digest)
    (workspace.root / COPY).write_text(THEIRS)
    return workspace


@pytest.fixture
def disputed(arrived):
    reconcile(arrived)
    return arrived


@pytest.fixture
def browser(workspace):
    return Browser(web.create_app(workspace.config))


def the_one(workspace):
    (dispute,) = records.unresolved(workspace)
    return dispute


def pick(browser, workspace, choice, **changes):
    form = browser.get("/conflicts").form(f"/conflicts/{the_one(workspace).id}")
    return browser.submit(form, choice=choice, **changes)


def said(page):
    return page.headers["Location"].rpartition("?said=")[2]


def marked(page):
    return [element.text for element in page.all("mark")]


def test_where_all_is_well_the_page_explains_itself_and_nothing_leads_there(browser):
    page = browser.get("/conflicts")
    assert page.status == 200
    assert "Nothing to decide" in page.text
    assert "memsync conflicts" in page.text
    assert 'href="/conflicts"' not in browser.get("/").html


def test_a_copy_is_named_and_brought_in_by_the_button(browser, arrived):
    page = browser.get("/conflicts")
    assert f"A conflict copy was not brought in yet {COPY}" in " ".join(page.text.split())
    assert said(browser.submit(page.form("/conflicts"))) == "brought-in"
    assert the_one(arrived).source == COPY
    assert not (arrived.root / COPY).exists()
    again = browser.submit(browser.get("/conflicts").form("/conflicts"))
    assert said(again) == "nothing-to-bring-in"


def test_a_file_that_may_be_a_persons_own_is_named_and_left(browser, workspace):
    mine = workspace.root / "GLOBAL_MEMORY-old-notes.md"
    mine.write_text(SAMPLE + "- mine\n")
    diary = workspace.sessions / "2026-11-23-diary.md"
    diary.parent.mkdir(exist_ok=True)
    diary.write_text("what I did today\n")
    page = browser.get("/conflicts")
    text = " ".join(page.text.split())
    assert f"{mine.name} {diary.name} may be a conflict copy or your own" in text
    assert "memsync conflicts take NAME" in text
    browser.submit(page.form("/conflicts"))
    assert mine.exists()
    assert diary.exists()


def test_both_texts_are_shown_with_the_words_that_differ_and_where_they_stand(browser, disputed):
    page = browser.get("/conflicts")
    text = " ".join(page.text.split())
    assert "It was: - Ada, backend engineer in Turin" in text
    assert marked(page) == ["backend", "Oslo", "<b>data</b>", "Turin"]
    assert "<b>" not in page.html
    assert "Found today at" in text
    assert "on this machine" in text
    assert "A copy made by Syncthing" in text
    assert f"From {COPY}" in text
    lines = store.read(disputed).text.splitlines()
    for line in ("- Ada, backend engineer in Oslo", "- Ada, <b>data</b> engineer in Turin"):
        number = lines.index(line) + 1
        assert f"Stands in line {number}" in text
        assert f"Takes line {number} out of the memory" in text


def test_memory_and_navigation_hint_at_it_only_while_it_is_open(browser, disputed):
    page = browser.get("/")
    assert "One place was changed on two machines at once" in page.text
    assert 'href="/conflicts"' in page.html
    assert 'class="badge"' in browser.get("/notes").html
    assert 'href="/conflicts"' not in browser.get("/nowhere").html
    pick(browser, disputed, "both")
    assert 'href="/conflicts"' not in browser.get("/").html


@pytest.mark.parametrize(("choice", "text"), [("ours", OURS), ("theirs", THEIRS)])
def test_one_text_is_picked_and_the_other_goes(browser, disputed, choice, text):
    before = store.read(disputed).text
    page = pick(browser, disputed, choice)
    assert said(page) == "settled"
    assert store.read(disputed).text == text
    assert before in [path.read_text() for path in disputed.backups.glob("*.md")]
    assert records.unresolved(disputed) == []
    assert "Decided." in browser.follow(page).text
    assert "by a conflict decided on this page" in browser.get("/").text


def test_both_may_stay_and_nothing_is_written(browser, disputed):
    before = disputed.memory.read_bytes()
    assert said(pick(browser, disputed, "both")) == "settled-as-is"
    assert disputed.memory.read_bytes() == before
    assert records.unresolved(disputed) == []


def test_a_choice_counts_only_for_the_memory_that_was_shown(browser, disputed):
    form = browser.get("/conflicts").form(f"/conflicts/{the_one(disputed).id}")
    moved = store.read(disputed).text + "- meanwhile\n"
    disputed.memory.write_text(moved)
    page = browser.submit(form, choice="ours")
    assert said(page) == "moved"
    assert "nothing was decided" in browser.follow(page).text
    assert store.read(disputed).text == moved
    assert said(pick(browser, disputed, "ours")) == "settled"
    assert store.read(disputed).text == OURS + "- meanwhile\n"


@pytest.mark.parametrize("based_on", ["", "0" * 64, "\0"])
def test_a_digest_that_is_none_decides_nothing(browser, disputed, based_on):
    before = disputed.memory.read_bytes()
    assert said(pick(browser, disputed, "ours", based_on=based_on)) == "moved"
    assert disputed.memory.read_bytes() == before


def test_of_two_tabs_the_second_is_told_that_it_is_decided(browser, disputed):
    form = browser.get("/conflicts").form(f"/conflicts/{the_one(disputed).id}")
    resolve_conflict(disputed, the_one(disputed), Resolution.THEIRS)
    assert said(browser.submit(form, choice="ours")) == "settled-already"
    assert store.read(disputed).text == THEIRS


def test_that_a_hard_constraint_would_go_is_said_before(browser, workspace):
    publish(workspace, SAMPLE.replace(LIMIT, LIMIT + " twice"), store.read(workspace).digest)
    (workspace.root / COPY).write_text(SAMPLE.replace(LIMIT, "- Never push"))
    reconcile(workspace)
    text = " ".join(browser.get("/conflicts").text.split())
    assert f"Takes a hard constraint away: {LIMIT} twice" in text
    assert "Takes a hard constraint away: - Never push" in text
    pick(browser, workspace, "ours")
    assert f"{LIMIT} twice" in store.read(workspace).text


def test_what_one_side_took_away_may_stay_away(browser, workspace):
    publish(workspace, SAMPLE + "- Plays the cello\n", store.read(workspace).digest)
    gone = Conflict((), (), ("- Plays the cello\n",), OVERWRITTEN)
    records.record_conflicts(workspace, [gone])
    text = " ".join(browser.get("/conflicts").text.split())
    assert "Has nothing here taken away" in text
    assert f"From {OVERWRITTEN}" in text
    assert said(pick(browser, workspace, "ours")) == "settled"
    assert store.read(workspace).text == SAMPLE


def test_a_text_that_somebody_took_out_by_hand_is_said_to_be_gone(browser, disputed):
    disputed.memory.write_text(OURS)
    text = " ".join(browser.get("/conflicts").text.split())
    assert "Stands in the memory no more" in text
    assert "The memory stays as it is" in text
    assert text.count("Keep this") == 1
    assert said(pick(browser, disputed, "ours")) == "settled-as-is"
    assert store.read(disputed).text == OURS


def test_a_text_that_is_gone_is_not_picked_and_the_other_one_stays(browser, disputed):
    disputed.memory.write_text(OURS)
    assert said(pick(browser, disputed, "theirs")) == "moved"
    assert store.read(disputed).text == OURS
    assert the_one(disputed)


@pytest.mark.parametrize("choice", ["", "mine", "OURS"])
def test_no_other_choice_is_made(browser, disputed, choice):
    assert pick(browser, disputed, choice).status == 400
    assert the_one(disputed)


def test_a_foreign_page_decides_nothing(browser, disputed):
    before = disputed.memory.read_bytes()
    assert pick(browser, disputed, "ours", csrf_token="forged").status in {400, 403}
    assert browser.post("/conflicts", {"csrf_token": "forged"}).status in {400, 403}
    assert disputed.memory.read_bytes() == before
    assert the_one(disputed)


@pytest.mark.parametrize("name", ["0000000000", "..", "%2e%2e", "a%00b"])
def test_a_conflict_that_is_none_is_told_so(browser, disputed, name):
    form = browser.get("/conflicts").form(f"/conflicts/{the_one(disputed).id}")
    assert browser.post(f"/conflicts/{name}", {**form.fields, "choice": "ours"}).status == 404


@pytest.mark.parametrize("table", ["", "[]", '{"ours": 1}', '{"base": [], "ours": []}'])
def test_a_record_that_is_none_is_no_reason_not_to_show_the_page(browser, disputed, table):
    folder = disputed.machines / "other-0000" / "conflicts"
    folder.mkdir(parents=True)
    (folder / "ffffffffff.json").write_text(table)
    assert browser.get("/conflicts").status == 200


def test_a_record_by_a_strange_machine_shows_what_it_has(browser, workspace):
    folder = workspace.machines / "other-0000" / "conflicts"
    folder.mkdir(parents=True)
    table = {"base": [], "ours": [], "theirs": ["- <i>x</i> \u202e\n"], "section": ""}
    table |= {"source": "<script>", "time": "long ago", "machine": "<other>"}
    (folder / "x.json").write_text(json.dumps(table))
    page = browser.get("/conflicts")
    assert page.status == 200
    assert "Found" not in page.text
    assert "<script>" not in page.html.replace("<script src", "")
    assert "U+202E" in page.text


@pytest.mark.parametrize("wrong", WRONGS)
def test_a_memory_that_cannot_be_read_is_said_to_be_so(browser, disputed, wrong):
    form = browser.get("/conflicts").form(f"/conflicts/{the_one(disputed).id}")
    with suppress(OSError):
        WRONGS[wrong](disputed)
    for page in (browser.get("/conflicts"), browser.submit(form, choice="ours")):
        assert page.status in {404, 503}
        assert "Traceback" not in page.html


def test_a_copy_that_cannot_be_read_is_named_on_the_page(browser, workspace):
    (workspace.root / COPY).write_bytes(b"caf\xe9\n")
    page = browser.get("/conflicts")
    assert f"{COPY} cannot be read (not UTF-8); it was left." in page.text
    found = checked(browser.client.get("/api/conflicts"), "/api/conflicts")
    assert found["left"] == [{"name": COPY, "why": "not UTF-8"}]


def test_the_api_tells_the_same(browser, disputed):
    found = checked(browser.client.get("/api/conflicts"), "/api/conflicts")
    (row,) = found["conflicts"]
    assert row["id"] == the_one(disputed).id
    assert (row["source"], row["client"], row["host"]) == (COPY, "Syncthing", None)
    assert "Oslo" in row["ours"]
    lines = store.read(disputed).text.splitlines()
    assert lines[row["theirs_line"] - 1] + "\n" == row["theirs"]
    assert found["memory"] == store.read(disputed).digest
    assert (found["copies"], found["doubtful"]) == ([], [])
