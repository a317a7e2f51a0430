"""What people were promised in a simulated world, and whether it was kept.

A line counts as acknowledged once memsync has had it: a note that was taken, a text that was saved.
What somebody types into the file counts at once where the client keeps a copy of what it replaces,
else once memsync has seen it: nothing else can keep what a client throws away before that. A line
that was taken away stays away where memsync can know of it: an editor leaves no trace of what it
deletes, nor does a client that brings a memory before the log that tells what it was made from; and
where two machines restore one text it cannot be told whose it is. Then a line is rather kept.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from memsync.memory.conflicts.merge import Conflict
from memsync.text.note import Note

MARKERS = re.compile(r"^(<{7}|={7}$|>{7})", re.MULTILINE)
_FACT = re.compile(r"fact \d+")


def facts(text: str) -> set[str]:
    """Return the facts a text holds."""
    return set(_FACT.findall(text))


@dataclass
class Promises:
    """The facts that were acknowledged, and what people did to them since.

    That something is gone can be promised only (`can_remove`) in a tame world whose client keeps
    copies.
    """

    can_remove: bool
    acknowledged: set[str] = field(default_factory=set)
    removed: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)  # of the removed, those taken away by memsync
    touched: set[str] = field(default_factory=set)  # moved or brought back: it may stand or not
    reworded: dict[str, set[str]] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)

    def changed(self, before: str, after: str) -> set[str]:
        """Have it that a person made `after` from `before`; return the facts that are new."""
        old, new = facts(before), facts(after)
        self.removed |= old - new
        self.touched |= (new - old) & self.removed
        return new - old

    def broken(self, texts: Mapping[str, str], disputes: Sequence[Conflict]) -> list[str]:
        """Return in words what of it does not hold for the memories of all machines."""
        asked = set().union(*map(_named, disputes))
        everywhere = set.intersection(*map(facts, texts.values()))
        anywhere = set.union(*map(facts, texts.values()))
        noted = {fact for note in self.notes for fact in facts(note.text)}  # merged on any machine
        back = (anywhere & self.gone) - self.touched - asked - noted
        said = {
            "lost": self.acknowledged - self.removed - everywhere,
            "removed, and back": back if self.can_remove else set(),
            "reworded twice, nobody asked": self._unasked(everywhere - self.removed, disputes),
            "there twice": {fact for text in texts.values() for fact in _twice(text)},
        }
        found = [f"{what}: {', '.join(sorted(which))}" for what, which in said.items() if which]
        return found + [
            f"conflict markers at {host}" for host, text in texts.items() if MARKERS.search(text)
        ]

    def _unasked(self, standing: set[str], disputes: Sequence[Conflict]) -> set[str]:
        """Return the facts with two wordings in the memory that nobody is asked about.

        A dispute may name one of them beside what it was before (the other came in later), or
        alone, where it was put back.
        """
        found = set()
        for fact in self.reworded.keys() - self.touched:
            there = sorted((self.reworded[fact] & standing) - self.touched)
            for pair in ({a, b} for a in there for b in there if a < b):
                if not any(_is_about(one, fact, pair) for one in disputes):
                    found.add(fact)
        return found


def _is_about(dispute: Conflict, fact: str, pair: set[str]) -> bool:
    named = _named(dispute)
    was_put_back = not dispute.base and not dispute.ours
    return len(named & {fact, *pair}) > 1 or (was_put_back and not named.isdisjoint(pair))


def _named(dispute: Conflict) -> set[str]:
    return facts("".join(dispute.base + dispute.ours + dispute.theirs))


def _twice(text: str) -> set[str]:
    lines = Counter(line.strip() for line in text.split("\n") if facts(line))
    return {line for line, count in lines.items() if count > 1}
