"""A year of a memory, night by night: what is said, merged, decided and edited, and what holds.

`Year` lives it through memsync's own roads: typed notes, the real note port, held notes, the nightly job,
edits by hand. Beside it keeps its own books: of every line, which notes said it.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime, timedelta

import time_machine

from memsync import clock
from memsync.config.workspace import Workspace
from memsync.daemon.scheduler import job_nightly_refresh
from memsync.memory import store
from memsync.memory.blame import BEFORE_MEMSYNC, blame_lines
from memsync.memory.history.provenance import Cause
from memsync.memory.publish import publish
from memsync.notes import held, log
from memsync.notes.delivery import redeliver
from memsync.refresh import pending as batches
from memsync.text.document import Kind, is_list_item, scan
from memsync.text.mark import CAPTURED
from memsync.text.note import Note, make_note
from tests.support.net import send
from tests.support.year_model import BAD, TO_THE_END, Model
from tests.support.year_notes import Atom, Person, Said, meaning

FIRST_DAY = date(2027, 1, 4)
CONSTRAINTS = ("Never push to main without asking", "Never delete data without a backup",
               "Never send mail in my name")  # fmt: skip


def with_constraints(text: str, *, at_the_end: bool) -> str:
    """Return a memory with a section of constraints, its own or one put in."""
    outline = scan(text)
    if any(heading.is_constraint for heading in outline.headings):
        return text
    ending = "\r\n" if "\r\n" in text else "\n"
    block = ["## Hard constraints", "", *(f"- {line}" for line in CONSTRAINTS), ""]
    tops = [heading.line for heading in outline.headings[1:] if heading.level <= 2]
    if tops and not at_the_end:
        return "".join((*outline.lines[: tops[0]], ending.join([*block, ""]),
                        *outline.lines[tops[0] :]))  # fmt: skip
    fence = [outline.open_fence] if outline.open_fence else []
    return ending.join([text.rstrip("\r\n"), *fence, "", *block])


def bare(text: str) -> list[str]:
    return [line.strip() for line in text.split("\n") if line.strip()]


def moment(day: date, hour: int, minute: int = 0, second: int = 0) -> datetime:
    local = datetime.now().astimezone().tzinfo
    return datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=local)


class Year:
    """One memory and its year; `model` is None where the merge is without one."""

    def __init__(self, workspace: Workspace, port: int, seed: str, model: Model | None) -> None:
        self.workspace, self._port, self.model = workspace, port, model
        self.chance = random.Random(f"year {seed}")
        self.person = Person(random.Random(f"person {seed}"))
        self.first = self.text
        self.said: list[tuple[date, Said]] = []
        self.by_hand: list[str] = []
        self.rules = list(scan(self.first).constraints())
        self.texts: dict[str, datetime] = {self.first: moment(FIRST_DAY, 0)}
        self.origins: dict[str, set[str]] = {}
        self.failed: Counter[str] = Counter()
        self.longest = 0
        self.most_over = 0

    @property
    def text(self) -> str:
        return store.read(self.workspace).text

    def live(self, nights: int) -> None:
        """Live so many days and their nights; the model is a good one in the last."""
        for number in range(nights):
            day = FIRST_DAY + timedelta(days=number)
            self._day(day)
            with time_machine.travel(moment(day, 20), tick=False):
                if number % 3 == 2 or number == nights - 1:
                    self._decide()
                if self.chance.random() < 0.15:
                    self._edit_by_hand(number)
            with time_machine.travel(moment(day, 23, 55)):
                self._night(is_last=number == nights - 1)

    def _day(self, day: date) -> None:
        notes = list(self.person.notes_of(day, self._lines_to_speak_of))
        for number, said in enumerate(notes):
            with time_machine.travel(moment(day, 9 + number, number), tick=False):
                self.say(said)

    def say(self, said: Said) -> None:
        """Say a note, at the terminal or by the phone."""
        self.said.append((clock.now().date(), said))
        if said.kind == "order":
            log.append(self.workspace, make_note(said.text, clock.now(), CAPTURED.as_held()))
        elif said.by_phone:
            body = json.dumps({"text": said.text}).encode()
            answer = send(self._port, "POST", "/note", body, {"Content-Type": "application/json"})
            assert answer.status == 200, answer
        else:
            log.append(self.workspace, make_note(said.text, clock.now()))

    def _lines_to_speak_of(self) -> list[str]:
        outline = scan(self.text)
        rules = set(outline.constraints())
        pairs = zip(outline.lines, outline.kinds, strict=True)
        texts = [line.rstrip("\r\n") for line, kind in pairs if kind is Kind.TEXT]
        return [
            text[2:42]
            for text in texts
            if text.startswith("- ") and text not in rules and not meaning(text)
            and sum(other.startswith(text[:42]) for other in texts) == 1
        ]  # fmt: skip

    def _night(self, *, is_last: bool) -> None:
        redeliver(self.workspace)
        before, pending = self.text, batches.pending_notes(self.workspace)
        mood = "" if is_last or self.chance.random() < 0.6 else self.chance.choice(BAD)
        if self.model:
            self.model.mood = mood
        run = job_nightly_refresh(self.workspace.config)
        left = {note.id for note in batches.pending_notes(self.workspace)}
        if self.model and pending and mood in TO_THE_END:
            self._look_at_failure(mood, before, pending, run.outcome)
            return
        assert run.outcome == "ok", (mood, run, [note.text for note in pending])
        assert left == set()
        self._learn(before, [note for note in pending if note.id not in left])
        self._look(before)

    def _look_at_failure(self, mood: str, before: str, pending: list[Note], outcome: str) -> None:
        """Look that nothing came of an answer that may not be used, and no note is lost by it."""
        self.failed[mood] += 1
        changed = Counter(bare(self.text)) - Counter(bare(before))
        assert self.text == before, (mood, changed, len(bare(before)), pending)
        assert batches.pending_notes(self.workspace) == pending, mood
        assert outcome == "failed", mood

    def _decide(self) -> None:
        """Decide what waits: what strangers said is not let in."""
        held.decide(self.workspace, held.held_notes(self.workspace), "rejected")

    def _edit_by_hand(self, number: int) -> None:
        """Change a line or two as the person: by `memsync edit`, or in the file itself."""
        memory = store.read(self.workspace)
        ending = "\r\n" if "\r\n" in self.first else "\n"
        lines = memory.text.split(ending)
        rules = scan(memory.text).constraints()
        deed = self.chance.choice(("rule", "line", "line", "gone"))
        of_the_first_day = {"since"}  # with words added; the person keeps these
        own = [
            line
            for line in lines
            if {atom[0] for atom in meaning(line)} - of_the_first_day and line not in rules
        ]
        if deed == "gone" and own:
            lines.remove(self.chance.choice(own))
        elif deed == "rule":
            at = max(at for at, line in enumerate(lines) if line == rules[-1])
            lines.insert(at + 1, f"- By hand: never skip check {number}")
            self.rules.append(lines[at + 1])
        else:
            places = [at for at, line in enumerate(lines) if line.startswith("- ")]
            lines.insert(places[0] + 1 if places else len(lines), f"- By hand: remark {number}")
        text = ending.join(lines)
        self.by_hand += (Counter(bare(text)) - Counter(bare(memory.text))).elements()
        if self.chance.random() < 0.5:
            publish(self.workspace, text, memory.digest, cause=Cause("edit"))
        else:
            self.workspace.memory.write_bytes(text.encode())
        self._learn(memory.text, [])
        self.by_hand = [line for line in self.by_hand if line in bare(self.text)]

    def _learn(self, before: str, notes: Iterable[Note]) -> None:
        """Write down which notes the lines that came are of: by what they say, else any of them."""
        after = self.text
        self.texts.setdefault(after, clock.now())
        old, new = Counter(bare(before)), Counter(bare(after))
        gone: dict[Atom, set[str]] = {}
        for line in (old - new).elements():
            for atom in meaning(line):
                gone.setdefault(atom, set()).update(self.origins.get(line, ()))
        spoken = [(note.id, meaning(note.text)) for note in notes if note.text]
        for line in new - old:
            said = meaning(line)
            ids = {name for name, told in spoken if told & said or (not said)}
            for atom in said:
                ids |= gone.get(atom, set())
            ids |= {
                n.id
                for n in notes
                if any(a[0] == "since" and f"({a[1]} since {a[2]})" in n.text for a in said)
            }
            self.origins[line] = ids

    def in_words(self) -> str:
        """Return what the year was, for who reads the figures."""
        origins = sum(1 for line in bare(self.text) if line in self.origins)
        calls = len(self.model.seen) if self.model else 0
        return (
            f"{len(self.said)} notes, {calls} calls, {self.failed.total()} answers of no use;"
            f" {self.first.count(chr(10))} lines on the first day, {self.text.count(chr(10))} on"
            f" the last, {self.longest} at most,"
            f" {self.most_over} over; {origins} of notes, {len(self.by_hand)} by hand"
        )

    def _look(self, before: str) -> None:
        text = self.text
        outline = scan(text)
        standing = iter(outline.constraints())
        assert all(rule in standing for rule in scan(before).constraints())
        assert not any(secret in text for secret in self.person.secrets)
        assert self._doubled(text) == Counter(), self._doubled(text)
        self.longest = max(self.longest, text.count("\n"))
        movable = ("fact", "trip", "secret")
        kept = [
            line
            for line in text.split("\n")
            if not any(atom[0] in movable for atom in meaning(line))
        ]
        limit = max(self.workspace.config.max_memory_lines, len(kept))
        self.most_over = max(self.most_over, text.count("\n") - limit)

    def _doubled(self, text: str) -> Counter[tuple[str, str]]:
        """Return the points and sections that stand more often than on the first day."""
        return +(_points(text) - _points(self.first) - Counter(dict.fromkeys(_points(text), 1)))

    def wrong_origins(self) -> list[object]:
        """Return the lines that `blame` tells other than they came, with what it says."""
        first, found = Counter(bare(self.first)), []
        for row in blame_lines(self.workspace, self.text):
            told = {note.id for note in row.notes}
            if row.line in self.by_hand:
                is_right = row.how.startswith("by hand")
            elif row.line in self.origins:
                is_right = bool(told) and told <= self.origins[row.line]
            else:
                is_right = row.how == BEFORE_MEMSYNC and row.line in first
            if not is_right:
                found.append((row, self.origins.get(row.line)))
        return found


def _points(text: str) -> Counter[tuple[str, str]]:
    outline, path = scan(text), ""
    paths = {heading.line: heading.path for heading in outline.headings}
    found = Counter((heading.path, "a section") for heading in outline.headings)
    for number, line in enumerate(outline.lines):
        path = paths.get(number, path)
        if outline.kinds[number] is Kind.TEXT and is_list_item(line):
            found[path, line.strip()] += 1
    return found
