"""A phone is paired in a real browser: by the code of the Phone page, with a script or by hand."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import Events, sync_api
from tests.browser.test_accessibility import is_for_everybody
from tests.browser.test_the_whole_path import EVERYWHERE, fits
from tests.support.lodger import Lodger
from tests.support.net import until

playwright = sync_api()
expect = playwright.expect

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page


def make_code(page: Page, lodger: Lodger, host: str) -> str:
    """Make a code on the Phone page and return the address in the QR code."""
    page.goto(lodger.url(host, "/phone"))
    page.get_by_role("button", name="Make a code").click()
    code = page.get_by_role("img", name="pairs a phone")
    assert code.evaluate("image => image.naturalWidth")
    assert fits(page)
    address = page.get_by_role("link", name="pair this one").get_attribute("href")
    assert address is not None
    return re.sub(r"//[^:/]*", f"//{host}", address)


@EVERYWHERE
def test_a_phone_pairs_and_its_page_needs_no_token(
    lodger: Lodger, window: BrowserContext, host: str, request: pytest.FixtureRequest
) -> None:
    kind = request.node.callspec.params["window"]
    address, _, code = make_code(window.new_page(), lodger, host).partition("#")
    phone = window.new_page()
    asked: list[str] = []
    phone.on("request", lambda sent: asked.append(sent.url))
    phone.goto(f"{address}#{code}")
    if "without" in kind:
        phone.get_by_label("Code").fill(code)
    expect(phone.get_by_label("Code")).to_have_value(code)
    assert ("#" in phone.evaluate("location.href")) == ("without" in kind)
    phone.get_by_label("Name of this phone").fill("Ada's phone")
    phone.get_by_role("button", name="Pair").click()
    expect(phone.get_by_role("status")).to_contain_text("adas-phone")
    assert phone.get_by_label("Token").input_value()
    assert fits(phone)
    phone.get_by_role("link", name="add a note").click()
    expect(phone.get_by_label("Token")).to_have_count(0)
    phone.get_by_label("What should every agent know").fill("Prefers uv")
    phone.get_by_role("button", name="Add note").click()
    expect(phone.get_by_role("status")).to_contain_text("Noted at")
    phone.get_by_label("What should every agent know").fill("Out of a newsletter")
    phone.get_by_label("Somebody else wrote this").check()
    phone.get_by_role("button", name="Add note").click()
    expect(phone.get_by_role("status")).to_contain_text("waits for your word")
    until(lambda: any(b"(captured: adas-phone, held)" in log for log in lodger.logs().values()))
    assert any(b"(captured: adas-phone)" in log for log in lodger.logs().values())
    assert asked
    assert not any(code in url.partition("#")[0] for url in asked)


def test_the_script_has_no_part_in_the_cookie(
    lodger: Lodger, desktop: BrowserContext, events: Events
) -> None:
    page = desktop.new_page()
    phone = desktop.new_page()
    phone.goto(make_code(page, lodger, "localhost"))
    phone.get_by_role("button", name="Pair").click()
    expect(phone.get_by_role("status")).to_be_visible()
    assert "memsync-phone" not in phone.evaluate("document.cookie")
    [cookie] = [c for c in desktop.cookies() if c["name"] == "memsync-phone"]
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")


def test_a_second_code_scanned_into_the_open_page_takes_the_place_of_the_first(
    lodger: Lodger, desktop: BrowserContext
) -> None:
    page, phone = desktop.new_page(), desktop.new_page()
    for _ in range(2):
        address = make_code(page, lodger, "localhost")
        phone.goto(address)
        expect(phone.get_by_label("Code")).to_have_value(address.partition("#")[2])


@pytest.mark.parametrize("code", ["", "WRONG"])
def test_the_pages_of_the_pairing_are_for_everybody(
    lodger: Lodger, desktop: BrowserContext, code: str
) -> None:
    page, phone = desktop.new_page(), desktop.new_page()
    address, _, right = make_code(page, lodger, "localhost").partition("#")
    is_for_everybody(page)
    phone.goto(address)
    is_for_everybody(phone)
    phone.get_by_label("Code").fill(code or right)
    phone.get_by_role("button", name="Pair").click()
    is_for_everybody(phone)
    phone.goto(address.removesuffix("pair"))
    is_for_everybody(phone)
    page.goto(lodger.url(path="/phone"))
    is_for_everybody(page)
