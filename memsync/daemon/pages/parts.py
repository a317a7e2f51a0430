"""What the pages share: how much a form may carry, what a page may be told, and where it leads."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sized
from types import ModuleType

from flask import g, redirect, request, url_for
from flask.typing import ResponseReturnValue

from memsync.config import Config
from memsync.config.workspace import Workspace
from memsync.errors import MemsyncError
from memsync.text.note import Note

MAX_BODY = 1024 * 1024
MAX_TEXT = MAX_BODY - 8 * 1024
"""How long a memory the editor opens, as a browser sends it: a form has other fields, too."""

MESSAGES = {
    "noted": "Noted. The next refresh puts it into the memory.",
    "empty-note": "There was nothing in that note.",
    "saved": "Saved. The text before it is kept as a backup.",
    "saved-partly": "Saved, but not every agent could be told: see memsync targets list.",
    "unchanged": "Nothing to save: the memory reads just like that.",
    "restored": "Restored. The text before it is kept as a backup.",
    "applied": "Applied. The text before it is kept as a backup.",
    "applied-partly": "Not everything could be applied; what is left says why.",
    "dropped": "Dropped. The notes stay in the log.",
    "again": "The next refresh merges these notes once more.",
    "settled": "Decided. The text before it is kept as a backup.",
    "settled-as-is": "Decided. The memory stays as it is.",
    "settled-already": "That was decided already.",
    "moved": "The memory changed meanwhile, so nothing was decided: look at both texts once more.",
    "brought-in": "Brought in. What both sides changed is listed here; all else is in the memory.",
    "nothing-to-bring-in": "Every conflict copy is brought in already.",
    "nothing-chosen": "Nothing was chosen, or it is decided already.",
    "started": "Started. This page shows how it went as soon as it is done.",
    "runs-already": "That job runs already.",
}
"""All a page may be told by its address, by code: an address must not put words on the page."""

KeepNote = Callable[[Note], object]


def message() -> str | None:
    """Return what this request's address tells the page to say."""
    return MESSAGES.get(request.args.get("said", ""))


def late(name: str) -> ModuleType:
    """Return a module of memsync, loaded when first needed: it would delay the first answer."""
    return importlib.import_module(f"memsync.{name}")


def how_many(what: str, config: Config, listed: Callable[[Workspace], Sized]) -> int:
    """Return how many are listed, asked once a request; 0 where that cannot be told just now."""
    if what not in g:
        try:
            setattr(g, what, len(listed(Workspace.open(config))))
        except (MemsyncError, OSError):
            setattr(g, what, 0)
    return int(g.get(what))


def back_to(endpoint: str, said: str) -> ResponseReturnValue:
    """Lead to a page that then says what was done."""
    return redirect(url_for(endpoint, said=said), code=303)
