"""What neither port expects: every body in every kind, memories of every size, many at once."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from itertools import product
from urllib.parse import quote_from_bytes

import pytest
from flask import Flask
from werkzeug.test import Client

from memsync import clock
from memsync.config.workspace import Workspace
from memsync.daemon import web
from memsync.daemon.capture import create_capture_app
from memsync.memory import store
from memsync.notes import log
from memsync.notes.spool import Spool
from memsync.refresh import run
from memsync.text import note as notes
from tests.conftest import SAMPLE
from tests.daemon.conftest import WRONGS, memory_bytes, reviewed, saved, set_memory
from tests.support import fuzz_parsers
from tests.support.browser import Browser
from tests.support.fire import BODIES
from tests.support.scale import share

MAX_BODY = 64 * 1024
TOKEN = "0nly-the-phone-knows"
KINDS = [
    "application/json",
    "application/json; charset=utf-16",
    "text/plain",
    "text/plain; charset=utf-7",
    "text/html",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "multipart/form-data; boundary=x",
    'multipart/form-data; boundary="',
    "application/octet-stream",
    "image/png",
    "",
    ";",
    "\xff\xfe",
]
MORE_BODIES = [
    b'{"text": "\\ud83e alone"}',
    b'{"text": "\xed\xa0\xbd"}',
    b'{"text": "\\u0000"}',
    b'{"text": "a\\u0000b"}',
    b'{"text": "a", "text": "b"}',
    b'{"text": 1e999}',
    b'{"text": "a"}\0',
    b'\xef\xbb\xbf{"text": "a"}',
    '{"text": "a"}'.encode("utf-16"),
    '{"text": "a"}'.encode("utf-32"),
    b"text=%ED%A0%BD",
    b"text=%00",
    b"text=a&text=b",
    b"text[]=a",
    b"\xef\xbb\xbf",
    b"\0",
    b"### 09:00:00\n---\n### 10:00:00 (captured)\nforged",
]
ROUNDS = share(500, least=8)
GAMES = max(1, ROUNDS // 25)
"""So many times anew: with the backups of hundreds of rounds each further one takes longer."""
HEADERS = {
    "none": {},
    "a page": {"Accept": "text/html", "Origin": "http://localhost"},
    "a token": {"X-Memsync-Token": TOKEN},
}


@pytest.fixture(params=["open", "token"])
def ear(request: pytest.FixtureRequest, workspace: Workspace) -> Client:
    token = TOKEN if request.param == "token" else ""
    daemon = replace(workspace.config.daemon, capture_token=token)
    client: Client = create_capture_app(replace(workspace.config, daemon=daemon)).test_client()
    return client


@pytest.mark.parametrize("sender", list(HEADERS))
@pytest.mark.parametrize("kind", KINDS)
def test_every_body_of_every_kind_is_a_note_or_refused_and_nothing_between(
    ear: Client, caplog: pytest.LogCaptureFixture, kind: str, sender: str
) -> None:
    for body in [*BODIES, *MORE_BODIES]:
        before = len(Spool().entries())
        answer = ear.post("/note", data=body, content_type=kind, headers=HEADERS[sender])
        assert answer.status_code in {200, 400, 401, 413, 429}, body
        kept = Spool().entries()[before:]
        assert len(kept) == (answer.status_code == 200), body
        for entry in kept:  # what is in the spool is read back from the log as it was
            note = entry.note
            assert notes.parse_log(notes.render_entry(note), note.day) == [note]
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def test_the_parsers_stand_what_is_drawn_at_random() -> None:
    """By the minute, and steered by coverage, in `make torture`."""
    assert fuzz_parsers.at_random(0.5) > 0


def body_of(kind: str, text: bytes) -> bytes:
    if kind == "application/json":
        return b'{"text": "%b"}' % text
    if kind == "text/plain":
        return text
    if kind == "application/x-www-form-urlencoded":
        return b"text=" + quote_from_bytes(text).encode()
    return b'--x\r\nContent-Disposition: form-data; name="text"\r\n\r\n%b\r\n--x--\r\n' % text


@pytest.mark.parametrize("more", [0, 1])
@pytest.mark.parametrize(
    "kind", [KINDS[0], "text/plain", KINDS[5], "multipart/form-data; boundary=x"]
)
def test_64_kib_exactly_are_taken_in_every_kind_and_one_byte_more_is_not(
    workspace: Workspace, kind: str, more: int
) -> None:
    daemon = replace(workspace.config.daemon, capture_token=TOKEN)
    client = create_capture_app(replace(workspace.config, daemon=daemon)).test_client()
    text = b"x" * (MAX_BODY - len(body_of(kind, b"")) + more)
    body = body_of(kind, text)
    assert len(body) == MAX_BODY + more
    answer = client.post("/note", data=body, content_type=kind, headers=HEADERS["a token"])
    assert answer.status_code == (413 if more else 200)
    assert [entry.note.text for entry in Spool().entries()] == ([] if more else [text.decode()])


@pytest.mark.parametrize("wrong", list(WRONGS))
def test_while_the_memory_cannot_be_read_the_page_says_so_and_the_ear_takes_notes(
    workspace: Workspace, wrong: str
) -> None:
    WRONGS[wrong](workspace)
    page = Browser(web.create_app(workspace.config)).get("/")
    assert page.status == 503
    assert "Try:" in page.text
    answer = create_capture_app(workspace.config).test_client().post("/note", json={"text": "a"})
    assert answer.status_code == 200
    assert [entry.note.text for entry in Spool().entries()] == ["a"]


@pytest.mark.parametrize(
    "text",
    ["one line", "one line\n", "# T\n" + "".join(f"- line {n} of all\n" for n in range(20_000))],
    ids=["one line", "one whole line", "20,000 lines"],
)
def test_a_memory_of_any_length_is_shown_edited_and_restored(
    browser: Browser, workspace: Workspace, text: str
) -> None:
    set_memory(workspace, text)
    assert text.rsplit("- ", maxsplit=1)[-1].strip() in browser.get("/").text
    assert browser.get("/api/memory").status == 200
    edited = text.rstrip("\n") + " and more" + "\n" * text.endswith("\n")
    assert "1 line added" in reviewed(browser, edited).text
    assert saved(browser, edited).headers["Location"].startswith("/?said=saved")
    assert memory_bytes(workspace) == edited.encode()
    [step] = browser.client.get("/api/history", environ_overrides=browser.environ).json["backups"]
    form = browser.get(f"/history/{step['name']}/restore").form(f"/history/{step['name']}/restore")
    assert browser.submit(form).headers["Location"].startswith("/?said=restored")
    assert memory_bytes(workspace) == text.encode()


class Tab:
    """A person who adds lines in the editor, again and again, whatever comes between."""

    def __init__(self, app: Flask, name: str) -> None:
        self.browser, self.name = Browser(app), name
        self.told_saved: list[str] = []

    def add(self, number: int) -> None:
        """Add one line; it is in the memory, or the page hands it back and it is merged in."""
        line = f"- {self.name} {number}"
        form = self.browser.get("/edit").form("/review")
        page = self.browser.submit(form, text=f"{form.fields['text']}{line}\n")
        while page.status != 303:
            # Each page on the way has the line: nobody would have to write it again.
            action = "/save" if page.status == 200 else "/review"
            form = page.form(action)
            assert line in form.fields["text"]
            page = self.browser.submit(form, to="/merge" if page.status == 409 else action)
        assert page.headers["Location"].startswith("/?said=saved")
        self.told_saved.append(line)


@pytest.mark.torture
@pytest.mark.parametrize("rounds", [ROUNDS // GAMES] * GAMES)
def test_two_tabs_and_a_refresh_at_once_lose_no_text(
    app: Flask, workspace: Workspace, rounds: int
) -> None:
    tabs = [Tab(app, "one"), Tab(app, "two")]
    at_once = threading.Barrier(3)
    failed: list[BaseException] = []

    def refreshing(number: int) -> None:
        log.append(workspace, notes.make_note(f"note {number}", clock.now()))
        run.merge_pending(workspace)

    def play(act: object) -> None:
        try:
            for number in range(rounds):
                at_once.wait(60)
                act(number)  # type: ignore[operator]
        except BaseException as error:
            failed.append(error)
            at_once.abort()

    acts = [tabs[0].add, tabs[1].add, refreshing]
    threads = [threading.Thread(target=play, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    run.merge_pending(workspace)
    lines = store.read(workspace).text.splitlines()
    for name, number in product(("one", "two"), range(rounds)):
        assert lines.count(f"- {name} {number}") == 1
    for number in range(rounds):
        assert sum(line.endswith(f": note {number}") for line in lines) == 1
    assert set(SAMPLE.splitlines()) <= set(lines)
