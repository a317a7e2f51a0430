"""Long pages are short on their way, and their length tells no secret."""

from __future__ import annotations

import base64
import gzip

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from memsync.config.workspace import Workspace
from memsync.daemon.http.compression import COMPRESSED
from tests.daemon.conftest import set_memory, token_of

GZIP = {"Accept-Encoding": "gzip, deflate"}
LONG = "# Memory\n\n" + "".join(f"- line {number} of many\n" for number in range(1500))


@pytest.fixture
def client(app: Flask, workspace: Workspace) -> FlaskClient:
    set_memory(workspace, LONG)
    return app.test_client()


def get(client: FlaskClient, path: str, **headers: str) -> TestResponse:
    sent = {**GZIP, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return client.get(path, headers=sent, buffered=True)


@pytest.mark.parametrize("path", ["/", "/?said=saved", "/edit", "/static/page.css"])
def test_a_long_page_is_short_on_its_way_and_the_same_when_it_is_there(client, path):
    packed, plain = get(client, path), client.get(path, buffered=True)
    assert packed.headers["Content-Encoding"] == "gzip"
    assert int(packed.headers["Content-Length"]) == len(packed.data) < len(plain.data) / 2
    assert "Content-Encoding" not in plain.headers
    for answer in (packed, plain):
        assert "Accept-Encoding" in answer.vary
    shown, expected = gzip.decompress(packed.data), plain.data
    assert without_tokens(shown) == without_tokens(expected)


def without_tokens(data: bytes) -> bytes:
    """Return a page without what differs each time: the masked tokens of its forms."""
    lines = data.splitlines()
    return b"\n".join(line for line in lines if b'name="csrf_token"' not in line)


@pytest.mark.parametrize(
    "accepted", ["", "br", "identity", "gzip;q=0", "*;q=0", "gzip;q=x, br", "gzip;q=0, *"]
)
def test_who_does_not_take_gzip_gets_the_page_as_it_is(client, accepted):
    answer = get(client, "/", Accept_Encoding=accepted)
    assert "Content-Encoding" not in answer.headers
    assert "line 1499 of many" in answer.text
    assert "Accept-Encoding" in answer.vary


def test_a_short_page_and_a_picture_go_as_they_are(app, workspace):
    set_memory(workspace, "# Memory\n")
    for path in ("/static/icon-512.png", "/static/icon.svg"):
        assert "Content-Encoding" not in get(app.test_client(), path).headers


def test_a_file_that_a_browser_has_is_not_sent_again_in_either_form(client):
    for headers in (GZIP, {"Accept-Encoding": "identity"}):
        first = client.get("/static/page.css", headers=headers, buffered=True)
        tag = first.headers["ETag"]
        assert tag.startswith("W/")
        for accepted in ("gzip", "identity"):
            asked = {"If-None-Match": tag, "Accept-Encoding": accepted}
            again = client.get("/static/page.css", headers=asked, buffered=True)
            assert (again.status_code, again.data) == (304, b"")
            assert again.headers["ETag"] == tag
            assert "Accept-Encoding" in again.vary


def test_a_part_of_a_file_is_a_part_of_the_file(client):
    whole = client.get("/static/page.css", buffered=True).data
    part = get(client, "/static/page.css", Range="bytes=100-2099")
    assert part.status_code == 206
    assert "Content-Encoding" not in part.headers
    assert part.data == whole[100:2100]


def test_head_tells_the_length_of_what_get_would_send(client):
    head = client.head("/static/page.css", headers=GZIP, buffered=True)
    assert head.headers["Content-Encoding"] == "gzip"
    assert head.data == b""
    length = len(get(client, "/static/page.css").data)
    assert int(head.headers["Content-Length"]) == length


def test_what_repeats_words_of_a_request_is_never_compressed(client, browser):
    """The length of such an answer would tell letter by letter what else is on it (BREACH)."""
    word = "of many " * 200
    form = browser.get("/edit").form("/review")
    posts = {"/review": word, "/edit": word, "/save": word, "/merge": word, "/notes": " "}
    sent = {"csrf_token": form.fields["csrf_token"], "based_on": form.fields["based_on"]}
    for path, text in posts.items():
        answer = browser.client.post(path, data={**sent, "text": text}, headers=GZIP)
        assert "Content-Encoding" not in answer.headers, path
    paths = ("/?q={}", "/edit?x={}", "/notes?q={}", "/nowhere", "/?said={}&a")
    for path in (path.format(word) for path in paths):
        assert "Content-Encoding" not in get(client, path).headers, path


def test_nothing_else_is_compressed(app, client):
    """A new page has to be thought about first: it may show a note beside a secret."""
    paths = [
        rule.rule
        for rule in app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and not rule.arguments and rule.endpoint not in COMPRESSED
    ]
    assert {"/notes", "/phone", "/history", "/api/memory", "/login"} <= set(paths)
    for path in paths:
        assert "Content-Encoding" not in get(client, path).headers, path


def test_the_token_of_a_form_is_another_one_each_time_and_all_are_good(browser):
    pages = [browser.get("/") for _ in range(3)]
    tokens = {token_of(page) for page in pages}
    assert len(tokens) == 3
    assert not {token[:8] for token in tokens} & {token[-8:] for token in tokens}
    for number, token in enumerate(tokens):
        answer = browser.post("/notes", {"csrf_token": token, "text": f"note {number}"})
        assert answer.status == 303


@pytest.mark.parametrize(
    "tamper",
    [
        lambda token: token[:-4],
        lambda token: token + "AAAA",
        lambda token: ("B" if token[0] != "B" else "C") + token[1:],
        lambda token: token[: len(token) // 2],
        lambda token: base64.urlsafe_b64encode(base64.urlsafe_b64decode(token) + b"x").decode(),
        lambda token: "A" * len(token),
        lambda token: token + "\u00e4",
    ],
)
def test_a_token_that_was_tampered_with_is_none(browser, tamper):
    token = tamper(token_of(browser.get("/")))
    assert browser.post("/notes", {"csrf_token": token, "text": "x"}).status == 400
