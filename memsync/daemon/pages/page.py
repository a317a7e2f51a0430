"""What a page is: a blueprint whose own module declares its name, its place and its messages.

Every module of this package that has a `page` is served (`web` looks for them), so a new page is
its module and its template.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sized
from dataclasses import dataclass
from typing import TypeVar

from flask import Blueprint, current_app, g, redirect, request, url_for
from flask.typing import ResponseReturnValue, RouteCallable

from memsync.config import Config
from memsync.config.workspace import Workspace
from memsync.daemon.http import limits
from memsync.errors import MemsyncError
from memsync.memory import fleet
from memsync.memory.publish import Published
from memsync.text.note import Note

MAX_BODY = limits.MEMORY
MAX_TEXT = MAX_BODY - 8 * 1024
"""The longest memory the editor opens, as a browser sends it: the form has other fields, too."""

MESSAGES = {
    "empty-note": "There was nothing in that note.",
    "saved-partly": "Saved, but not every agent could be updated: see memsync targets list.",
}
"""What more than one page says, by code."""

EXTENSION = "memsync"

View = TypeVar("View", bound=RouteCallable)
KeepNote = Callable[[Note], object]
Listed = Callable[[Workspace], Sized]


@dataclass(frozen=True)
class Site:
    """What all pages of one application share: settings, where notes go, messages by code."""

    config: Config
    keep_note: KeepNote
    messages: Mapping[str, str]


class Page(Blueprint):
    """A page with its addresses.

    Args:
        module: the name of its module; the last part becomes the name of the page.
        title: its name in the navigation; empty for a page that is not listed there.
        place: the navigation lists lower numbers first.
        messages: what the page can say after a form, by the code that its address carries. An
            address must not put words of its own on a page.
        waiting: lists what waits for a decision there; the navigation shows how many.
        only_while_waiting: list the page only while something waits, or while it is open.
    """

    def __init__(
        self,
        module: str,
        title: str = "",
        place: int = 0,
        *,
        messages: Mapping[str, str] | None = None,
        waiting: Listed | None = None,
        only_while_waiting: bool = False,
    ) -> None:
        super().__init__(module.rpartition(".")[2], module)
        self.title = title
        self.place = place
        self.messages = messages or {}
        self.only_while_waiting = only_while_waiting
        self._waiting = waiting

    def index(self, address: str) -> Callable[[View], View]:
        """Make the decorated view the one that the navigation leads to, at `address`."""
        return self.get(address, endpoint="index")

    def count_waiting(self) -> int:
        """Return how many things wait here for a decision; 0 if that cannot be known now."""
        return count_listed(self._waiting) if self._waiting else 0


def site() -> Site:
    """Return what the application that answers this request was made with."""
    found: Site = current_app.extensions[EXTENSION]
    return found


def current_workspace() -> Workspace:
    """Open the workspace, anew for each request, because folders come and go."""
    return Workspace.open(site().config)


def count_listed(listed: Listed) -> int:
    """Return how many things `listed` lists, asked once a request; 0 if it fails."""
    key = f"count of {listed.__module__}.{listed.__qualname__}"
    if key not in g:
        try:
            count = len(listed(current_workspace()))
        except (MemsyncError, OSError):
            count = 0
        setattr(g, key, count)
    return int(g.get(key))


def message() -> str | None:
    """Return the message whose code this request's address carries."""
    return site().messages.get(request.args.get("said", ""))


def back_to(page: str, said: str) -> ResponseReturnValue:
    """Redirect to the page named `page`, which then shows the message `said`."""
    return redirect(url_for(f"{page}.index", said=said), code=303)


def code_for(published: Published, success: str) -> str:
    """Return the message code for a publish: `success` if every agent has the memory now."""
    reached = all(target.state in fleet.WELL for target in published.targets)
    return success if reached else "saved-partly"
