"""The page of a machine, a browser before it, and what can go wrong behind it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import replace

import pytest
from flask import Flask
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from memsync.config import Config
from memsync.config.workspace import Workspace
from memsync.daemon import web
from tests.support.browser import Browser, Page

FORM_PATHS = [
    "/notes",
    "/edit",
    "/review",
    "/merge",
    "/save",
    "/logout",
    "/logout/everywhere",
    "/history/20261123_000000/restore",
    "/conflicts",
    "/conflicts/0123456789",
    "/jobs/refresh/run",
    "/phone/test",
    "/phone/code",
    "/phone/shared",
    "/phone/ada/revoke",
]
PASSWORD = "correct \"horse\" 'battery' <staple> \\ \u00e4"
ON_ONE_MEMORY = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60
)


@pytest.fixture
def app(workspace: Workspace) -> Flask:
    return web.create_app(workspace.config)


@pytest.fixture
def browser(app: Flask) -> Browser:
    return Browser(app)


@pytest.fixture
def locked(workspace: Workspace) -> Config:
    """The config of a machine whose page asks for a password."""
    daemon = replace(workspace.config.daemon, web_ui_password=PASSWORD)
    return replace(workspace.config, daemon=daemon)


def memory_bytes(workspace: Workspace) -> bytes:
    return workspace.memory.read_bytes()


def set_memory(workspace: Workspace, text: str) -> None:
    workspace.memory.write_bytes(text.encode())


def reviewed(browser: Browser, text: str | None = None) -> Page:
    """Open the editor and send what stands there, or `text`, to the review."""
    form = browser.get("/edit").form("/review")
    return browser.submit(form) if text is None else browser.submit(form, text=text)


def saved(browser: Browser, text: str) -> Page:
    return browser.submit(reviewed(browser, text).form("/save"))


def token_of(page: Page) -> str:
    return page.form("/notes").fields["csrf_token"]


def shown(text: str) -> str:
    """Return what a text area makes of `text`."""
    return re.sub("\r\n?", "\n", text)


memories = st.text(
    st.one_of(
        st.sampled_from("\r\n\r\n\n\n#- `&<>\"'\t"),
        st.characters(exclude_characters="\0", exclude_categories=("Cs",)),
    ),
    min_size=1,
    max_size=200,
).filter(lambda text: bool(text.strip()) and bool(shown(text).encode().strip()))


def rename_root(workspace: Workspace) -> None:
    workspace.root.rename(workspace.root.with_name("elsewhere"))


def empty_root(workspace: Workspace) -> None:
    shutil.rmtree(workspace.root)
    workspace.root.mkdir()


WRONGS: dict[str, Callable[[Workspace], object]] = {
    "away": rename_root,
    "unmounted": empty_root,
    "missing": lambda w: w.memory.unlink(),
    "empty": lambda w: w.memory.write_bytes(b""),
    "blank": lambda w: w.memory.write_bytes(b" \n\n"),
    "nul": lambda w: w.memory.write_bytes(b"\0" * 100),
    "no utf-8": lambda w: w.memory.write_bytes(b"# T\n\xff\xfe"),
    "folder": lambda w: (w.memory.unlink(), w.memory.mkdir()),
    "placeholder": lambda w: w.memory.with_name(f".{w.memory.name}.icloud").touch(),
}
