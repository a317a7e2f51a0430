"""Phone: everything a phone needs to send notes, with the very values of this machine."""

from __future__ import annotations

import importlib
import io
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from flask import Flask, Response, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from memsync import clock
from memsync.config import Config
from memsync.config.credentials import capture_token
from memsync.config.workspace import Workspace
from memsync.daemon.http import addresses, tokens
from memsync.daemon.pages.parts import KeepNote, back_to
from memsync.errors import MemsyncError
from memsync.notes import reader
from memsync.text.note import Note, clean, make_note

HEADER = "X-Memsync-Token"
LOOKS_FOR = 15
"""Times the page looks again whether a note arrived, a second apart."""


@dataclass(frozen=True)
class Setup:
    """What a phone is told: where notes and the page are, and which token they need.

    `note_url` is None where no port takes notes; `is_here_only` where only this machine gets
    there; `token` is empty where none is asked for, or where only its hash is here.
    """

    note_url: str | None
    page_url: str
    token: str
    asks_token: bool
    is_here_only: bool


def install(app: Flask, config: Config, keep_note: KeepNote) -> None:
    """Add the page, its QR codes, and the note that tries the way into the log."""
    pages = _Pages(config, keep_note)
    app.add_url_rule("/phone", "phone", pages.phone)
    app.add_url_rule("/phone/qr.svg", "phone_qr", pages.note_code)
    app.add_url_rule("/phone/page.svg", "phone_page_qr", pages.page_code)
    app.add_url_rule("/phone/test", "phone_test", pages.test, methods=["POST"])


class _Pages:
    def __init__(self, config: Config, keep_note: KeepNote) -> None:
        self._config = config
        self._keep_note = keep_note

    def phone(self) -> ResponseReturnValue:
        wanted = request.args.get("note", "")
        looked = request.args.get("look", 0, type=int)
        arrived = _arrived(self._config, wanted) if wanted else None
        waits = bool(wanted) and arrived is None
        return render_template(
            "phone.html",
            setup=_setup(self._config),
            header=HEADER,
            latest=_latest(self._config),
            arrived=arrived,
            waits=waits,
            again=url_for("phone", note=wanted, look=looked + 1)
            if waits and 0 <= looked < LOOKS_FOR
            else None,
        )

    def note_code(self) -> ResponseReturnValue:
        return _code(_setup(self._config).note_url)

    def page_code(self) -> ResponseReturnValue:
        return _code(_setup(self._config).page_url)

    def test(self) -> ResponseReturnValue:
        text = request.form.get("text", "")
        if not clean(text):
            return back_to("phone", "empty-note")
        note = make_note(text, clock.now(), came_by="network")
        self._keep_note(note)
        return redirect(url_for("phone", note=note.id) + "#test", code=303)


def _setup(config: Config) -> Setup:
    """Return this machine's values, by the name under which the person reached the page.

    That name is known to work on this network; only where it is this machine's name for itself,
    as on its own screen, another has to be told.
    """
    capture, page = addresses.capture_url(config), addresses.web_url(config)
    token = capture_token(config)
    name = urlsplit(f"//{request.host}").hostname or ""
    if (
        name
        and name not in addresses.LOOPBACK
        and config.daemon.capture_host not in (addresses.LOOPBACK)
    ):
        shown = f"[{name}]" if ":" in name else name
        page = f"http://{request.host}"
        capture = capture and f"http://{shown}:{config.daemon.capture_port}"
    return Setup(
        f"{capture}/note" if capture else None,
        f"{page or request.host_url.rstrip('/')}{url_for('phone')}",
        "" if tokens.is_token_hash(token) else token,
        bool(token),
        config.daemon.capture_host in addresses.LOOPBACK,
    )


def _code(address: str | None) -> ResponseReturnValue:
    if address is None:
        abort(404)
    # Late on purpose: the ports answer sooner without it.
    segno = importlib.import_module("segno")
    drawn = io.BytesIO()
    segno.make(address, micro=False).save(
        drawn, kind="svg", scale=6, border=3, dark="#000", light="#fff", xmldecl=False
    )
    return Response(drawn.getvalue(), mimetype="image/svg+xml")


def _recent(config: Config) -> list[Note]:
    """Return the notes of today and yesterday, newest first; none where they cannot be read."""
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
    return next((note for note in _recent(config) if note.is_captured), None)
