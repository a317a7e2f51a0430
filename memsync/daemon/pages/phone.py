"""Phone: everything a phone needs to send notes: a code that pairs it, addresses, tokens, steps."""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import segno
from flask import Response, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from memsync import clock
from memsync.config import Config
from memsync.config.credentials import capture_token
from memsync.config.workspace import Workspace
from memsync.daemon.http import addresses, tokens
from memsync.daemon.pages.page import Page, back_to, site
from memsync.daemon.phones import codes, phone_list
from memsync.daemon.phones.phone_list import Phones
from memsync.errors import MemsyncError, WrongUsageError
from memsync.notes import reader
from memsync.text.mark import PAGE
from memsync.text.note import Note, clean, make_note

HEADER = "X-Memsync-Token"
LOOKS_FOR = 15
"""How many times the page checks whether a note arrived, once a second."""


@dataclass(frozen=True)
class Setup:
    """What a phone needs to know: the addresses, and the shared token.

    `note_url` and `pair_url` are None if no port takes notes. `is_here_only` if only this machine
    can reach that port. `token` is empty if there is none, or if only its hash is kept here.
    """

    note_url: str | None
    pair_url: str | None
    page_url: str
    token: str
    has_shared_token: bool
    asks_token: bool
    is_here_only: bool


@dataclass(frozen=True)
class ShownCode:
    """A code that pairs a phone, shown once: to type, until when it is good, and as a QR code."""

    text: str
    until: datetime
    picture: str


page = Page(
    __name__,
    "Phone",
    90,
    messages={
        "revoked": "Revoked. A note with that phone's token is refused from now on.",
        "shared-retired": "Retired. Only paired phones send notes now.",
        "shared-back": "The shared token is let in again.",
    },
)


@page.index("/phone")
def show_setup() -> ResponseReturnValue:
    """Show how a phone sends notes, and whether the test note arrived."""
    return _phone_page()


@page.post("/phone/code")
def make_pairing_code() -> ResponseReturnValue:
    """Make a code and show it; it is kept nowhere, so no other page can show it again."""
    paired = phone_list.read_phones()  # damaged, they would take no phone: say so before
    address = _setup(site().config, paired).pair_url
    if address is None:
        abort(404)
    text, until = codes.make_code()
    picture = _drawn(f"{address}#{text}").svg_data_uri(
        scale=6, border=3, dark="#000", light="#fff", xmldecl=False
    )
    return _phone_page(ShownCode(text, until, picture))


@page.post("/phone/<name>/revoke")
def revoke(name: str) -> ResponseReturnValue:
    """Take a phone's token back; of one that is revoked already, say the same."""
    with contextlib.suppress(WrongUsageError):
        phone_list.revoke_phone(name)
    return back_to("phone", "revoked")


@page.post("/phone/shared")
def change_shared_token() -> ResponseReturnValue:
    """Retire the token that all programs share, or let it in again."""
    is_retired = request.form.get("retire") != "no"
    phone_list.retire_shared(retired=is_retired)
    return back_to("phone", "shared-retired" if is_retired else "shared-back")


def _phone_page(code: ShownCode | None = None) -> ResponseReturnValue:
    config, paired = site().config, phone_list.read_phones()
    wanted = request.args.get("note", "")
    looked = request.args.get("look", 0, type=int)
    arrived = _arrived(config, wanted) if wanted else None
    waits = bool(wanted) and arrived is None
    looks_again = waits and 0 <= looked < LOOKS_FOR
    return render_template(
        "phone.html",
        setup=_setup(config, paired),
        code=code,
        phones=paired,
        header=HEADER,
        latest=_latest(config),
        arrived=arrived,
        waits=waits,
        again=url_for("phone.index", note=wanted, look=looked + 1) if looks_again else None,
    )


@page.get("/phone/qr.svg")
def note_qr_code() -> ResponseReturnValue:
    """Draw the address that takes notes as a QR code."""
    return _qr_code(_setup(site().config, Phones()).note_url)


@page.get("/phone/page.svg")
def page_qr_code() -> ResponseReturnValue:
    """Draw the address of this page as a QR code."""
    return _qr_code(_setup(site().config, Phones()).page_url)


@page.post("/phone/test")
def send_test_note() -> ResponseReturnValue:
    """Add the note that tests the way into the log."""
    text = request.form.get("text", "")
    if not clean(text):
        return back_to("phone", "empty-note")
    note = make_note(text, clock.now(), PAGE)
    site().keep_note(note)
    return redirect(url_for("phone.index", note=note.id) + "#test", code=303)


def _setup(config: Config, paired: Phones) -> Setup:
    """Return this machine's addresses, with the host name by which the person reached the page.

    That name is known to work on this network. Only if it is a loopback name, as in a browser on
    this machine, the name from the settings is shown.
    """
    capture, page = addresses.capture_url(config), addresses.web_url(config)
    token = capture_token(config)
    name = urlsplit(f"//{request.host}").hostname or ""
    is_here_only = config.daemon.capture_host in addresses.LOOPBACK
    if name and name not in addresses.LOOPBACK and not is_here_only:
        shown = f"[{name}]" if ":" in name else name
        page = f"http://{request.host}"
        capture = capture and f"http://{shown}:{config.daemon.capture_port}"
    return Setup(
        f"{capture}/note" if capture else None,
        f"{capture}/pair" if capture else None,
        f"{page or request.host_url.rstrip('/')}{url_for('phone.index')}",
        "" if tokens.is_token_hash(token) else token,
        bool(token),
        bool(token) or paired.is_decided,
        is_here_only,
    )


def _drawn(address: str) -> segno.QRCode:
    return segno.make(address, micro=False)


def _qr_code(address: str | None) -> ResponseReturnValue:
    if address is None:
        abort(404)
    drawn = io.BytesIO()
    _drawn(address).save(
        drawn, kind="svg", scale=6, border=3, dark="#000", light="#fff", xmldecl=False
    )
    return Response(drawn.getvalue(), mimetype="image/svg+xml")


def _recent(config: Config) -> list[Note]:
    """Return the notes of today and yesterday, newest first; none if they cannot be read."""
    today = clock.now().date()
    try:
        workspace = Workspace.open(config)
        days = (reader.read_day(workspace, today - timedelta(days=back)) for back in (0, 1))
        return [note for listed in days for note in reversed(listed)]
    except MemsyncError:
        return []


def _arrived(config: Config, wanted: str) -> Note | None:
    return next((note for note in _recent(config) if note.id == wanted), None)


def _latest(config: Config) -> Note | None:
    return next((note for note in _recent(config) if note.mark.way == "captured"), None)
