"""Which edits from a stranger's note may be applied, and which wait because they read like orders.

A note that came by the network, or from a transcript, may contain what another person wrote, and
agents that can use a shell obey what is in the memory. Nothing here judges what a text means. An
edit passes if it changes no section that gives instructions and adds only plain statements. If not,
it waits, and the person sees it. Text in, verdict out.
"""

from __future__ import annotations

import html
import re
import tomllib
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache
from pathlib import Path
from typing import Any

from memsync.text.confusables import folded, mixes_alphabets, without_lead
from memsync.text.confusables import readings as forms
from memsync.text.document import Kind, Outline, scan
from memsync.text.edits import Edit, EditError, apply_edits
from memsync.text.sanitizing import hides_orders

_SENTENCE = re.compile(
    r"(?<=[.!?;:\u2014\u3002\u2192])\s+|[!?;:](?=[^\W\d])|(?<=\w\w)\.(?=[^\W\d]+\s)"
    r"|\s+[-/|\u2013\u2014\u2022\u00b7\u2192]\s+|\s[(\[{]|,?\s+(?:and|then|so)\s+|,\s+|\n"
)
_RULE = re.compile(r"(?:when|if|before|unless|where) [^,.]{3,80}, \w")
"""How a rule begins: with a condition and a comma."""

_POLITE = re.compile(
    r"^(?:(?:please|kindly|now|then|also|first|next|finally|and|so|just|note|important|todo|reminder"
    r"|warning|hint|tip|bitte|por favor|per favore|s'il (?:te|vous) plait|prosze"
    r"|claude|codex|gemini|assistant|agents?|ai|ok|okay|btw|by the way"
    r"|remember to|go ahead|immediately|quickly|quietly|silently|simply|(?:c|w)ould you|can you"
    r"|will you)\b[\s,:!]*)+"
)
_NARRATIVE = re.compile(
    r"\b(?:have|has|had|i've|i'd|we've|she's|he's) (?:never|always)\b"
    r"|\bmust (?:have|see|read)\b|\bif you will\b"
    r"|\bthe (?:agent|model) (?:of|from)\b|\b(?:thank|miss|love) you\b"
)
_GAP = "\ue000"  # a few words


@dataclass(frozen=True)
class Held:
    """An edit that waits for a person, and why."""

    edit: Edit
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Screened:
    """The edits that may be applied at once, and those that wait."""

    passed: tuple[Edit, ...]
    held: tuple[Held, ...]


def screen(memory: str, edits: Sequence[Edit], *, all_wait: str = "") -> Screened:
    """Return which of `edits`, made from a stranger's note, may be applied to `memory`.

    Each edit is judged by what it would do to the text that the passed edits before it leave. An
    edit that can only be applied after one that waits, waits too.

    Args:
        memory: the memory.
        edits: edits that can be applied to it, in order.
        all_wait: why all edits wait, whatever they say; empty if each is judged.
    """
    passed: list[Edit] = []
    held: list[Held] = []
    draft = memory
    for edit in edits:
        try:
            after = apply_edits(draft, (edit,)).text
        except EditError:
            held.append(Held(edit, ("it builds on a change that waits",)))
            continue
        reasons = (all_wait,) if all_wait else objections(draft, after)
        if reasons and after != draft:
            held.append(Held(edit, reasons))
        else:
            passed.append(edit)
            draft = after
    together = objections(memory, draft) if len(passed) > 1 else ()
    if together:  # each is harmless, but together they are an order
        held = [Held(edit, together) for edit in passed] + held
        passed = []
    return Screened(tuple(passed), tuple(held))


def objections(before: str, after: str) -> tuple[str, ...]:
    """Return why a person has to approve the change from `before` to `after`; empty if not."""
    old, new = scan(before), scan(after)
    orders = _sections_of_orders(old)
    found = []
    if _instructing(old, orders) != _instructing(new, orders):
        found.append("it changes a section that tells agents what to do")
    removed, added = _changed_lines(old, new)
    text = "".join(new.lines[number] for number in added)
    if any(new.kinds[number] is Kind.CODE for number in added):
        found.append("it adds code")
    if any(new.kinds[number] in {Kind.COMMENT, Kind.FRONT_MATTER} for number in added):
        found.append("it adds a comment")
    found += [f"it adds {what}" for what in _marks_in(text)]
    if reads_like_order(text):
        found.append("it adds a line that reads like an order")
    if any(has_order_words(old.lines[number]) for number in removed):
        found.append("it takes away a line that reads like an order")
    return tuple(dict.fromkeys(found))


def doubts(note: str) -> tuple[str, ...]:
    """Return why all edits from a stranger's note should wait; empty if the note is plain.

    A model that obeys a note may put its order into harmless words, so the note is judged, too.
    """
    found = ["the note holds characters that no one sees"] if hides_orders(note) else []
    found += [f"the note holds {what}" for what in _marks_in(note)]
    if reads_like_order(note):
        found.append("the note reads like an order")
    if any(_instructs(heading.text) for heading in scan(note).headings):
        found.append("the note has a heading as sections that instruct have")
    return tuple(found)


def first_doubt(notes: Iterable[str]) -> str:
    """Return the first doubt about any of `notes`; empty if all are plain."""
    return next((reason for note in notes for reason in doubts(note)), "")


def reads_like_order(text: str) -> bool:
    """Does a line of `text`, or all of it read as one line, tell somebody what to do?"""
    whole = " ".join(re.sub(r"(?<=\w)-\s*\n\s*", "", text).split())
    return any(_orders(piece) for line in text.splitlines() for piece in line.split("\t")) or (
        _orders(whole)
    )


def _orders(text: str) -> bool:
    return has_order_words(text) or any(
        _RULE.match(form) or any(map(_begins_with_verb, _SENTENCE.split(form)))
        for form in forms(text)
    )


def has_order_words(text: str) -> bool:
    """Does a line contain words of an order? A to-do that begins with a verb does not."""
    plain = folded(text)
    if any(sign in plain for sign in _words("order_signs")) or mixes_alphabets(text):
        return True
    return any(
        (_phrases("orders").search(form) and not _is_harmless(form)) or _turns().search(form)
        for form in forms(text)
    )


def _is_harmless(plain: str) -> bool:
    """Are all words of an order part of a narrative, such as `have never been` or `must have`?"""
    narrative = _NARRATIVE.sub(" ", plain)
    return _phrases("orders").search(narrative) is None


def _begins_with_verb(sentence: str) -> bool:
    plain = _POLITE.sub("", without_lead(sentence))
    if plain.startswith(_words("errands")):
        return False
    return _phrases("verbs").match(plain) is not None


@cache
def _data() -> dict[str, Any]:
    text = Path(__file__).with_suffix(".toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@cache
def _words(name: str) -> tuple[str, ...]:
    words = (folded(word.replace("*", _GAP)) for word in _data()[name].split(","))
    return tuple(word for word in words if word)


@cache
def _phrases(name: str) -> re.Pattern[str]:
    joined = "|".join(
        re.escape(word).replace(_GAP, "[^.]{1,60}").replace("\\ ", "[\\s,]+")
        for word in _words(name)
    )
    return re.compile(rf"(?<!\w)(?:{joined})(?!\w)")


@cache
def _turns() -> re.Pattern[str]:
    return re.compile("|".join(_data()["turns"].values()), re.VERBOSE)


@cache
def _marks() -> dict[str, re.Pattern[str]]:
    flags = re.VERBOSE | re.IGNORECASE | re.MULTILINE | re.ASCII
    return {what: re.compile(pattern, flags) for what, pattern in _data()["marks"].items()}


def _marks_in(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKC", text)
    readings = {plain, html.unescape(plain)}
    return [what for what, pattern in _marks().items() if any(map(pattern.search, readings))]


def _instructs(heading: str) -> bool:
    plain = re.sub(r"[^\w\s']", " ", folded(heading))
    return bool(_phrases("section_words").search(plain)) or any(
        sign in plain for sign in _words("section_signs")
    )


def _sections_of_orders(outline: Outline) -> frozenset[str]:
    """Return the paths of the sections in which most lines read like orders."""
    found = set()
    for heading in outline.headings:
        lines = [
            outline.lines[number]
            for number in range(heading.body, outline.body_end(heading))
            if outline.lines[number].strip() and outline.kinds[number] is Kind.TEXT
        ]
        if len(lines) > 1 and sum(map(has_order_words, lines)) * 2 > len(lines):
            found.add(heading.path)
    return frozenset(found)


def _instructing(outline: Outline, orders: frozenset[str]) -> list[str]:
    """Return the lines of the sections that tell agents what to do, with their headings."""
    numbers: set[int] = set()
    tops = [heading for heading in outline.headings if heading.level == 1]
    for heading in outline.headings:
        if not (heading.is_constraint or _instructs(heading.text) or heading.path in orders):
            continue
        # The title of the whole memory says nothing about the sections below it.
        is_title = tops == [heading] and heading == outline.headings[0]
        end = outline.body_end(heading) if is_title else outline.section_end(heading)
        numbers.update(range(heading.line, end))
    lines = (outline.lines[number].rstrip() for number in sorted(numbers))
    return [line for line in lines if line]


def _changed_lines(old: Outline, new: Outline) -> tuple[list[int], list[int]]:
    """Return the numbers of the old lines that are gone and of the new lines."""
    before = [line.rstrip() for line in old.lines]
    after = [line.rstrip() for line in new.lines]
    removed, added = list[int](), list[int]()
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    for kind, i1, i2, j1, j2 in matcher.get_opcodes():
        if kind != "equal":
            removed += range(i1, i2)
            added += range(j1, j2)
    return removed, added
