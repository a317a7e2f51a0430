"""Machines: every machine that has the memory, and each agent's file on it."""

from __future__ import annotations

from flask import render_template
from flask.typing import ResponseReturnValue

from memsync.daemon.pages.page import Page, current_workspace
from memsync.memory import fleet

page = Page(__name__, "Machines", 70)


@page.index("/machines")
def show_machines() -> ResponseReturnValue:
    """Show every machine."""
    return render_template("machines.html", machines=fleet.gather(current_workspace()))
