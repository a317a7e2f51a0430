"""The web port: the memory in a browser on the home network, to read, to add notes to, to edit.

An edit is shown as a diff before it is saved, and saved only onto the text it was made from. If
anything goes wrong, the page hands back what the person wrote.
"""

from __future__ import annotations

import importlib
import pkgutil

from flask import Flask, Response, send_from_directory

from memsync.config import Config
from memsync.config.workspace import Workspace
from memsync.daemon import pages
from memsync.daemon.http import limits
from memsync.daemon.http.guard import Guard
from memsync.daemon.http.limits import PageRequest
from memsync.daemon.http.login import Login
from memsync.daemon.pages import problems
from memsync.daemon.pages.page import EXTENSION, MESSAGES, KeepNote, Page, Site, message
from memsync.daemon.presenters import facts, markdown
from memsync.daemon.presenters.lines import for_browser
from memsync.notes import log
from memsync.text.note import Note


def create_app(
    config: Config, keep_note: KeepNote | None = None, login: Login | None = None
) -> Flask:
    """Return the application of the web port, with its guard in front.

    Args:
        config: the settings; changed settings need a new application.
        keep_note: what to do with a note added on a page; None appends it to its day's log.
        login: who may see the pages; None makes it of the config.

    Raises:
        OSError: the key for sessions can neither be read nor made.
    """

    def append(note: Note) -> None:
        log.append(Workspace.open(config), note)

    app = Flask(__name__)
    app.url_map.merge_slashes = False  # an address with two slashes is not ours
    app.request_class = PageRequest
    app.config.update(
        MAX_CONTENT_LENGTH=limits.MEMORY,
        MAX_FORM_MEMORY_SIZE=limits.MEMORY,
        MAX_FORM_PARTS=limits.FIELDS,
    )
    found = find_pages()
    app.extensions[EXTENSION] = Site(config, keep_note or append, messages_of(found))
    _set_up_templates(app, found)
    (login or Login(config)).install(app)
    problems.answer_failures(app)
    app.add_url_rule("/manifest.webmanifest", "manifest", _manifest)
    for page in found:
        app.register_blueprint(page)
    app.wsgi_app = Guard(config).protect(app.wsgi_app)  # type: ignore[assignment,method-assign]
    return app


def find_pages() -> list[Page]:
    """Return the `page` of every module of `memsync.daemon.pages` that has one, in order."""
    modules = [
        importlib.import_module(f"{pages.__name__}.{module.name}")
        for module in pkgutil.iter_modules(pages.__path__)
    ]
    declared = (getattr(module, "page", None) for module in modules)
    return sorted((page for page in declared if isinstance(page, Page)), key=lambda p: p.place)


def messages_of(found: list[Page]) -> dict[str, str]:
    """Return every message of the pages, by code."""
    return MESSAGES | {code: text for page in found for code, text in page.messages.items()}


def _manifest() -> Response:
    """Return what a phone asks for to put the page on its home screen."""
    return send_from_directory(
        "static", "manifest.webmanifest", mimetype="application/manifest+json"
    )


def _set_up_templates(app: Flask, found: list[Page]) -> None:
    app.jinja_env.filters["reveal"] = markdown.reveal
    app.jinja_env.filters["moment"] = facts.moment_in_words
    app.jinja_env.filters["day"] = facts.day_in_words
    app.jinja_env.filters["capital"] = lambda words: words[:1].upper() + words[1:]
    app.jinja_env.filters["for_browser"] = for_browser
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals["navigation"] = [page for page in found if page.title]
    app.context_processor(lambda: {"message": message()})
