"""The first page: the memory as it reads, and how it stands."""

from __future__ import annotations

from flask import Flask, Response, render_template, send_from_directory
from flask.typing import ResponseReturnValue

from memsync.config import Config
from memsync.config.workspace import Workspace
from memsync.daemon.presenters import facts
from memsync.daemon.presenters.markdown import render_html
from memsync.memory import store


def install(app: Flask, config: Config) -> None:
    """Add the page, and what a phone asks for that puts it on its home screen."""

    def memory() -> ResponseReturnValue:
        workspace = Workspace.open(config)
        present = store.read(workspace)
        return render_template(
            "memory.html",
            memory=render_html(present.text),
            facts=facts.gather_facts(workspace, present),
        )

    def manifest() -> Response:
        return send_from_directory(
            app.static_folder or "", "manifest.webmanifest", mimetype="application/manifest+json"
        )

    app.add_url_rule("/", "memory", memory)
    app.add_url_rule("/manifest.webmanifest", "manifest", manifest)
