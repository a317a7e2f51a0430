"""A browser, a daemon of its own, and an eye on all that happens between them.

Without chromium or playwright the tests skip with the reason; with CI=true that is a failure.
"""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from tests.conftest import SAMPLE
from tests.support import chromium
from tests.support.lodger import Lodger
from tests.support.scale import some

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Dialog, Page

FOREIGN = ("evil.example", "localhost.evil.example", "127.0.0.1.evil.example")
OURS = {"localhost", "127.0.0.1", chromium.LAN_NAME}
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 800}
PASSWORD = "correct horse battery staple"


MUST_RUN = os.environ.get("CI") == "true" and sys.platform == "linux"


def sync_api() -> Any:
    """Return Playwright's module; where it is absent, skip the tests that ask for it."""
    if MUST_RUN:
        return importlib.import_module("playwright.sync_api")
    return pytest.importorskip("playwright.sync_api", reason="playwright is not installed")


@pytest.fixture(scope="package")
def chrome() -> Iterator[Browser]:
    # Ends with this package: its event loop would be in the way of other tests.
    reason = chromium.why_not()
    if reason and MUST_RUN:
        pytest.fail(f"CI has to run these: {reason}")
    if reason:
        pytest.skip(reason)
    with chromium.launched(FOREIGN) as browser:
        yield browser


@pytest.fixture
def lodger(tmp_path: Path, chrome: Browser) -> Iterator[Lodger]:
    """A machine whose page anybody on it may use, with the sample memory."""
    with Lodger(tmp_path / "machine", SAMPLE) as running:
        yield running


@pytest.fixture
def locked(tmp_path: Path, chrome: Browser) -> Iterator[Lodger]:
    """A machine whose page asks for a password."""
    with Lodger(tmp_path / "machine", SAMPLE, web_ui_password=PASSWORD) as running:
        yield running


@dataclass
class Events:
    """What came to pass in a context that should not have, in words."""

    wrongs: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    answer_dialog: Callable[[Dialog], None] = lambda dialog: dialog.dismiss()

    def watch(self, context: BrowserContext) -> None:
        context.on("request", lambda request: self._request(request.url))
        context.on("response", lambda answer: self._response(answer.url, answer.status))
        context.on("console", lambda m: self._console(m.type, m.text, m.location["url"]))
        context.on("weberror", lambda error: self.wrongs.append(f"script: {error.error}"))
        context.on("dialog", self._dialog)

    def check(self) -> None:
        assert self.wrongs == []
        assert self.foreign == []

    def _request(self, url: str) -> None:
        place = urlsplit(url)
        if place.scheme not in {"data", "blob", "about"} and place.hostname not in OURS:
            self.foreign.append(url)

    def _response(self, url: str, status: int) -> None:
        if status >= 400:
            self.refused.add(url)

    def _console(self, kind: str, text: str, url: str) -> None:
        # A page that is an error by its status is told in the console, too.
        is_status = text.startswith("Failed to load resource") and url in self.refused
        if kind in {"error", "warning"} and not is_status:
            self.wrongs.append(f"{kind}: {text} ({url})")

    def _dialog(self, dialog: Dialog) -> None:
        self.dialogs.append(dialog.type)
        self.answer_dialog(dialog)


@pytest.fixture
def events() -> Events:
    return Events()


WINDOWS = {
    "phone": {"viewport": PHONE, "has_touch": True, "is_mobile": True},
    "desktop": {"viewport": DESKTOP},
    "phone without JavaScript": {"viewport": PHONE, "java_script_enabled": False},
    "desktop without JavaScript": {"viewport": DESKTOP, "java_script_enabled": False},
}


BOTH = ("phone", "desktop without JavaScript")
"""What most stories are told in; the chief ones ask for all `WINDOWS`."""


@pytest.fixture(params=some(BOTH, 1))
def window(
    request: pytest.FixtureRequest, chrome: Browser, events: Events
) -> Iterator[BrowserContext]:
    """A window of each kind; nothing off the machine and no error may come to pass in it."""
    with opened(chrome, events, **WINDOWS[request.param]) as context:
        yield context
        events.check()


@pytest.fixture
def desktop(chrome: Browser, events: Events) -> Iterator[BrowserContext]:
    with opened(chrome, events, **WINDOWS["desktop"]) as context:
        yield context
        events.check()


@contextmanager
def opened(chrome: Browser, events: Events, **options: object) -> Iterator[BrowserContext]:
    """Open a window of its own, with an eye on it."""
    context = chrome.new_context(reduced_motion="reduce", **options)
    context.set_default_timeout(10_000)
    events.watch(context)
    try:
        yield context
    finally:
        context.close()


@pytest.fixture
def host(request: pytest.FixtureRequest) -> str:
    """What the page is called: on phones by its name on the network, else as on the machine."""
    kind = (
        request.node.callspec.params.get("window", "") if hasattr(request.node, "callspec") else ""
    )
    return chromium.LAN_NAME if "phone" in kind else "localhost"


@pytest.fixture
def page(window: BrowserContext) -> Page:
    return window.new_page()


def all_pages(page: Page, start: str) -> Iterator[str]:
    """Go to each kind of page that links lead to, and give its address."""
    todo, kinds = [start], {_kind(start)}
    while todo:
        url = todo.pop(0)
        page.goto(url)
        yield url
        for target in page.locator("a[href]").evaluate_all("links => links.map(a => a.href)"):
            place = urlsplit(target)
            if place.netloc == urlsplit(start).netloc and _kind(target) not in kinds:
                kinds.add(_kind(target))
                todo.append(place._replace(fragment="").geturl())


def _kind(url: str) -> tuple[str, ...]:
    """Return what addresses of one kind of page have in common: all but names and numbers."""
    place = urlsplit(url)
    keys = [part.partition("=")[0] for part in place.query.split("&")]
    return (re.sub(r"[0-9a-f]*[0-9][0-9a-f_-]*", "0", place.path), *keys)
