"""For each line of the memory: which note it came from, when, how, and on which machine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from memsync.config.workspace import Workspace
from memsync.errors import FolderAwayError
from memsync.memory.history import backups, provenance
from memsync.memory.history.provenance import LineKey, Provenance
from memsync.notes import reader
from memsync.text.document import scan
from memsync.text.note import NoteName

BEFORE_MEMSYNC = "before memsync"
BY_HAND = "by hand"

_DEEDS = {"edit": BY_HAND, "found": BY_HAND, "web": "by hand, on the page", "restore": "restored",
          "init": BEFORE_MEMSYNC, "reconcile": "from a conflict copy"}  # fmt: skip
LONGEST_WORDS = 60


@dataclass(frozen=True)
class BlamedLine:
    """One line of the memory and its origin.

    `how` is ``note``, or words such as "by hand", "restored" or "before memsync". `notes` is the
    note, or several if it was one of them; `words` are the first words of each. `when` is None if
    it is unknown.
    """

    number: int
    line: str
    how: str
    when: datetime | None
    machine: str
    notes: tuple[NoteName, ...] = ()
    words: tuple[str, ...] = ()


def blame_lines(workspace: Workspace, memory: str) -> list[BlamedLine]:
    """Return the origin of every line of `memory` that is not blank, in order.

    A line without a record is older than the records, or was changed by hand in the file itself;
    the backups show since when it is there.

    Raises:
        FolderAwayError: a session log cannot be read.
    """
    history, olds = Provenance(workspace), _Backups(workspace)
    words = _Words(workspace)
    keyed = iter(provenance.keys_of(scan(memory)))
    behind = Counter(key for key, _ in provenance.keys_of(scan(memory)))
    found = []
    for number, line in enumerate(memory.split("\n"), start=1):
        if not line.strip():
            continue
        key, text = next(keyed)
        behind[key] -= 1
        came = history.of(key, behind[key])
        if came is None:
            how, when = olds.since(key)
            found.append(BlamedLine(number, text, how, when, ""))
            continue
        how = "note" if came.notes else _DEEDS.get(came.deed, came.deed)
        said = tuple(words.of(name) for name in came.notes)
        found.append(BlamedLine(number, text, how, came.when, came.machine, came.notes, said))
    return found


class _Backups:
    """The lines of the memory's old texts, by key; read only if they are needed."""

    def __init__(self, workspace: Workspace) -> None:
        self._folder = workspace.backups
        self._steps: list[tuple[datetime, frozenset[str]]] | None = None

    def since(self, key: LineKey) -> tuple[str, datetime | None]:
        """Return the origin of a line without a record, and since when it is there."""
        if self._steps is None:
            self._steps = [(entry.moment, _lines_of(entry)) for entry in self._listed()]
        if not self._steps or key.alone in self._steps[-1][1]:
            return BEFORE_MEMSYNC, None
        since = None
        for moment, lines in self._steps:  # newest first
            if key.alone not in lines:
                return BY_HAND, since or moment
            since = moment
        return BEFORE_MEMSYNC, None

    def _listed(self) -> Sequence[backups.Backup]:
        return backups.list_backups(self._folder)


def _lines_of(entry: backups.Backup) -> frozenset[str]:
    try:
        text = entry.read().decode("utf-8", "replace")
    except OSError:
        return frozenset()
    return frozenset(key.alone for key, _ in provenance.keys_of(scan(text)))


class _Words:
    """The first words of notes, from their days' logs."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._days: dict[object, dict[str, str]] = {}

    def of(self, name: NoteName) -> str:
        if name.day not in self._days:
            try:
                listed = reader.read_day(self._workspace, name.day)
            except FolderAwayError:
                listed = []
            self._days[name.day] = {note.id: note.text for note in listed}
        text = " ".join(self._days[name.day].get(name.id, "").split())
        return text if len(text) <= LONGEST_WORDS else f"{text[: LONGEST_WORDS - 1]}…"
