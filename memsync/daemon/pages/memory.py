"""The first page: the memory, when it last changed, and how many notes are pending."""

from __future__ import annotations

from flask import render_template
from flask.typing import ResponseReturnValue

from memsync.daemon.pages.page import Page, count_listed, current_workspace
from memsync.daemon.presenters import facts
from memsync.daemon.presenters.markdown import render_html
from memsync.memory import store
from memsync.memory.conflicts.records import unresolved

page = Page(__name__, "Memory", 10)


@page.index("/")
def show_memory() -> ResponseReturnValue:
    """Show the memory."""
    workspace = current_workspace()
    memory = store.read(workspace)
    return render_template(
        "memory.html",
        memory=render_html(memory.text),
        facts=facts.gather_facts(workspace, memory),
        open_conflicts=count_listed(unresolved),
    )
