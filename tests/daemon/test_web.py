"""The page: the memory read, noted upon, and told of when it is not at hand."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
import time_machine
from flask import Flask

from memsync import clock
from memsync.config.workspace import Workspace
from memsync.daemon import pages, web
from memsync.daemon.pages import editing
from memsync.daemon.presenters import facts
from memsync.errors import FolderAwayError
from memsync.memory import publish
from memsync.notes import log
from memsync.refresh import pending
from memsync.text import note as note_texts
from memsync.text.mark import PAGE
from tests.conftest import SAMPLE
from tests.daemon.conftest import (
    WRONGS,
    memory_bytes,
    rename_root,
    reviewed,
    set_memory,
    token_of,
)
from tests.support.browser import Browser


def test_the_memory_is_shown_with_its_outline_and_how_it_stands(
    browser: Browser, workspace: Workspace
) -> None:
    with time_machine.travel("2026-11-22T12:00:00+00:00", tick=False):
        publish.publish(workspace, SAMPLE + "\n- more\n", None)
        log.append(workspace, note_texts.make_note("one", clock.now()))
        log.append(workspace, note_texts.make_note("two", clock.now()))
        page = browser.get("/")
    assert page.status == 200
    article = page.all("article")[0]
    assert "Ada, backend engineer in Turin" in article.text
    assert "memsync v1" not in article.text
    assert "2 pending notes" in page.text
    assert re.search(r"Newest backup today at \d\d:00", page.text)
    links = [a.attributes["href"] for a in page.all("a")]
    for heading in page.elements:
        if heading.tag == "h3":
            assert f"#{heading.attributes['id']}" in links
    assert [e.text for e in page.elements if e.attributes.get("class") == "level-2"][:2] == [
        "Identity",
        "Current priorities",
    ]


def test_there_is_one_first_heading_and_those_of_the_memory_stand_below_it(
    browser: Browser, workspace: Workspace
) -> None:
    set_memory(workspace, "# A\n## B\n### C\n#### D\n##### E\n###### F\n")
    page = browser.get("/")
    assert [h.text for h in page.all("h1")] == ["Memory"]
    assert [h.text for h in page.all("h6")] == ["E", "F"]


def test_headings_of_the_same_name_have_addresses_of_their_own(
    browser: Browser, workspace: Workspace
) -> None:
    set_memory(
        workspace, "# Go\n\n## Tests\n\n# Python\n\n## Tests\n\n## \n\n## !!!\n\n## \u65e5\u672c\n"
    )
    page = browser.get("/")
    ids = [e.attributes["id"] for e in page.elements if e.attributes.get("id", "").startswith("s-")]
    assert len(ids) == len(set(ids)) == 7


def test_what_may_only_be_added_to_is_marked(browser: Browser) -> None:
    page = browser.get("/")
    marked = [e.text for e in page.elements if "constraint" in e.attributes.get("class", "")]
    assert marked == ["Hard constraints"]


def test_a_memory_is_shown_whole_even_where_markdown_would_hide_a_part(
    browser: Browser, workspace: Workspace
) -> None:
    hidden = {
        "comment": "<!-- HIDDEN-comment -->",
        "definition": "[x]: http://e.example 'HIDDEN-definition'",
        "label": "[//]: # (HIDDEN-label)",
        "fence": "```sh HIDDEN-fence\nls\n```",
        "front": "",
        "image": "![a](http://e.example/HIDDEN-image.png 'HIDDEN-title')",
        "deep": ">" * 40 + " HIDDEN-deep",
    }
    set_memory(workspace, "---\nk: HIDDEN-front\n---\n# T\n\n" + "\n\n".join(hidden.values()))
    text = browser.get("/").all("article")[0].text
    for name in hidden:
        assert f"HIDDEN-{name}" in text
    assert "HIDDEN-title" in text


@pytest.mark.parametrize(
    "unseen", ["\u200b", "\u202e", "\u2066", "\ufeff", "\U000e0041", "\x1b", "\x07"]
)
def test_characters_that_show_nothing_are_shown(
    browser: Browser, workspace: Workspace, unseen: str
) -> None:
    set_memory(
        workspace, f"# T{unseen}x\n\n- plain {unseen} and `code {unseen}`\n\n    block {unseen}\n"
    )
    page = browser.get("/")
    assert unseen not in page.all("article")[0].text
    assert f"U+{ord(unseen):04X}" in page.all("article")[0].text
    review = reviewed(browser, f"# T\n\n- new {unseen} line\n")
    assert unseen not in review.all("table")[0].text
    assert f"U+{ord(unseen):04X}" in review.all("table")[0].text


def test_links_leave_no_trace_and_images_are_not_fetched(
    browser: Browser, workspace: Workspace
) -> None:
    set_memory(
        workspace,
        "[a](https://e.example) <https://f.example> [m](mailto:a@e.example) [in](#s-x)\n"
        "![cat](https://e.example/cat.png)\n",
    )
    article_links = [a for a in browser.get("/").all("a") if "rel" in a.attributes]
    assert [a.attributes["href"] for a in article_links] == [
        "https://e.example",
        "https://f.example",
        "mailto:a@e.example",
        "#s-x",
    ]
    assert {a.attributes["rel"] for a in article_links} == {"noopener noreferrer"}
    page = browser.get("/")
    assert "cat https://e.example/cat.png" in page.text
    assert [i.attributes["src"] for i in page.all("img")] == ["/static/icon.svg"]


def test_a_table_needs_no_inline_style(browser: Browser, workspace: Workspace) -> None:
    set_memory(workspace, "| a | b |\n|--:|:-:|\n| 1 | 2 |\n")
    page = browser.get("/")
    assert [cell.attributes["class"] for cell in page.all("td")] == ["align-right", "align-center"]


@pytest.mark.parametrize(
    ("now", "shown"),
    [
        ("2026-03-05T14:07:00", "today at 14:07"),
        ("2026-03-06T00:01:00", "yesterday at 14:07"),
        ("2026-03-07T09:00:00", "5 March at 14:07"),
        ("2027-03-05T09:00:00", "5 March 2026 at 14:07"),
    ],
)
def test_moments_are_told_as_people_tell_them(now: str, shown: str) -> None:
    with time_machine.travel("2026-03-05T14:07:00", tick=False):
        moment = clock.now()
    with time_machine.travel(now, tick=False):
        assert facts.moment_in_words(moment) == shown


def test_a_log_that_cannot_be_read_does_not_hide_the_memory(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_workspace: Workspace) -> None:
        raise FolderAwayError("no")

    monkeypatch.setattr(facts, "pending_notes", away)
    page = browser.get("/")
    assert page.status == 200
    assert "cannot be counted now" in page.text


def test_a_note_goes_to_the_days_log_and_is_pending(browser: Browser, workspace: Workspace) -> None:
    page = browser.submit(browser.get("/").form("/notes"), text="Buy milk\nand bread\n\n")
    assert page.headers["Location"] == "/?said=noted"
    [note] = pending.pending_notes(workspace)
    assert note.text == "Buy milk\nand bread"
    assert note.mark == PAGE
    after = browser.follow(page)
    assert "Noted." in after.text
    assert "1 pending note" in after.text


def test_a_note_may_be_kept_elsewhere_than_in_the_log(workspace: Workspace) -> None:
    kept: list[note_texts.Note] = []
    browser = Browser(web.create_app(workspace.config, kept.append))
    browser.submit(browser.get("/").form("/notes"), text="Buy milk")
    assert [note.text for note in kept] == ["Buy milk"]
    assert pending.pending_notes(workspace) == []


@pytest.mark.parametrize("text", ["", "  \n\t ", "\0"])
def test_an_empty_note_is_no_note(browser: Browser, workspace: Workspace, text: str) -> None:
    page = browser.submit(browser.get("/").form("/notes"), text=text)
    assert page.headers["Location"] == "/?said=empty-note"
    assert pending.pending_notes(workspace) == []


def test_a_note_that_is_too_long_is_handed_back(browser: Browser, workspace: Workspace) -> None:
    text = "x" * (note_texts.MAX_BYTES + 1)
    page = browser.submit(browser.get("/").form("/notes"), text=text)
    assert page.status == 400
    assert page.by_id("kept").text == text
    assert pending.pending_notes(workspace) == []


def test_a_note_forges_no_entry(browser: Browser, workspace: Workspace) -> None:
    text = "harmless\n\n---\n### 01:02:03\nforged"
    browser.submit(browser.get("/").form("/notes"), text=text)
    assert [note.text for note in pending.pending_notes(workspace)] == [text]


MESSAGES = web.messages_of(web.find_pages())


@pytest.mark.parametrize("code", list(MESSAGES))
def test_a_message_comes_by_its_code(browser: Browser, code: str) -> None:
    assert MESSAGES[code] in browser.get(f"/?said={code}").text


@pytest.mark.parametrize(
    "query",
    [
        "said=Your+disk+failed,+call+0123",
        "said=SAVED",
        "said=",
        "said=saved%20",
        "said=__class__",
        "message=Your+disk+failed,+call+0123",
        "said=<script>alert(1)</script>",
    ],
)
def test_an_address_puts_no_words_on_the_page(browser: Browser, query: str) -> None:
    page = browser.get(f"/?{query}")
    assert page.html.replace(token_of(page), "") == (
        (plain := browser.get("/")).html.replace(token_of(plain), "")
    )


@pytest.mark.parametrize("wrong", list(WRONGS))
def test_a_memory_that_is_not_at_hand_is_told_with_what_to_do_and_nothing_is_lost(
    browser: Browser, workspace: Workspace, wrong: str
) -> None:
    review = reviewed(browser, SAMPLE + "- mine\n")
    editor = browser.get("/edit").form("/review")
    WRONGS[wrong](workspace)
    for page in (browser.get("/"), browser.get("/edit")):
        assert page.status == 503
        assert "Try:" in page.text
        assert "Traceback" not in page.html
        assert page.form("/notes").fields["text"] == ""
    for page in (browser.submit(editor, text="mine\n"), browser.submit(review.form("/save"))):
        assert page.status == 503
        assert "mine" in page.by_id("kept").text


@pytest.mark.parametrize("wrong", ["away", "unmounted"])
def test_a_note_given_while_the_folder_is_away_stays_in_its_box(
    browser: Browser, workspace: Workspace, wrong: str
) -> None:
    form = browser.get("/").form("/notes")
    WRONGS[wrong](workspace)
    page = browser.submit(form, text="Buy <milk>\n\nand bread")
    assert page.status == 503
    assert page.form("/notes").fields["text"] == "Buy <milk>\n\nand bread"
    assert "not saved yet" in page.text


def test_a_note_is_still_taken_while_the_memory_is_damaged(
    browser: Browser, workspace: Workspace
) -> None:
    WRONGS["nul"](workspace)
    page = browser.submit(browser.get("/").form("/notes"), text="Buy milk")
    assert page.status == 303
    assert [note.text for note in pending.pending_notes(workspace)] == ["Buy milk"]


def test_a_folder_that_comes_back_is_there_again(browser: Browser, workspace: Workspace) -> None:
    rename_root(workspace)
    assert browser.get("/").status == 503
    workspace.root.with_name("elsewhere").rename(workspace.root)
    assert browser.get("/").status == 200


@pytest.mark.parametrize(
    ("error", "status"),
    [(RuntimeError("hunter2"), 500), (OSError(5, "hunter2"), 503), (KeyError("hunter2"), 500)],
)
def test_whatever_fails_is_a_page_and_a_line_in_the_log(
    app: Flask,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    status: int,
) -> None:
    def fail(*_args: object, **_more: object) -> None:
        raise error

    for testing in (False, True):
        app.testing = testing
        browser = Browser(app)
        form = reviewed(browser, SAMPLE + "- mine\n").form("/save")
        with monkeypatch.context() as patch:
            patch.setattr(editing, "publish", fail)
            page = browser.submit(form)
        assert page.status == status
        assert "hunter2" not in page.html
        assert page.by_id("kept").text == SAMPLE + "- mine\n"
        assert "a page failed" in caplog.text


@pytest.mark.parametrize(
    "path", ["/nope", "/static/nope.css", "/static/../web.py", "/Edit", "/edit/"]
)
def test_an_address_that_leads_nowhere_is_a_page(browser: Browser, path: str) -> None:
    page = browser.get(path)
    assert page.status == 404
    assert page.all("h1")[0].text == "There is no such page"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/save"),
        ("GET", "/review"),
        ("GET", "/merge"),
        ("GET", "/jobs/refresh/run"),
        ("GET", "/logout"),
        ("POST", "/"),
        ("DELETE", "/edit"),
        ("PUT", "/save"),
        ("FOO", "/"),
    ],
)
def test_an_address_opened_the_wrong_way_is_a_page(
    browser: Browser, method: str, path: str
) -> None:
    answer = browser.client.open(path, method=method)
    assert answer.status_code == 405
    assert "Allow" in answer.headers
    assert "<h1>Not this way</h1>" in answer.text


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\0" * 50,
        b"text=%ff%fe&csrf_token=%00",
        b"a" * 5000,
        b"&&&===;;;",
        b"--x\r\n\r\n--x--",
    ],
)
@pytest.mark.parametrize(
    "kind",
    [
        "application/json",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "multipart/form-data; boundary=x",
        "",
        "\u00e4",
    ],
)
def test_a_body_of_any_kind_fails_politely(
    browser: Browser, workspace: Workspace, body: bytes, kind: str
) -> None:
    for path in ("/save", "/review", "/notes", "/logout", "/nope"):
        answer = browser.client.post(path, data=body, content_type=kind)
        assert answer.status_code in {400, 404, 405}
    assert memory_bytes(workspace) == SAMPLE.encode()


NEW_PAGE = """
from flask import render_template
from memsync.daemon.pages.page import Page
from memsync.text.mark import PAGE

page = Page(__name__, "Weather", 35, messages={"rains": "It rains."})

@page.index("/weather")
def show_weather():
    return render_template("weather.html")
"""


def test_a_new_page_is_its_module_and_its_template(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "weather.py").write_text(NEW_PAGE)
    (tmp_path / "weather.html").write_text(
        '{% extends "base.html" %}{% block main %}<h1>Sunny</h1>{% endblock %}'
    )
    monkeypatch.setattr(pages, "__path__", [*pages.__path__, str(tmp_path)])
    app = web.create_app(workspace.config)
    app.jinja_loader.searchpath.append(str(tmp_path))  # type: ignore[union-attr]
    browser = Browser(app)
    titles = [link.text for link in browser.get("/").all("a")]
    assert titles[titles.index("History") : titles.index("Notes") + 1] == [
        "History",
        "Weather",
        "Notes",
    ]
    page = browser.get("/weather?said=rains")
    assert [heading.text for heading in page.all("h1")] == ["Sunny"]
    assert "It rains." in page.text
    monkeypatch.delitem(sys.modules, "memsync.daemon.pages.weather")
    monkeypatch.delattr(pages, "weather")
