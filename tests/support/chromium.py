"""A real browser that stays on this machine: Debian's chromium, driven by Playwright.

`why_not` says what is missing. No name is looked up but those given; nothing is fetched in the
background.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
LAN_NAME = "pi.local"
"""A plain-http name of the home network: to such names browsers send no Sec-Fetch-Site."""


def program() -> str | None:
    """Return the chromium of this system."""
    return next((path for name in PROGRAMS if (path := shutil.which(name))), None)


def why_not() -> str:
    """Return why no browser can be driven here; empty where one can."""
    if importlib.util.find_spec("playwright") is None:
        return "playwright is not installed"
    if program() is None:
        return "there is no chromium on this system"
    return ""


@contextmanager
def launched(foreign_names: Sequence[str] = ()) -> Iterator[Browser]:
    """Run a browser to which `foreign_names`, too, are this machine."""
    from playwright.sync_api import sync_playwright

    here = [f"MAP {name} 127.0.0.1" for name in (LAN_NAME, *foreign_names)]
    excluded = ["EXCLUDE localhost", "EXCLUDE 127.0.0.1", "EXCLUDE 0.0.0.0"]
    rules = ", ".join([*here, "MAP * ~NOTFOUND", *excluded])
    flags = [
        "--disable-quic",
        "--no-first-run",
        "--no-proxy-server",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        # The newest browsers keep some foreign pages from this machine; older ones do not.
        "--disable-features=LocalNetworkAccessChecks",
        f"--host-resolver-rules={rules}",
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        flags.append("--no-sandbox")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program(), args=flags)
        try:
            yield browser
        finally:
            browser.close()
