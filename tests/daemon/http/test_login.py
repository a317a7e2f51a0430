"""Getting in: the password, the session, and whoever guesses."""

from __future__ import annotations

import logging
import re
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask

from memsync.config import Config, state
from memsync.config.state_file import StateFile
from memsync.config.workspace import Workspace
from memsync.daemon import web
from memsync.daemon.http import login, passwords
from memsync.daemon.http.guard import Backoff
from memsync.refresh import pending
from memsync.text.digest import digest
from tests.conftest import SAMPLE
from tests.daemon.conftest import (
    FORM_PATHS,
    PASSWORD,
    memory_bytes,
    token_of,
)
from tests.support.browser import Browser
from tests.support.net import send, served


def test_without_a_password_nobody_is_asked(browser: Browser) -> None:
    assert browser.get("/").status == 200
    assert browser.get("/login").headers["Location"] == "/"
    assert "Log out" not in browser.get("/").text


@pytest.mark.parametrize("path", ["/", "/edit", "/nope", "/?said=saved", "/save", "/logout"])
def test_with_a_password_every_page_leads_to_the_login(locked: Config, path: str) -> None:
    page = Browser(web.create_app(locked)).get(path)
    assert page.status == 303
    assert page.headers["Location"] == "/login"
    assert "Ada" not in page.html


@pytest.mark.parametrize("path", FORM_PATHS)
def test_with_a_password_no_form_is_taken_from_a_stranger(
    locked: Config, workspace: Workspace, path: str
) -> None:
    browser = Browser(web.create_app(locked))
    token = browser.get("/login").form("/login").fields["csrf_token"]
    fields = {"csrf_token": token, "based_on": digest(SAMPLE.encode())}
    assert browser.post(path, fields).headers["Location"] == "/login"
    page = browser.post(path, {**fields, "text": "mine"})
    assert page.status == 401
    assert memory_bytes(workspace) == SAMPLE.encode()
    assert pending.pending_notes(workspace) == []


def test_static_files_and_the_login_page_are_for_everybody(locked: Config) -> None:
    browser = Browser(web.create_app(locked))
    assert browser.client.get("/static/page.css", buffered=True).status_code == 200
    page = browser.get("/login")
    assert page.status == 200
    assert "Ada" not in page.html
    assert not page.all("nav")


def test_the_password_opens_and_logging_out_closes(locked: Config) -> None:
    browser = Browser(web.create_app(locked))
    page = browser.log_in(PASSWORD)
    assert page.headers["Location"] == "/"
    cookie = page.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "Secure" not in cookie
    home = browser.follow(page)
    assert "Ada" in home.text
    assert browser.get("/login").headers["Location"] == "/"
    assert browser.submit(home.form("/logout")).headers["Location"] == "/login"
    assert browser.get("/").headers["Location"] == "/login"


@pytest.mark.parametrize("wrong", ["", " ", PASSWORD + " ", PASSWORD.upper(), "x" * 5_000, "\0"])
def test_another_password_does_not_open(locked: Config, wrong: str) -> None:
    browser = Browser(web.create_app(locked))
    page = browser.log_in(wrong)
    assert page.status == 401
    assert "Wrong password" in page.text
    assert browser.get("/").headers["Location"] == "/login"


def test_logging_in_needs_the_token_of_the_form(locked: Config) -> None:
    browser = Browser(web.create_app(locked))
    browser.get("/login")
    assert browser.post("/login", {"password": PASSWORD}).status == 400
    assert browser.get("/").headers["Location"] == "/login"


def test_the_token_is_a_new_one_after_logging_in(locked: Config) -> None:
    browser = Browser(web.create_app(locked))
    before = browser.get("/login").form("/login").fields["csrf_token"]
    browser.log_in(PASSWORD)
    assert browser.post("/notes", {"csrf_token": before, "text": "x"}).status == 400
    token = token_of(browser.get("/"))
    assert browser.post("/notes", {"csrf_token": token, "text": "x"}).status == 303


def test_a_session_given_to_the_victim_is_not_in_after_the_victim_logged_in(
    locked: Config,
) -> None:
    app = web.create_app(locked)
    attacker = Browser(app)
    attacker.get("/login")
    planted = attacker.client.get_cookie("memsync")
    assert planted is not None
    victim = Browser(app)
    victim.client.set_cookie("memsync", planted.value)
    victim.log_in(PASSWORD)
    assert victim.get("/").status == 200
    assert attacker.get("/").headers["Location"] == "/login"


def test_guesses_at_once_are_counted_one_by_one(locked: Config) -> None:
    app = web.create_app(locked)
    guessers = [Browser(app, address="192.168.1.66") for _ in range(16)]
    forms = [guesser.get("/login").form("/login") for guesser in guessers]
    statuses: list[int] = []

    def guess(number: int) -> None:
        answer = guessers[number].submit(forms[number], password="guess")
        statuses.append(answer.status)

    threads = [threading.Thread(target=guess, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [401] * Backoff.FREE + [429] * (16 - Backoff.FREE)


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Real-IP", "Forwarded", "Client-IP"])
def test_no_header_makes_a_guesser_somebody_else(locked: Config, header: str) -> None:
    with served(web.create_app(locked)) as port:
        page = send(port, "GET", "/login")
        token = re.search(rb'name="csrf_token" value="([^"]+)"', page.body)
        assert token is not None
        sent = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Cookie": page.headers["set-cookie"].partition(";")[0],
        }
        body = b"password=guess&csrf_token=" + token[1]
        statuses = [
            send(port, "POST", "/login", body, {**sent, header: f"for=10.0.0.{number}"}).status
            for number in range(Backoff.FREE + 2)
        ]
    assert statuses == [401] * Backoff.FREE + [429] * 2


def test_the_cookie_is_for_this_site_and_no_script(locked: Config) -> None:
    browser = Browser(web.create_app(locked))
    for page in (browser.get("/login"), browser.log_in(PASSWORD)):
        flags = page.headers["Set-Cookie"].split("; ")[1:]
        assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(flags)
        assert not any(flag.startswith("Domain") for flag in flags)


def test_wrong_passwords_are_slowed_down_for_their_address_alone(
    workspace: Workspace, locked: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(login, "Backoff", lambda: Backoff(lambda: now[0]))
    app = web.create_app(locked)
    guesser = Browser(app, address="192.168.1.66")
    assert [guesser.log_in(f"guess {n}").status for n in range(7)] == [401] * 5 + [429] * 2
    page = guesser.log_in(PASSWORD)
    assert page.status == 429
    assert page.headers["Retry-After"] == "30"
    assert "Wait 30 seconds" in page.text
    assert Browser(app, address="192.168.1.50").log_in(PASSWORD).status == 303
    now[0] += 30
    assert guesser.log_in(PASSWORD).status == 303


def test_a_changed_password_logs_everybody_out(locked: Config) -> None:
    old = Browser(web.create_app(locked))
    old.log_in(PASSWORD)
    cookie = old.client.get_cookie("memsync")
    assert cookie is not None
    for password, expected in ((PASSWORD, 200), ("another", 303)):
        daemon = replace(locked.daemon, web_ui_password=password)
        client = web.create_app(replace(locked, daemon=daemon)).test_client()
        client.set_cookie("memsync", cookie.value)
        assert client.get("/").status_code == expected


def test_a_session_of_the_time_without_a_password_is_none(
    workspace: Workspace, locked: Config
) -> None:
    free = Browser(web.create_app(workspace.config))
    free.get("/")
    cookie = free.client.get_cookie("memsync")
    assert cookie is not None
    client = web.create_app(locked).test_client()
    client.set_cookie("memsync", cookie.value)
    assert client.get("/").status_code == 303


def test_what_was_written_is_handed_back_where_the_session_ended_meanwhile(
    locked: Config,
) -> None:
    browser = Browser(web.create_app(locked))
    browser.log_in(PASSWORD)
    form = browser.get("/edit").form("/review")
    browser.submit(browser.get("/").form("/logout"))
    page = browser.submit(form, text="mine\n")
    assert page.status == 401
    assert page.by_id("kept").text == "mine\n"
    assert "You are logged out" in page.text
    assert "Ada" not in page.html


def test_logging_in_leads_nowhere_but_home(locked: Config) -> None:
    browser = Browser(web.create_app(locked))
    form = browser.get("/login?next=//evil.example").form("/login")
    assert form.action == "/login"
    page = browser.submit(form, to="/login?next=//evil.example", password=PASSWORD)
    assert page.headers["Location"] == "/"


def test_the_cookie_does_not_help_to_guess_the_password(locked: Config) -> None:
    browser = Browser(web.create_app(locked))
    page = browser.log_in(PASSWORD)
    assert digest(PASSWORD.encode()) not in page.headers["Set-Cookie"]
    assert PASSWORD not in page.headers["Set-Cookie"]


def test_a_page_that_fails_is_not_logged_with_what_was_sent(
    browser: Browser, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    browser.submit(browser.get("/edit").form("/review"), text="my secret text\n")
    assert "my secret text" not in caplog.text


def test_a_hashed_password_opens_as_the_plain_one_does(workspace: Workspace) -> None:
    daemon = replace(workspace.config.daemon, web_ui_password=passwords.hash_password(PASSWORD))
    app = web.create_app(replace(workspace.config, daemon=daemon))
    assert Browser(app).log_in("another").status == 401
    assert Browser(app).log_in(daemon.web_ui_password).status == 401
    assert Browser(app).log_in(PASSWORD).status == 303


def test_logging_out_everywhere_ends_every_session_and_outlives_a_restart(locked: Config) -> None:
    app = web.create_app(locked)
    here, elsewhere = Browser(app), Browser(app)
    for browser in (here, elsewhere):
        browser.log_in(PASSWORD)
    old = here.client.get_cookie("memsync")
    page = here.submit(here.get("/").form("/logout/everywhere"))
    assert page.headers["Location"] == "/login"
    assert elsewhere.get("/").headers["Location"] == "/login"
    restarted = web.create_app(locked).test_client()
    restarted.set_cookie("memsync", old.value)
    assert restarted.get("/").status_code == 303
    assert here.log_in(PASSWORD).status == 303
    assert here.get("/").status == 200


def cookie_of(browser: Browser) -> str:
    cookie = browser.client.get_cookie(login.COOKIE)
    assert cookie is not None
    return cookie.value


def is_let_in(app: Flask, cookie: str) -> bool:
    client = app.test_client()
    client.set_cookie(login.COOKIE, cookie)
    return client.get("/").status_code == 200


def test_a_session_outlives_a_restart_and_a_copied_cookie_does_not_outlive_log_out(
    locked: Config,
) -> None:
    app = web.create_app(locked)
    here, elsewhere = Browser(app), Browser(app)
    for browser in (here, elsewhere):
        browser.log_in(PASSWORD)
    copied = cookie_of(here)
    assert is_let_in(web.create_app(locked), copied)
    here.submit(here.get("/").form("/logout"))
    for present in (app, web.create_app(locked)):
        assert not is_let_in(present, copied)
        assert is_let_in(present, cookie_of(elsewhere))


@pytest.mark.parametrize("damage", [b"", b"{", b"{}", b"null", b"\xff\0", None])
def test_a_file_of_sessions_that_is_lost_or_damaged_lets_nobody_in(
    locked: Config, damage: bytes | None
) -> None:
    app = web.create_app(locked)
    browser = Browser(app)
    browser.log_in(PASSWORD)
    revoked = cookie_of(browser)
    browser.submit(browser.get("/").form("/logout/everywhere"))
    browser.log_in(PASSWORD)
    path = state.state_folder() / "web.sessions"
    path.unlink() if damage is None else path.write_bytes(damage)
    again = web.create_app(locked)
    assert not is_let_in(again, revoked)
    assert not is_let_in(again, cookie_of(browser))
    assert Browser(again).log_in(PASSWORD).status == 303


@pytest.mark.parametrize("form", ["/logout", "/logout/everywhere"])
def test_a_full_disk_does_not_keep_a_session_open(
    locked: Config, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that cannot be written can still be removed; then a restart opens no session."""
    app = web.create_app(locked)
    browser = Browser(app)
    browser.log_in(PASSWORD)
    copied = cookie_of(browser)
    home = browser.get("/")
    monkeypatch.setattr(StateFile, "save", full_disk)
    assert browser.submit(home.form(form)).headers["Location"] == "/login"
    for present in (app, web.create_app(locked)):
        assert not is_let_in(present, copied)


def test_a_log_out_that_the_disk_forgets_says_so_and_holds_until_the_restart(
    locked: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = web.create_app(locked)
    browser = Browser(app)
    browser.log_in(PASSWORD)
    copied = cookie_of(browser)
    home = browser.get("/")
    monkeypatch.setattr(StateFile, "save", full_disk)
    monkeypatch.setattr(Path, "unlink", full_disk)
    page = browser.submit(home.form("/logout/everywhere"))
    assert page.status == 503
    assert "a restart would open it again" in page.text
    assert not is_let_in(app, copied)
    assert browser.get("/").headers["Location"] == "/login"


def full_disk(*_: object, **__: object) -> None:
    raise OSError(28, "No space left on device")


def test_who_is_logged_in_is_not_locked_out_by_a_guesser_at_the_same_address(
    locked: Config,
) -> None:
    app = web.create_app(locked)
    person, guesser = Browser(app), Browser(app)
    person.log_in(PASSWORD)
    assert [guesser.log_in("guess").status for _ in range(6)][-1] == 429
    assert person.get("/").status == 200
    assert person.submit(person.get("/").form("/notes"), text="still here").status == 303


@pytest.mark.parametrize("path", ["/login", "/save", "/nope"])
def test_before_a_login_eight_kibibytes_are_read(locked: Config, path: str) -> None:
    browser = Browser(web.create_app(locked))
    token = browser.get("/login").form("/login").fields["csrf_token"]
    for size, refused in ((7 * 1024, False), (8 * 1024, True)):
        page = browser.post(path, {"csrf_token": token, "text": "x" * size}, multipart=False)
        assert (page.status == 413) == refused


@pytest.mark.parametrize("path", ["/login", "/save", "/notes"])
@pytest.mark.parametrize("kind", ["open", "locked"])
def test_a_form_of_more_than_a_hundred_fields_is_not_taken_apart(
    workspace: Workspace, locked: Config, path: str, kind: str
) -> None:
    browser = Browser(web.create_app(locked if kind == "locked" else workspace.config))
    for count, refused in ((100, False), (101, True)):
        page = browser.post_pairs(path, [("a", "")] * count)
        assert (page.status == 413) == refused, page.html
