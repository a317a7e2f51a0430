"""A form is accepted only with the token of the session that it was made for."""

from __future__ import annotations

import pytest

from tests.daemon.conftest import token_of
from tests.support.browser import Browser


def test_every_form_of_a_session_has_its_token_and_another_session_another(app, browser):
    tokens = {token_of(browser.get("/")) for _ in range(3)}
    assert len(tokens) == 1
    foreign = token_of(Browser(app).get("/"))
    assert foreign not in tokens
    assert browser.post("/notes", {"csrf_token": foreign, "text": "x"}).status == 400
    assert browser.post("/notes", {"csrf_token": tokens.pop(), "text": "x"}).status == 303


@pytest.mark.parametrize(
    "tamper",
    [
        lambda token: token[:-4],
        lambda token: token + "AAAA",
        lambda token: ("B" if token[0] != "B" else "C") + token[1:],
        lambda token: token[: len(token) // 2],
        lambda _token: "",
        lambda token: "A" * len(token),
        lambda token: token + "\u00e4",
    ],
)
def test_a_token_that_was_tampered_with_is_none(browser, tamper):
    token = tamper(token_of(browser.get("/")))
    assert browser.post("/notes", {"csrf_token": token, "text": "x"}).status == 400
