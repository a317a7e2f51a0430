"""Notes on the page: by day, found again, leafed through, and none left out."""

from __future__ import annotations

import re
from datetime import date, timedelta
from urllib.parse import quote

import pytest
import time_machine

from memsync import clock
from memsync.config.workspace import Workspace
from memsync.daemon.presenters import logbook
from memsync.notes import log
from memsync.refresh import run
from memsync.text import note as note_texts
from memsync.text.mark import TYPED
from memsync.text.note import Note
from tests.daemon.conftest import WRONGS
from tests.support.browser import Browser, Page


def take(workspace: Workspace, text: str, back: int = 0, time: str = "12:00:00") -> Note:
    note = Note(clock.now().date() - timedelta(days=back), time, TYPED, text)
    log.append(workspace, note)
    return note


def said(page: Page) -> list[str]:
    return [p.text for p in page.all("p") if p.attributes.get("class") == "said"]


def days(page: Page) -> list[str]:
    return [h.text for h in page.all("h2") if h.attributes.get("id", "").startswith("d")]


def older(page: Page) -> str:
    links = [a.attributes["href"] for a in page.all("a")]
    return next((link for link in links if "from=" in link), "")


def test_without_notes_the_page_says_how_to_take_one(browser: Browser) -> None:
    page = browser.get("/notes")
    assert page.status == 200
    assert "No notes yet" in page.text
    assert page.form("/notes").method == "post" or page.forms[0].method == "get"


def test_notes_are_shown_by_day_newest_first_pending_or_merged(
    browser: Browser, workspace: Workspace
) -> None:
    take(workspace, "first", 1)
    run.merge_pending(workspace)
    take(workspace, "second", 0, "08:00:00")
    take(workspace, "third", 0, "09:00:00")
    page = browser.get("/notes")
    assert days(page) == ["Today", "Yesterday"]
    assert said(page) == ["third", "second", "first"]
    states = [e.text for e in page.elements if "state" in e.attributes.get("class", "").split()]
    assert states == ["pending", "pending", "merged"]


def test_in_a_folder_of_an_older_tool_the_notes_of_earlier_days_count_as_merged(
    browser: Browser, workspace: Workspace
) -> None:
    today = clock.now().date()
    for day in (today, today - timedelta(days=1)):
        (workspace.sessions / f"{day}.md").write_text("\n---\n### 10:00:00\nold\n")
    states = [
        e.text
        for e in browser.get("/notes").elements
        if "state" in e.attributes.get("class", "").split()
    ]
    assert states == ["pending", "merged"]


@pytest.mark.parametrize("query", ["MILK", "milk", " milk ", "buy m", "(fresh)", "%"])
def test_words_are_found_as_they_stand_in_any_case(
    browser: Browser, workspace: Workspace, query: str
) -> None:
    take(workspace, "Buy milk (fresh), 100 %")
    take(workspace, "Call Rina", time="13:00:00")
    page = browser.get(f"/notes?q={quote(query)}")
    assert said(page) == ["Buy milk (fresh), 100 %"]
    assert [mark.text.lower() for mark in page.all("mark")] == [query.strip().lower()]


@pytest.mark.parametrize("query", ["nothing", ".*", "b.y", "\\", "[", "\0", "x" * 5000])
def test_what_no_note_has_is_told_so(browser: Browser, workspace: Workspace, query: str) -> None:
    take(workspace, "Buy milk")
    page = browser.get(f"/notes?q={quote(query)}")
    assert page.status == 200
    assert said(page) == []
    assert "Nothing found" in page.text


def test_years_of_notes_are_leafed_through_and_none_is_left_out(
    browser: Browser, workspace: Workspace
) -> None:
    with time_machine.travel("2026-11-22T12:00:00+00:00", tick=False):
        wanted = []
        for back in range(40):
            times = [f"10:{number:02d}:00" for number in range(1 + back % 5)]
            wanted += [f"note {back} {time}" for time in reversed(times)]
            today = clock.now().date() - timedelta(days=back)
            log.add_missing(
                workspace, [Note(today, time, TYPED, f"note {back} {time}") for time in times]
            )
        found: list[str] = []
        path = "/notes"
        while path:
            page = browser.get(path)
            assert len(said(page)) <= logbook.PER_PAGE
            found += said(page)
            path = older(page)
    assert found == wanted


def test_a_day_of_very_many_notes_is_leafed_through_too(
    browser: Browser, workspace: Workspace
) -> None:
    today = clock.now().date()
    many = [
        Note(today, f"{n // 3600:02d}:{n // 60 % 60:02d}:{n % 60:02d}", TYPED, f"note {n}")
        for n in range(230)
    ]
    log.add_missing(workspace, many)
    found: list[str] = []
    path = "/notes?q=note"
    while path:
        page = browser.get(path)
        found += said(page)
        path = older(page)
    assert found == [f"note {n}" for n in reversed(range(230))]


def test_a_long_note_is_cut_in_the_list_and_whole_on_its_own_page(
    browser: Browser, workspace: Workspace
) -> None:
    text = "x" * 9000 + " end"
    take(workspace, text)
    page = browser.get("/notes")
    assert said(page) == ["x" * logbook.CLIPPED_AT]
    [link] = [a.attributes["href"] for a in page.all("a") if a.text == "Read the whole note"]
    assert text in browser.get(link).text


@pytest.mark.parametrize("path", ["/notes/2026-11-22/x", "/notes/x/x", "/notes/2026-99-99/x"])
def test_a_note_that_is_not_there_is_a_page(browser: Browser, path: str) -> None:
    page = browser.get(path)
    assert page.status == 404
    assert "There is no such note" in page.text


def test_a_day_that_cannot_be_read_hides_no_other(browser: Browser, workspace: Workspace) -> None:
    take(workspace, "today's")
    yesterday = clock.now().date() - timedelta(days=1)
    (workspace.sessions / f"{yesterday}.md").mkdir()
    take(workspace, "older", 2)
    page = browser.get("/notes")
    assert said(page) == ["today's", "older"]
    assert "cannot be read" in page.text


def test_a_note_added_here_leads_back_here(browser: Browser, workspace: Workspace) -> None:
    form = next(f for f in browser.get("/notes").forms if f.method == "post")
    page = browser.submit(form, text="Buy milk")
    assert page.headers["Location"] == "/notes?said=noted"
    shown = browser.follow(page)
    assert "Noted." in shown.text
    assert said(shown) == ["Buy milk"]
    assert browser.submit(form, text=" ").headers["Location"] == "/notes?said=empty-note"


def test_a_page_cannot_be_sent_elsewhere_by_its_form(browser: Browser) -> None:
    form = next(f for f in browser.get("/notes").forms if f.method == "post")
    page = browser.submit(form, text="x", page="//evil.example")
    assert page.headers["Location"] == "/?said=noted"


@pytest.mark.parametrize("place", ["x", "2026-99-99_1", "9999-12-31_5", "2026-11-22_-1", "\u0661"])
def test_a_place_that_is_none_shows_the_newest(
    browser: Browser, workspace: Workspace, place: str
) -> None:
    take(workspace, "Buy milk")
    assert said(browser.get(f"/notes?from={quote(place)}")) == ["Buy milk"]


@pytest.mark.parametrize("wrong", ["away", "unmounted"])
def test_where_the_folder_is_away_the_page_says_so(
    browser: Browser, workspace: Workspace, wrong: str
) -> None:
    WRONGS[wrong](workspace)
    for path in ("/notes", "/history", "/machines"):
        page = browser.get(path)
        assert page.status == 503
        assert "Try:" in page.text
    assert browser.get("/jobs").status == browser.get("/phone").status == 200


def test_what_a_note_says_never_becomes_markup(browser: Browser, workspace: Workspace) -> None:
    take(workspace, "<b>bold</b> \u202e")
    page = browser.get("/notes?q=%3Cb")
    assert not page.all("b")
    assert re.search(r"U\+202E", page.text)


def test_a_future_day_of_a_clock_that_was_wrong_is_shown(
    browser: Browser, workspace: Workspace
) -> None:
    log.append(workspace, Note(date(2199, 1, 1), "10:00:00", TYPED, "from the future"))
    assert said(browser.get("/notes")) == ["from the future"]


def test_a_line_that_a_log_escapes_and_words_over_lines_are_found_too(
    browser: Browser, workspace: Workspace
) -> None:
    take(workspace, "one\n---\ntwo")
    for query in ("---", "\n---\n", "one\n---"):
        assert said(browser.get(f"/notes?q={quote(query)}")) == ["one\n---\ntwo"]


def test_a_note_that_only_a_sync_conflict_holds_is_found(
    browser: Browser, workspace: Workspace
) -> None:
    note = take(workspace, "Buy milk")
    copy = workspace.sessions / f"{note.day}-PI.md"
    copy.write_text("\n---\n### 10:00:00\nfrom the copy\n")
    assert said(browser.get("/notes?q=copy")) == ["from the copy"]


def test_an_empty_search_shows_all(browser: Browser, workspace: Workspace) -> None:
    log.append(workspace, note_texts.make_note("Buy milk", clock.now()))
    assert said(browser.get("/notes?q=%20")) == ["Buy milk"]
