"""The page of the note port: one box, for phones that have no Shortcut; it needs no script.

It knows nothing of the memory: who opens it sees a box, and adds a note only with the token.
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
"""What the page needs beside itself; the same as the other port's pages have."""


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
    """Return the file at an address of the port; None where there is none."""
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
        status: what is answered.
        asks_token: whether a note must bring the token.
        noted: when a note was kept, where one was.
        waits: whether that waits for the sync folder; empty where it does not.
        problem: why a note was not kept, where it was not.
        text: what somebody wrote that is not kept yet.
    """
    html = _templates.get_template("ear.html").render(
        asks_token=asks_token,
        is_token_wrong=status == HTTPStatus.UNAUTHORIZED,
        key=secrets.token_urlsafe(12),
        noted=noted,
        waits=waits,
        problem=f"{problem[:1].upper()}{problem[1:]}." if problem else "",
        text=text.replace("\0", ""),
    )
    return html.encode()
