"""Search in notes: words as they stand, in upper or lower case."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path

from memsync.config.sync_folder import folder_at
from memsync.config.workspace import Workspace
from memsync.notes import reader
from memsync.text.note import Note

LONGEST_QUERY = 200
"""In characters; a longer query is cut."""


class Finder:
    """Finds some words in texts, as they stand, in upper or lower case."""

    def __init__(self, query: str) -> None:
        self.query = query.strip()[:LONGEST_QUERY]
        self._pattern = re.compile(re.escape(self.query), re.IGNORECASE)

    def finds(self, text: str) -> bool:
        """Are the words in `text`? No words are in every text."""
        return self._pattern.search(text) is not None

    def pieces(self, text: str) -> Iterator[tuple[str, bool]]:
        """Yield `text` in pieces, each with whether it is what was searched for."""
        end = 0
        for match in self._pattern.finditer(text) if self.query else ():
            yield text[end : match.start()], False
            yield match[0], True
            end = match.end()
        yield text[end:], False

    def may_find(self, workspace: Workspace, logs: Iterable[Path]) -> bool:
        """May these logs hold a note with the words? It is quicker to ask than to parse them.

        A log has the lines of a note as they are, apart from a backslash before some, so words that
        go over several lines cannot be seen this way. A log that cannot be read may hold anything.
        """
        if not self.query.isprintable():
            return True
        files = folder_at(workspace.root)
        try:
            return any(self.finds(files.read(log).decode("utf-8", "replace")) for log in logs)
        except OSError:
            return True  # whoever reads the day says what is wrong


def find_in_day(workspace: Workspace, day: date, finder: Finder) -> list[Note]:
    """Return the notes of a day that have the words, in order.

    Raises:
        FolderAwayError: the day's log cannot be read.
    """
    return [note for note in reader.read_day(workspace, day) if finder.finds(note.text)]


def logs_by_day(workspace: Workspace) -> dict[str, list[Path]]:
    """Return the logs of each day (ISO 8601); lists the folder once, for years are many files."""
    found: dict[str, list[Path]] = defaultdict(list)
    for path in reader.logs_named(workspace, "????-??-??*.md"):
        found[path.name[:10]].append(path)
    return found
