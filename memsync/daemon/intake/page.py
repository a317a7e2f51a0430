"""The pages of the note port: one box for a note, for phones without a Shortcut, and the pairing.

They show nothing of the memory: anybody may open them, but only a token adds a note. The box uses
no script.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from wsgiref.types import WSGIEnvironment

from jinja2 import Environment, FileSystemLoader

from memsync.daemon.intake.body import FORMS, kind_of
from memsync.daemon.presenters.lines import for_browser

HERE = Path(__file__).parents[1]
FILES = {
    "/page.css": ("page.css", "text/css; charset=utf-8"),
    "/pairing.js": ("page.js", "text/javascript; charset=utf-8"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
    "/icon-192.png": ("icon-192.png", "image/png"),
}
"""The files the pages need, each with its kind; the web page uses the same."""


@dataclass(frozen=True)
class StaticFile:
    """A file as it goes over the wire."""

    data: bytes
    kind: str


@dataclass(frozen=True)
class Box:
    """What the page with the box says.

    Attributes:
        asks_token: whether a note needs a token that the browser does not send by itself.
        phone: the name of the phone whose cookie the browser has.
        holds: whether each note from here waits for the person.
        noted: when a note was kept; empty if none was.
        is_held: whether that note waits for the person.
        is_spooled: whether it waits for the sync folder.
        problem: why a note was not kept; empty if there was none or it was kept.
        text: what the person wrote that is not kept yet.
    """

    asks_token: bool
    phone: str = ""
    holds: bool = False
    noted: str = ""
    is_held: bool = False
    is_spooled: bool = False
    problem: str = ""
    text: str = ""


_templates = Environment(
    loader=FileSystemLoader(HERE / "templates"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.filters["for_browser"] = for_browser
_templates.filters["sentence"] = lambda words: f"{words[:1].upper()}{words[1:]}."


def static_file(path: str) -> StaticFile | None:
    """Return the file at a path of the port; None if there is none."""
    if path not in FILES:
        return None
    name, kind = FILES[path]
    return StaticFile((HERE / "static" / name).read_bytes(), kind)


def is_for_a_person(environ: WSGIEnvironment) -> bool:
    """Did a browser send a page's form, so that a person sees the answer?"""
    return kind_of(environ) in FORMS and "text/html" in environ.get("HTTP_ACCEPT", "").lower()


def render_box(status: HTTPStatus, box: Box) -> bytes:
    """Return the page with the box; `status` is that of the answer."""
    return render_form(
        "capture.html",
        box=box,
        text=box.text.replace("\0", ""),
        is_token_wrong=status == HTTPStatus.UNAUTHORIZED,
        key=secrets.token_urlsafe(12),
    )


def render_form(template: str, **values: object) -> bytes:
    """Return a page of the note port made from a template and what it shows."""
    return _templates.get_template(template).render(values).encode()
