"""Machines: every one that has the memory, and each agent's file on it."""

from __future__ import annotations

from flask import Flask, render_template
from flask.typing import ResponseReturnValue

from memsync.config import Config
from memsync.config.workspace import Workspace
from memsync.memory import fleet


def install(app: Flask, config: Config) -> None:
    """Add the page."""

    def machines() -> ResponseReturnValue:
        return render_template("machines.html", machines=fleet.gather(Workspace.open(config)))

    app.add_url_rule("/machines", "machines", machines)
