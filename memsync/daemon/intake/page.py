"""The page of the note port: one box for a note, for phones without a Shortcut; it uses no script.

It shows nothing of the memory: anybody may open it, but only the token adds a note.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from jinja2 import Environment, FileSystemLoader

from memsync.daemon.presenters.lines import for_browser

HERE = Path(__file__).parents[1]
FILES = {
    "/page.css": "text/css; charset=utf-8",
    "/icon.svg": "image/svg+xml",
    "/icon-192.png": "image/png",
}
"""The files the page needs; the web page uses the same."""


@dataclass(frozen=True)
class StaticFile:
    """A file as it goes over the wire."""

    data: bytes
    kind: str


_templates = Environment(
    loader=FileSystemLoader(HERE / "templates"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.filters["for_browser"] = for_browser


def static_file(path: str) -> StaticFile | None:
    """Return the file at a path of the port; None if there is none."""
    if path not in FILES:
        return None
    return StaticFile((HERE / "static" / path.removeprefix("/")).read_bytes(), FILES[path])


def render_page(
    status: HTTPStatus,
    *,
    asks_token: bool,
    noted: str = "",
    waits: str = "",
    problem: str = "",
    text: str = "",
) -> bytes:
    """Return the page.

    Args:
        status: the status of the answer.
        asks_token: whether a note needs the token.
        noted: when a note was kept; empty if none was.
        waits: not empty if that note waits for the sync folder.
        problem: why a note was not kept; empty if there was none or it was kept.
        text: what the person wrote that is not kept yet.
    """
    html = _templates.get_template("capture.html").render(
        asks_token=asks_token,
        is_token_wrong=status == HTTPStatus.UNAUTHORIZED,
        key=secrets.token_urlsafe(12),
        noted=noted,
        waits=waits,
        problem=f"{problem[:1].upper()}{problem[1:]}." if problem else "",
        text=text.replace("\0", ""),
    )
    return html.encode()
