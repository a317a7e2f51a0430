"""Edits to a memory: what the model may ask for, checked and applied in code.

The promise: a line that no edit names stays as it is, byte for byte, and stays the same kind of
line: no edit can turn it into code, a comment or a heading. `docs/refresh.md` describes the format.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from memsync.text.document import Heading, Kind, Outline, is_list_item, line_ending, scan, title

# A line in brackets, or after an ellipsis or a comment sign, that stands for lines left out.
_ELISION = re.compile(
    r"^[\s>*+-]*"
    r"(?=.*\b(?:rest|remaind\w+|remaining|existing|other|previous)\b.*"
    r"(?:\.\.\.|…|\b(?:unchanged|same|remains?|stays?|omitted|as is|as before|here)\b))"
    r"(?:\[[^\]]*\]\W*$|\((?:[^()]|\([^()]*\))*\)\W*$|<[^<>]*>\W*$"
    r"|(?:#\s*)?(?:\.\.\.|…)|//|#\s*(?:the\s+)?(?:rest|remaining|existing)\b)",
    re.IGNORECASE,
)


class EditError(ValueError):
    """An edit that cannot be applied; the text tells the model and the person which one and why."""


@dataclass(frozen=True)
class Edit:
    """One edit. `op` is add, replace or remove; the tool's schema defines the other fields."""

    op: str
    section: str = ""
    after: str = ""
    find: str = ""
    text: str = ""


@dataclass(frozen=True)
class AppliedEdits:
    """A text with its edits applied, and how many lines it lost; replaced lines do not count."""

    text: str
    lines_gone: int


def parse_edits(raw: object) -> tuple[Edit, ...]:
    """Parse the ``edits`` value of a tool call.

    Raises:
        EditError: the value is not a list of edits of the documented shape.
    """
    if not isinstance(raw, list):
        raise EditError("`edits` must be a list")
    return tuple(_parse_one(number, entry) for number, entry in enumerate(raw, start=1))


def _parse_one(number: int, entry: object) -> Edit:
    if not isinstance(entry, Mapping):
        raise EditError(f"edit {number} is no object")
    values: dict[str, str] = {}
    for name in ("op", "section", "after", "find", "text"):
        value = entry.get(name)
        if value is None:
            value = ""
        if not isinstance(value, str):
            raise EditError(f"edit {number}: `{name}` must be a string")
        values[name] = _normalise(value)
    edit = Edit(**values)
    problem = _find_problem(edit)
    if problem:
        raise EditError(f"edit {number}: {problem}")
    return edit


def _normalise(value: str) -> str:
    text = value.replace("\r\n", "\n").replace("\r", "\n")
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "")


def _find_problem(edit: Edit) -> str:
    """Return what is wrong with the edit by itself; empty if nothing is."""
    adds, removes = edit.op == "add", edit.op == "remove"
    problems = {
        "`op` must be add, replace or remove": edit.op not in {"add", "replace", "remove"},
        "an add needs a `section` or an `after`": adds
        and not (edit.section.strip() or edit.after.strip()),
        "a replace or remove needs `find`": not adds and not edit.find.strip(),
        "`text` is empty; to take lines away use op remove": not removes and not edit.text.strip(),
        "`section` must be one line": "\n" in edit.section.strip(),
        "`text` stands in for lines instead of giving them; untouched lines need no mention": any(
            _ELISION.match(line) for line in edit.text.split("\n")
        ),
    }
    return next((problem for problem, is_so in problems.items() if is_so), "")


def apply_edits(text: str, edits: Iterable[Edit]) -> AppliedEdits:
    """Apply the edits to `text` in order; each edit sees the result of those before it.

    Raises:
        EditError: an edit names lines that do not occur exactly once, or an ambiguous section; or
            the edits would change the kind of a line that they do not name.
    """
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    editor = _Editor(text.removeprefix(mark))
    gone = 0
    for number, edit in enumerate(edits, start=1):
        try:
            gone += editor.apply(edit)
        except EditError as error:
            raise EditError(f"edit {number} ({edit.op}): {error}") from None
    result = editor.text()
    editor.check_untouched(result)
    return AppliedEdits(mark + result, gone)


class _Editor:
    """A text being edited. `origins` has each line's number in the old text; None if it is new."""

    def __init__(self, text: str) -> None:
        self._before = scan(text)
        self._ending = line_ending(text)
        self._final_newline = text.endswith("\n") or not self._before.lines
        self.lines = list(self._before.lines)
        self.origins: list[int | None] = list(range(len(self.lines)))

    def text(self) -> str:
        return "".join((*self.lines[:-1], *map(self._as_last, self.lines[-1:])))

    def _as_last(self, line: str) -> str:
        """Return the last line with or without a newline, as in the old text."""
        if self._final_newline:
            return line if line.endswith("\n") else line + self._ending
        if not line.endswith("\n") or not line.strip():
            return line
        return line.removesuffix("\n").removesuffix("\r")

    def apply(self, edit: Edit) -> int:
        """Apply one edit and return how many lines it removed without replacing them."""
        outline = scan(self.text())
        if edit.op == "add":
            self._add(outline, edit)
            return 0
        start, end = self._locate(outline, edit.find, edit.section, "find")
        new = [] if edit.op == "remove" else edit.text.strip("\n").split("\n")
        gone = sum(1 for line in self.lines[start:end] if line.strip())
        self._splice(start, end, new)
        return max(0, gone - sum(1 for line in new if line.strip()))

    def _add(self, outline: Outline, edit: Edit) -> None:
        new = edit.text.strip("\n").split("\n")
        if edit.after.strip():
            _, end = self._locate(outline, edit.after, edit.section, "after")
            if not _has_block(self.lines, end, end + 1, new):
                self._splice(end, end, new)
            return
        found = outline.find_sections(edit.section)
        if len(found) > 1:
            paths = ", ".join(repr(heading.path) for heading in found)
            raise EditError(f"section {edit.section!r} stands {len(found)} times: {paths}")
        if found:
            self._add_to_section(outline, found[0], new)
        else:
            self._add_section(outline, edit.section, new)

    def _add_section(self, outline: Outline, name: str, new: list[str]) -> None:
        heading = title(name.rsplit(" > ", 1)[-1])
        if not heading:
            raise EditError("`section` names nothing")
        end = _last_text_line(outline, 0, len(self.lines)) + 1
        lead = [outline.open_fence] if outline.open_fence else []
        # Below a top-level "Hard constraints" a new section would itself become a constraint.
        marks = "#" if _ends_in_top_constraint(outline) else "##"
        above = [""] if self.lines else []
        self._splice(end, end, [*lead, *above, f"{marks} {heading}", "", *new])

    def _add_to_section(self, outline: Outline, heading: Heading, new: list[str]) -> None:
        body_end = outline.body_end(heading)
        if _has_block(self.lines, heading.body, body_end, new):
            return
        last = _last_text_line(outline, heading.body, body_end)
        at, lead = last + 1, list[str]()
        if outline.open_fence and body_end == len(self.lines):
            lead = [outline.open_fence, ""]
        elif _wants_blank(outline, heading, last, new[0]):
            # Use the blank line that a removal left behind, or blank lines would add up.
            is_there = at < body_end and outline.kinds[at] is Kind.TEXT
            at, lead = (at + 1, []) if is_there else (at, [""])
        crowded = at == body_end < len(self.lines)
        self._splice(at, at, [*lead, *new, *([""] if crowded else [])])

    def _locate(self, outline: Outline, wanted: str, section: str, what: str) -> tuple[int, int]:
        start, end = self._scope(outline, section)
        block = wanted.strip("\n").split("\n")
        for same in (_is_same, _is_same_but_for_trailing_space):
            places = [
                at
                for at in range(start, end - len(block) + 1)
                if all(same(self.lines[at + i], line) for i, line in enumerate(block))
            ]
            if len(places) == 1:
                return places[0], places[0] + len(block)
            if places:
                raise EditError(
                    f"the lines of `{what}` stand {len(places)} times; name a `section` or give"
                    f" more lines around {block[0]!r}"
                )
        raise EditError(f"the lines of `{what}` do not stand there: {block[0]!r}")

    def _scope(self, outline: Outline, section: str) -> tuple[int, int]:
        found = outline.find_sections(section) if section.strip() else []
        if len(found) == 1:
            return found[0].line, outline.section_end(found[0])
        return 0, len(self.lines)

    def _splice(self, start: int, end: int, new: list[str]) -> None:
        if start == len(self.lines) and self.lines and not self.lines[-1].endswith("\n"):
            self.lines[-1] += self._ending
        ending = self._ending
        if start < end and self.lines[start].endswith("\n"):
            ending = "\r\n" if self.lines[start].endswith("\r\n") else "\n"
        self.lines[start:end] = [line + ending for line in new]
        self.origins[start:end] = [None] * len(new)

    def check_untouched(self, result: str) -> None:
        """Raise `EditError` if a line that no edit named is now of another kind."""
        kinds = scan(result).kinds
        for line, origin, kind in zip(self.lines, self.origins, kinds, strict=True):
            if origin is None or not line.strip():
                continue
            if self._before.kinds[origin] is not kind:
                raise EditError(
                    f"the edits would turn a line they do not name from"
                    f" {self._before.kinds[origin].value} to {kind.value}: {line.strip()!r};"
                    " open and close every code fence and comment within one `text`"
                )


def _is_same(line: str, wanted: str) -> bool:
    return line.rstrip("\r\n") == wanted


def _is_same_but_for_trailing_space(line: str, wanted: str) -> bool:
    return line.rstrip() == wanted.rstrip()


def _has_block(lines: list[str], start: int, end: int, block: list[str]) -> bool:
    """Do the lines of `block` already begin on a line of this range?"""
    return any(
        all(_is_same(lines[at + i], line) for i, line in enumerate(block))
        for at in range(start, min(end, len(lines) - len(block) + 1))
    )


def _ends_in_top_constraint(outline: Outline) -> bool:
    return any(
        heading.is_constraint and heading.level == 1
        for heading in outline.headings
        if outline.section_end(heading) == len(outline.lines)
    )


def _last_text_line(outline: Outline, start: int, end: int) -> int:
    """Return the last line of the range that is not blank, or the line before the range."""
    last = end - 1
    while last >= start and not outline.lines[last].strip():
        last -= 1
    return last


def _wants_blank(outline: Outline, heading: Heading, last: int, first_new: str) -> bool:
    """Does a blank line belong between line `last` and the text added after it?"""
    if last < heading.body:
        return not _is_tight(outline)
    if is_list_item(first_new) or first_new[:1] in {" ", "\t"}:
        return not _ends_in_list(outline, heading, last)
    return not (first_new.startswith("|") and outline.lines[last].lstrip().startswith("|"))


def _is_tight(outline: Outline) -> bool:
    """Does this memory usually have text directly below its headings?"""
    below = [outline.lines[h.body] for h in outline.headings if h.body < len(outline.lines)]
    written = sum(1 for line in below if line.strip() and not line.lstrip().startswith("#"))
    return written * 2 > len(below)


def _ends_in_list(outline: Outline, heading: Heading, last: int) -> bool:
    for number in range(last, heading.body - 1, -1):
        line = outline.lines[number]
        if outline.kinds[number] is not Kind.TEXT or not line.strip():
            return False
        if is_list_item(line):
            return True
    return False
