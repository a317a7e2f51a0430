"""The keeper of published.log: which memory this machine made from which; and everybody's logs.

With it a memory that another machine wrote without having seen ours is told from one that was made
from ours. A line is written before the memory it names, so none ever stands there unnamed.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from memsync import clock
from memsync.config.machine_log import MachineLog
from memsync.config.workspace import Workspace
from memsync.memory.history.ancestry import Ancestry, Event

LOG = MachineLog("published.log")
NOTHING = "-"
_TEXT = "[0-9a-f]{64}"
_LINE = re.compile(rf"(\S+) ({_TEXT}) (-|{_TEXT}(?:@[^\s,@]+)?(?:,{_TEXT}(?:@[^\s,@]+)?)*)( \?)?")


def record_version(
    workspace: Workspace, digest: str, based_on: Iterable[str], *, is_whole: bool = True
) -> None:
    """Write down that the text `digest` is made from others; durable when this returns.

    Made from nothing it is a beginning; made from itself alone there is nothing to write. It is not
    whole (``?`` ends the line) where it may be made from others that are not known. Each text it is
    made from stands there with the moment at which it last came to be, as far as that is known.

    Raises:
        OSError: nothing was written.
    """
    named = dict.fromkeys(parent for parent in based_on if parent)
    others = [parent for parent in named if parent.partition("@")[0] != digest]
    if named and not others:
        return
    last: dict[str, str] = {}
    for event in _all_events(workspace):
        last[event.digest] = max(event.moment, last.get(event.digest, ""))
    moment = _after(max(last.values(), default=""))
    exact = (p if "@" in p or p not in last else f"{p}@{last[p]}" for p in others)
    parents, end = ",".join(exact) or NOTHING, "" if is_whole else " ?"
    LOG.append(workspace, f"{moment} {digest} {parents}{end}")


def record_included(workspace: Workspace, digest: str, held: Iterable[str]) -> None:
    """Write down that the text `digest`, as it stands, has other texts in it; if that is news.

    Raises:
        OSError: nothing was written.
    """
    graph = read_ancestry(workspace)
    news = [name for name in held if not graph.descends(digest, name)]
    if news:
        made_from = (*graph.origins(digest), *news)
        record_version(workspace, digest, made_from, is_whole=graph.is_whole(digest))


def _after(latest: str) -> str:
    """Return a moment later than all that is written down, whatever this machine's clock says."""
    now = clock.now().astimezone(UTC)
    with contextlib.suppress(ValueError, OverflowError, TypeError):
        now = max(now, datetime.fromisoformat(latest) + timedelta(microseconds=1))
    return now.astimezone(UTC).isoformat(timespec="microseconds")


def read_ancestry(workspace: Workspace) -> Ancestry:
    """Return what all machines wrote down; a log that cannot be read just now says nothing."""
    return Ancestry(_all_events(workspace))


def _all_events(workspace: Workspace) -> Iterable[Event]:
    for _, line in LOG.lines(workspace):
        match = _LINE.fullmatch(line)
        if match:
            parents = () if match[3] == NOTHING else tuple(match[3].split(","))
            yield Event(match[1], match[2], parents, is_whole=not match[4])


def replaced_at(workspace: Workspace) -> dict[str, list[datetime]]:
    """Return when each text was replaced by one made from it, by its digest.

    As the machines wrote it down, so that each is later than what was written down before, even
    where a clock had been set back.
    """
    found: dict[str, list[datetime]] = {}
    for event in _all_events(workspace):
        with contextlib.suppress(ValueError, OverflowError):
            moment = datetime.fromisoformat(event.moment).astimezone()
            for parent in event.parents:
                found.setdefault(parent.partition("@")[0], []).append(moment)
    return found
