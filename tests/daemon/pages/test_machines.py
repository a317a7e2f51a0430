"""Machines and the phone: who has the memory, and how a note gets here."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask

from memsync import clock
from memsync.config import Config
from memsync.config.workspace import Workspace
from memsync.daemon import web
from memsync.memory import machines, publish
from memsync.notes import log
from memsync.refresh import pending
from memsync.text.digest import digest
from memsync.text.mark import CAPTURED
from memsync.text.note import Note
from tests.conftest import SAMPLE
from tests.daemon.conftest import PASSWORD, WRONGS
from tests.support.browser import Browser, Page


def section(page: Page, name: str) -> str:
    return next(" ".join(e.text.split()) for e in page.all("section") if name in e.text)


def report_of(workspace: Workspace, machine: str, text: str = SAMPLE, days: float = 0) -> None:
    folder = workspace.machines / machine
    folder.mkdir(parents=True, exist_ok=True)
    moment = (clock.now() - timedelta(days=days)).isoformat(timespec="seconds")
    (folder / machines.REPORT_NAME).write_text(
        f'version = "0.0.9"\ntime = {moment}\nmemory_digest = "{digest(text.encode())}"\n'
        '[[targets]]\nname = "claude"\npath = "/x/CLAUDE.md"\nmode = "block"\nstate = "in-sync"\n'
    )


def test_this_machine_is_looked_at_and_told_what_to_do(
    browser: Browser, workspace: Workspace, home: Path
) -> None:
    publish.update_targets(workspace)
    (home / ".codex" / "AGENTS.md").unlink()
    text = section(browser.get("/machines"), "this machine")
    assert "out of date" in text
    assert "Claude Code" in text
    assert "missing" in text
    assert "Try: memsync targets sync puts the memory there" in text
    publish.update_targets(workspace)
    assert "Every agent has the memory as it is now." in section(
        browser.get("/machines"), "this machine"
    )


def test_a_machine_that_never_reported_is_there_all_the_same(browser: Browser) -> None:
    page = browser.get("/machines")
    assert page.status == 200
    assert "No report yet" in section(page, "this machine")
    assert "Other machines appear here" in page.text


@pytest.mark.parametrize(
    ("text", "days", "word"),
    [
        (SAMPLE, 0, "up to date"),
        (SAMPLE + "x", 0, "another version"),
        (SAMPLE + "x", 2, "not known yet"),
        (SAMPLE, 6, "up to date"),
        (SAMPLE, 8, "silent"),
        (SAMPLE + "x", 8, "silent"),
    ],
)
def test_another_machine_is_judged_by_its_report(
    browser: Browser, workspace: Workspace, text: str, days: float, word: str
) -> None:
    yesterday = (clock.now() - timedelta(days=1)).timestamp()
    os.utime(workspace.memory, (yesterday, yesterday))
    report_of(workspace, "laptop-12ab", text, days)
    told = section(browser.get("/machines"), "laptop-12ab")
    assert f"laptop-12ab {word}" in told
    assert "memsync 0.0.9" in told
    assert "/x/CLAUDE.md" in told


@pytest.mark.parametrize("data", [b"", b"\xff", b"targets = 1", b"[[targets]]\nname = 1\n"])
def test_a_report_that_cannot_be_read_is_a_machine_of_which_nothing_is_known(
    browser: Browser, workspace: Workspace, data: bytes
) -> None:
    report_of(workspace, "laptop-12ab")
    (workspace.machines / "laptop-12ab" / machines.REPORT_NAME).write_bytes(data)
    assert "unknown" in section(browser.get("/machines"), "laptop-12ab")


def test_with_a_damaged_memory_nobody_is_called_in_step(
    browser: Browser, workspace: Workspace
) -> None:
    report_of(workspace, "laptop-12ab")
    WRONGS["nul"](workspace)
    page = browser.get("/machines")
    assert page.status == 200
    assert "up to date" not in page.text


def test_without_a_target_the_page_says_how_to_add_one(workspace: Workspace) -> None:
    config = replace(workspace.config, given=workspace.config.given | {"targets"})
    page = Browser(web.create_app(config)).get("/machines")
    assert "memsync targets add claude" in page.text


def set_up(workspace: Workspace, **values: object) -> Flask:
    return web.create_app(
        replace(workspace.config, daemon=replace(workspace.config.daemon, **values))
    )


def value(page: Page, name: str) -> str:
    return page.by_id(name).attributes["value"]


def test_the_phone_gets_the_address_by_which_the_page_was_reached(
    workspace: Workspace, locked: Config
) -> None:
    app = set_up(workspace, allowed_hosts=("pi.home",), capture_port=5999)
    page = Browser(app, host="pi.home:5000").get("/phone")
    assert value(page, "url") == "http://pi.home:5999/note"
    assert "http://pi.home:5000/phone" in page.text
    at_home = Browser(app, host="localhost:5000").get("/phone")
    assert value(at_home, "url").endswith(".local:5999/note")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_a_port_that_no_phone_reaches_is_told(workspace: Workspace, host: str) -> None:
    page = Browser(set_up(workspace, capture_host=host)).get("/phone")
    assert "no phone gets there" in page.text


def test_where_no_port_takes_notes_the_page_says_how_to_have_one(workspace: Workspace) -> None:
    browser = Browser(set_up(workspace, capture_enabled=False))
    assert "daemon.capture_enabled true" in browser.get("/phone").text
    assert browser.get("/phone/qr.svg").status == 404
    assert browser.get("/phone/page.svg").status == 200


def test_the_token_is_for_who_logged_in_and_behind_a_click(
    workspace: Workspace, locked: Config
) -> None:
    open_page = Browser(set_up(workspace, capture_token="s3cret-token")).get("/phone")
    assert "s3cret-token" not in open_page.html
    assert "memsync config get daemon.capture_token" in open_page.text

    browser = Browser(
        web.create_app(replace(locked, daemon=replace(locked.daemon, capture_token="s3cret-token")))
    )
    assert browser.get("/phone").headers["Location"] == "/login"
    assert browser.get("/phone/qr.svg").headers["Location"] == "/login"
    browser.log_in(PASSWORD)
    page = browser.get("/phone")
    assert value(page, "token") == "s3cret-token"
    assert value(page, "header") == "X-Memsync-Token"
    [details] = [e for e in page.all("details") if "Show the token" in e.text]
    assert "open" not in details.attributes
    for code in ("qr", "page"):
        assert "s3cret" not in browser.client.get(f"/phone/{code}.svg").text


def test_the_codes_are_pictures_that_need_nothing_else(app: Flask) -> None:
    for name in ("qr", "page"):
        answer = app.test_client().get(f"/phone/{name}.svg")
        assert answer.mimetype == "image/svg+xml"
        assert answer.text.startswith("<svg")
        assert "style=" not in answer.text
        assert len(answer.data) < 10_000


def test_a_note_to_try_it_is_shown_as_it_arrives(browser: Browser, workspace: Workspace) -> None:
    page = browser.submit(browser.get("/phone").form("/phone/test"), text="Hello <there>")
    path, _, anchor = page.headers["Location"].partition("#")
    assert anchor == "test"
    shown = browser.get(path)
    assert "It arrived: the log of today has it" in shown.text
    assert "Hello <there>" in shown.text
    assert "refresh" not in [m.attributes.get("http-equiv") for m in shown.all("meta")]
    assert len(pending.pending_notes(workspace)) == 1


def test_a_note_that_is_on_its_way_is_looked_for_again_but_not_for_ever(
    workspace: Workspace,
) -> None:
    kept: list[Note] = []
    browser = Browser(web.create_app(workspace.config, kept.append))
    page = browser.submit(browser.get("/phone").form("/phone/test"), text="Hello")
    path = page.headers["Location"].partition("#")[0]
    looks = 0
    while path:
        shown = browser.get(path)
        again = [m for m in shown.all("meta") if m.attributes.get("http-equiv") == "refresh"]
        path = (
            again[0].attributes["content"].partition("url=")[2].partition("#")[0] if again else ""
        )
        looks += 1
    assert 10 < looks < 30
    assert "safe on this machine's disk" in shown.text
    log.append(workspace, kept[0])
    assert "It arrived" in browser.get(f"/phone?note={kept[0].id}").text


def test_the_newest_note_by_phone_is_named(browser: Browser, workspace: Workspace) -> None:
    assert "Newest note" not in browser.get("/phone").text
    log.append(workspace, Note(clock.now().date(), "10:11:12", CAPTURED, "by phone"))
    assert "today at 10:11" in browser.get("/phone").text


def test_the_page_can_be_put_on_a_home_screen(locked: Config) -> None:
    app = web.create_app(locked)  # also before the login: browsers fetch it without cookies
    answer = app.test_client().get("/manifest.webmanifest", buffered=True)
    assert answer.mimetype == "application/manifest+json"
    manifest = answer.get_json(force=True)
    assert manifest["display"] == "standalone"
    for icon in manifest["icons"]:
        picture = app.test_client().get(icon["src"], buffered=True)
        assert picture.mimetype == icon["type"]
        assert len(picture.data) < 10 * 1024
    assert {icon["sizes"] for icon in manifest["icons"]} == {"any", "192x192", "512x512"}


def test_a_machine_whose_clock_is_ahead_is_told_as_that(browser: Browser, workspace: Workspace):
    report_of(workspace, "laptop-1a2b", days=-2)
    text = section(browser.get("/machines"), "laptop-1a2b")
    assert "unknown" in text
    assert "Its report is dated later than the clock here" in text
    report_of(workspace, "laptop-1a2b", days=-0.5)
    assert "ahead" not in section(browser.get("/machines"), "laptop-1a2b")
