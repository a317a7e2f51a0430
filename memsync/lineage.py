"""The keeper of published.log: which memory this machine made from which; and everybody's logs.

With it a memory that another machine wrote without having seen ours is told from one that was made
from ours. A line is written before the memory it names, so none ever stands there unnamed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC
from pathlib import Path

from memsync import clock
from memsync.appending import append_line
from memsync.kinship import Event, Graph
from memsync.state import machine_name, own_folder
from memsync.workspace import Workspace

LOG_NAME = "published.log"
NOTHING = "-"
_LINE = re.compile(r"(\S+) ([0-9a-f]{64}) (-|[0-9a-f]{64}(?:,[0-9a-f]{64})*)")


def record(workspace: Workspace, digest: str, based_on: Iterable[str]) -> None:
    """Write down that the text `digest` is made from others; durable when this returns.

    Raises:
        OSError: nothing was written.
    """
    moment = clock.now().astimezone(UTC).isoformat(timespec="microseconds")
    parents = ",".join(parent for parent in based_on if parent and parent != digest) or NOTHING
    append_line(own_folder(workspace.machines) / LOG_NAME, f"{moment} {digest} {parents}")


def read(workspace: Workspace) -> Graph:
    """Return what all machines wrote down; a log that cannot be read just now says nothing."""
    events: list[Event] = []
    for path in workspace.machines.glob(f"*/{LOG_NAME}"):
        events += _events(path)
    return Graph(events)


def _events(path: Path) -> Iterable[Event]:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return
    for line in text.splitlines():
        match = _LINE.fullmatch(line)
        if match:
            parents = () if match[3] == NOTHING else tuple(match[3].split(","))
            yield Event(match[1], match[2], parents)


def is_alone(workspace: Workspace) -> bool:
    """Tell whether no other machine has ever written into the memory folder."""
    own = machine_name()
    return all(path.name == own for path in workspace.machines.glob("*") if path.is_dir())
