"""A scripted model for a simulated year: mostly a good one, sometimes a bad one.

It sees what a model sees, the request, and nothing else. As a good one it keeps each fact once,
replaces what is corrected, takes out what is over, and condenses the `Recent …` sections where the
request asks for room. As a bad one it does one of `BAD` besides, or instead.
"""

from __future__ import annotations

import json
import random
import re
from dataclasses import dataclass
from datetime import date
from typing import Any

from memsync.text.document import Kind, scan
from tests.support.messages_server import Answer, cut_off, edits, prose
from tests.support.year_notes import Atom, line_meant, meaning

RECENT, DECISIONS = "Recent notes", "Recent decisions"
RULES = "Hard constraints"
Call = dict[str, Any]

ONCE = ("misfit", "elision", "weakens")
"""Tried first; when told, it does better."""
TO_THE_END = ("stubborn misfit", "stubborn weakens", "shrinks", "prose", "cut off")
"""Nothing may come of these; the notes stay pending."""
BESIDES = ("repeats", "obeys")
BAD = (*ONCE, *TO_THE_END, *BESIDES)


@dataclass
class Line:
    """A line the model works on: as it stands (empty where it is new), as it shall be, and where."""

    was: str
    text: str
    section: str


class Desk:
    """A request as the model reads it, and the lines it works on."""

    def __init__(self, request: dict[str, Any]) -> None:
        question = request["messages"][0]["content"]
        self.memory = question.split("<memory_file>\n", 1)[1].rsplit("\n</memory_file>", 1)[0]
        self.notes = json.loads(question[question.rindex("\n\n[\n") :])
        self.is_second_try = len(request["messages"]) > 1
        self.today = date.fromisoformat(max(note["taken"] for note in self.notes)[:10])
        self.limit = int(re.search(r"within (\d+) lines", question)[1])
        room = re.search(r"has (\d+) now.* at most (\d+) lines", question)
        self.has, self.may_go = (int(room[1]), int(room[2])) if room else (0, 0)
        self.outline = scan(self.memory)
        self.lines = self._lines()
        self.spoken_of: dict[str, str] = {}

    def _lines(self) -> list[Line]:
        found, section, barred = [], "", range(0)
        by_line = {heading.line: heading for heading in self.outline.headings}
        for number, line in enumerate(self.outline.lines):
            if heading := by_line.get(number):
                section = heading.path
                if heading.is_constraint:
                    barred = range(number, self.outline.section_end(heading))
            if number not in barred and meaning(line):
                text = line.rstrip("\r\n")
                found.append(Line(text, text, section))
        return found

    def sections(self) -> list[str]:
        """Return the paths of the sections a fact may go to: those that stand once, no rules."""
        paths = [h.path for h in self.outline.headings if not h.is_constraint and h.level > 1]
        barred = [h.path for h in self.outline.headings if h.is_constraint]
        return [
            path
            for path in paths
            if paths.count(path) == 1
            and not path.split(" > ")[-1].startswith("Recent")
            and not any(path.startswith(above) for above in barred)
        ]

    def bullets(self) -> list[str]:
        """Return the bullets that stand once, none of them a rule: what may be spoken of."""
        rules = set(self.outline.constraints())
        texts = [line.rstrip("\r\n") for line in self.outline.lines]
        return [
            text
            for text, kind in zip(texts, self.outline.kinds, strict=True)
            if kind is Kind.TEXT and text.startswith("- ") and texts.count(text) == 1
            and text not in rules
        ]  # fmt: skip


class Model:
    """What the scripted server answers with; `mood` says how the next answer is bad, if at all."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self.mood = ""
        self.seen: list[str] = []

    def answer(self, request: dict[str, Any]) -> Answer:
        """Return the answer to a request, in the present mood."""
        self.seen.append(json.dumps(request, ensure_ascii=False))
        desk = Desk(request)
        if self.mood == "prose":
            return prose("The notes say nothing new.")
        calls = self.fold(desk)
        if self.mood == "cut off":
            return cut_off({"summary": "s", "edits": calls})
        if self.mood in TO_THE_END or (self.mood in ONCE and not desk.is_second_try):
            calls = self._spoiled(desk, calls)
        if self.mood == "repeats":
            calls += self._repeats(desk)
        if self.mood == "obeys":
            first = next(iter(desk.sections()), RECENT)
            orders = [
                n["text"]
                for n in desk.notes
                if not meaning(n["text"]) and not line_meant(n["text"])
            ]
            calls += [add(f"- {text}", section) for text in orders for section in (RULES, first)]
        return edits(*calls, summary="folded in")

    def fold(self, desk: Desk) -> list[Call]:
        """Return the edits of a good model."""
        calls: list[Call] = []
        for note in desk.notes:
            for atom in sorted(meaning(note["text"])):
                if atom[0] == "fact":
                    self._fact(desk, note, atom)
                elif atom[0] == "rule":
                    calls.append(add(f"- {note['text']}", RULES))
                elif atom[0] != "since":
                    self._keep(desk, f"- {desk.today}: {note['text']}", atom, RECENT)
            _append(desk, note["text"])
        for line in desk.lines:
            ends = [atom[2] for atom in meaning(line.text) if atom[0] == "trip"]
            if ends and max(ends) < desk.today.isoformat():
                line.text = ""
        if desk.has:
            _make_room(desk, len(calls))
        calls += [replace(old, new) for old, new in desk.spoken_of.items()]
        return calls + _as_edits(desk.lines)

    def _fact(self, desk: Desk, note: Call, atom: Atom) -> None:
        _, subject, trait, value = atom
        for line in desk.lines:
            if any(known[:3] == atom[:3] for known in meaning(line.text)):
                line.text = re.sub(rf"\b{trait} is [a-z]+-\d+", f"{trait} is {value}", line.text)
                return
        text = f"{subject} · {trait} is {value}"
        sections = desk.sections()
        where = sum(map(ord, subject)) % (len(sections) + 2)
        fits = where < len(sections) and not desk.is_second_try
        desk.lines.append(
            Line("", f"- {text}", sections[where])
            if fits
            else Line("", f"- {desk.today}: {text}", DECISIONS)
        )

    def _keep(self, desk: Desk, text: str, atom: Atom, section: str) -> None:
        if all(atom not in meaning(line.text) for line in desk.lines):
            desk.lines.append(Line("", text, section))

    def _spoiled(self, desk: Desk, calls: list[Call]) -> list[Call]:
        rules = [line for line in desk.outline.constraints() if line.startswith("- ")]
        rule = self._chance.choice(rules)
        if self.mood in {"weakens", "stubborn weakens"}:
            weaker = replace(rule, f"{rule}, unless it is late")
            return [*calls, self._chance.choice([weaker, {"op": "remove", "find": rule}])]
        if self.mood == "elision":
            return [*calls, add("- … (the rest remains unchanged)", RECENT)]
        if self.mood == "shrinks":
            texts = [line.rstrip("\r\n") for line in desk.outline.lines]
            once = [text for text in texts if text.strip() and texts.count(text) == 1]
            plain = [text for text in once if text not in set(rules) and not text.startswith("#")]
            share = len([text for text in texts if text.strip()]) * 3 // 10
            if len(plain) * 5 > len(texts):  # else so few that a merge may take them away
                return [{"op": "remove", "find": text} for text in plain[: share + 1]]
        return [*calls, {"op": "remove", "find": "- a line that nobody wrote"}]

    def _repeats(self, desk: Desk) -> list[Call]:
        """Say again what stands there, in each way an edit can say it."""
        standing = [
            line
            for line in desk.lines
            if line.was and line.was == line.text and line.section
            and not any(atom[0] == "since" for atom in meaning(line.text))
        ]  # fmt: skip
        calls: list[Call] = []
        for line in self._chance.sample(standing, min(4, len(standing))):
            calls += self._chance.choice(
                [
                    [add(line.was, line.section)],
                    [add(f"{line.was}.", line.section)],
                    [{"op": "add", "after": line.was, "text": line.was}],
                    [replace(line.was, f"{line.was}\n{line.was}")],
                    [add(f"{line.was}\n{line.was}", line.section)],
                ]
            )
        return calls


def add(text: str, section: str) -> Call:
    return {"op": "add", "section": section, "text": text}


def replace(old: str, new: str) -> Call:
    return {"op": "replace", "find": old, "text": new}


def _append(desk: Desk, note: str) -> None:
    wanted = line_meant(note)
    found = [line for line in desk.bullets() if wanted and line.startswith(f"- {wanted}")]
    if len(found) == 1:
        now = desk.spoken_of.get(found[0], found[0])
        desk.spoken_of[found[0]] = f"{now} {note[note.rindex('(') :]}"


def _make_room(desk: Desk, more: int) -> None:
    """Condense the oldest of what is recent, then let it go; last, older lines of the model's own."""
    new = [line for line in desk.lines if not line.was]
    names = {heading.text for heading in desk.outline.headings}
    headings = 3 * len({line.section for line in new} - names)
    gone = sum(1 for line in desk.lines if line.was and not line.text)
    over = desk.has + len(new) + more + headings - gone - desk.limit
    left = min(over, desk.may_go - gone)
    recent = [
        line
        for line in desk.lines
        if line.was and line.section.split(" > ")[-1].startswith("Recent")
    ]
    for line in recent:
        left -= _folded_into_another(line, recent) if left > 0 else 0
    for line in [*recent, *(line for line in desk.lines if line.was)]:
        if left > 0 and line.text and not any(atom[0] == "since" for atom in meaning(line.text)):
            line.text, left = "", left - 1


def _folded_into_another(line: Line, recent: list[Line]) -> int:
    """Move the facts of a line to another one about the same; return how many lines that saves."""
    facts = [atom for atom in sorted(meaning(line.text)) if atom[0] == "fact"]
    for other in recent:
        known = meaning(other.text)
        if facts and other is not line and any(atom[1] == facts[0][1] for atom in known):
            other.text += "".join(f"; {trait} is {value}" for _, _, trait, value in facts)
            line.text = ""
            return 1
    return 0


def _as_edits(lines: list[Line]) -> list[Call]:
    calls: list[Call] = []
    for line in lines:
        if line.was and not line.text:
            calls.append({"op": "remove", "find": line.was})
        elif line.was and line.text != line.was:
            calls.append(replace(line.was, line.text))
        elif not line.was and line.text:
            calls.append(add(line.text, line.section))
    return calls
