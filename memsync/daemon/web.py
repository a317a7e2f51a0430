"""The page: the memory in a browser on the home network, read, noted upon and edited.

An edit is seen as a diff before it is saved, and saved only onto the text it was made from.
Whatever goes wrong, the page hands back what the person wrote.
"""

from __future__ import annotations

from flask import Flask

from memsync.config import Config
from memsync.config.workspace import Workspace
from memsync.daemon.http import compression
from memsync.daemon.http.guard import Guard
from memsync.daemon.http.login import Login
from memsync.daemon.pages import (
    api,
    conflicts,
    editing,
    history,
    jobs,
    machines,
    memory,
    notes,
    phone,
    problems,
    proposals,
)
from memsync.daemon.pages.parts import MAX_BODY, KeepNote, message
from memsync.daemon.presenters import facts, markdown
from memsync.daemon.presenters.lines import for_browser
from memsync.notes import log
from memsync.text.note import Note

NAVIGATION = (
    ("Memory", "memory", ()),
    ("Edit", "edit", ("edit_again", "review", "save", "merge")),
    ("History", "history", ("backup", "restore", "restore_now")),
    ("Notes", "notes", ("note",)),
    ("Proposals", "proposals", ()),
    ("Conflicts", "conflicts", ()),
    ("Machines", "machines", ()),
    ("Jobs", "jobs", ()),
    ("Phone", "phone", ("phone_test",)),
)
"""The pages by name: where each leads, and which other addresses belong to it."""

ONLY_WHILE_OPEN = frozenset({"conflicts"})
"""Pages that the navigation names only while something waits there, or on the page itself."""


def create_app(config: Config, keep_note: KeepNote | None = None) -> Flask:
    """Return the application of the web port, with its guard in front.

    Args:
        config: the settings; a change of them needs a new application.
        keep_note: where a note goes that is added on the page; None is straight to its day's log.

    Raises:
        OSError: the key for sessions can neither be read nor made.
    """

    def append(note: Note) -> None:
        log.append(Workspace.open(config), note)

    keep = keep_note or append
    app = Flask(__name__)
    app.url_map.merge_slashes = False  # an address that is not ours leads nowhere
    app.config.update(MAX_CONTENT_LENGTH=MAX_BODY, MAX_FORM_MEMORY_SIZE=MAX_BODY)
    _set_up_templates(app)
    Login(config).install(app)
    compression.install(app)
    problems.install(app)
    memory.install(app, config)
    editing.install(app, config)
    history.install(app, config)
    notes.install(app, config, keep)
    proposals.install(app, config)
    conflicts.install(app, config)
    machines.install(app, config)
    jobs.install(app, config)
    phone.install(app, config, keep)
    api.install(app, config, keep)
    app.wsgi_app = Guard(config).protect(app.wsgi_app)  # type: ignore[assignment,method-assign]
    return app


def _set_up_templates(app: Flask) -> None:
    app.jinja_env.filters["reveal"] = markdown.reveal
    app.jinja_env.filters["moment"] = facts.moment_in_words
    app.jinja_env.filters["day"] = facts.day_in_words
    app.jinja_env.filters["capital"] = lambda words: words[:1].upper() + words[1:]
    app.jinja_env.filters["for_browser"] = for_browser
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals["navigation"] = NAVIGATION
    app.jinja_env.globals["only_while_open"] = ONLY_WHILE_OPEN
    app.context_processor(lambda: {"message": message()})
