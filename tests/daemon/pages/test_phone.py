"""The phone page pairs phones: it makes a code, lists who is paired, revokes and retires."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from memsync.config import Config
from memsync.config.workspace import Workspace
from memsync.daemon import web
from memsync.daemon.phones import codes, phone_list
from memsync.daemon.phones.phone_list import FILE, PhoneList
from tests.daemon.conftest import PASSWORD
from tests.support.browser import Browser, Page

LAN = "192.168.1.20:5000"


@pytest.fixture
def at_home(workspace: Workspace) -> Browser:
    """A browser that reached the page by an address of this machine on the network."""
    return Browser(
        web.create_app(with_daemon(workspace.config, capture_token="shared", allowed_hosts=(LAN,))),
        host=LAN,
    )


def with_daemon(config: Config, **values: object) -> Config:
    return replace(config, daemon=replace(config.daemon, **values))


def make_code(browser: Browser) -> Page:
    return browser.submit(browser.get("/phone").form("/phone/code"))


def code_on(page: Page) -> str:
    found = re.search(r"#([A-Z2-9]{4}-[A-Z2-9]{4})\"", page.html)
    assert found is not None
    return found[1]


def test_a_code_is_shown_once_as_a_picture_and_to_type(at_home: Browser) -> None:
    page = make_code(at_home)
    assert page.status == 200
    code = code_on(page)
    assert code in page.text
    assert "http://192.168.1.20:5001/pair" in page.text
    [picture] = [i for i in page.all("img") if "pairs" in i.attributes["alt"]]
    assert picture.attributes["src"].startswith("data:image/svg+xml")
    assert code not in at_home.get("/phone").html
    assert codes.use_code(code)


def test_the_code_is_in_the_fragment_alone(at_home: Browser) -> None:
    page = make_code(at_home)
    code = code_on(page)
    for match in re.finditer(re.escape(code), page.html):
        before = page.html[match.start() - 1]
        assert before in "#>"


def test_who_is_not_logged_in_makes_no_code_and_revokes_nobody(locked: Config) -> None:
    phone_list.pair_phone("ada")
    browser = Browser(web.create_app(locked))
    token = browser.get("/login").form("/login").fields["csrf_token"]
    for path in ("/phone/code", "/phone/ada/revoke", "/phone/shared"):
        assert browser.post(path, {"csrf_token": token}).headers["Location"] == "/login"
    assert [phone.name for phone in PhoneList().current().paired] == ["ada"]
    assert not PhoneList().current().shared_retired
    browser.log_in(PASSWORD)
    assert make_code(browser).status == 200


def test_phones_are_listed_and_revoked(at_home: Browser) -> None:
    assert "None yet" in at_home.get("/phone").text
    for name in ("ada", "eve"):
        phone_list.pair_phone(name)
    page = at_home.get("/phone")
    assert [h.text for h in page.all("h3")] == ["ada", "eve"]
    assert "not used yet" in page.text
    assert not re.search(r"sha256|[0-9a-f]{64}", page.html)
    done = at_home.submit(page.form("/phone/ada/revoke"))
    assert done.headers["Location"] == "/phone?said=revoked"
    assert [phone.name for phone in PhoneList().current().paired] == ["eve"]
    assert "is refused from now on" in at_home.get("/phone?said=revoked").text
    # The same button on a page that was open meanwhile.
    assert at_home.submit(page.form("/phone/ada/revoke")).headers["Location"].endswith("revoked")


def test_the_shared_token_is_retired_and_brought_back(at_home: Browser) -> None:
    def press() -> Page:
        [form] = [f for f in at_home.get("/phone").forms if f.action == "/phone/shared"]
        [button] = [b for b in at_home.get("/phone").all("button") if b.attributes.get("name")]
        return at_home.submit(form, retire=button.attributes["value"])

    press()
    assert PhoneList().current().shared_retired
    assert "is retired" in at_home.get("/phone").text
    press()
    assert not PhoneList().current().shared_retired


def test_where_no_token_is_shared_there_is_none_to_retire(workspace: Workspace) -> None:
    browser = Browser(web.create_app(with_daemon(workspace.config, capture_token="")))
    assert "whoever is on your network may add notes" in browser.get("/phone").text
    phone_list.pair_phone("ada")
    page = browser.get("/phone")
    assert "whoever is on your network" not in page.text
    assert "/phone/shared" not in [form.action for form in page.forms]


def test_without_a_note_port_there_is_nothing_to_pair_with(workspace: Workspace) -> None:
    browser = Browser(web.create_app(with_daemon(workspace.config, capture_enabled=False)))
    token = browser.get("/").form("/notes").fields["csrf_token"]
    assert browser.post("/phone/code", {"csrf_token": token}).status == 404


def test_a_damaged_list_is_told_with_what_to_do(at_home: Browser) -> None:
    page = at_home.get("/phone")
    phone_list.pair_phone("ada")
    FILE.path.write_bytes(b"{")
    for shown in (at_home.get("/phone"), at_home.submit(page.form("/phone/code"))):
        assert shown.status >= 500
        assert "list of paired phones is damaged" in shown.text
        assert str(FILE.path) in shown.text
