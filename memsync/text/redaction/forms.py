"""Credentials that are known by their form: the table in `forms.tsv`, a line a form.

Columns: the kind; what a text must contain so that the form is looked for, one of several between
`|` (`#12`: twelve digits); the check that a match must pass; the expression; where it is written
down. If the expression has a group `it`, only that is the credential. An expression that begins
with a letter or a class is a token and must not begin inside a word.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from memsync.text.redaction.checks import is_card, is_iban, is_pair, is_stellar_seed

Found = tuple[int, int, str]
"""Where a credential begins and ends, and its kind."""

_CHECKS: dict[str, Callable[[str], bool]] = {
    "-": bool,
    "iban": is_iban,
    "luhn": is_card,
    "pair": is_pair,
    "stellar": is_stellar_seed,
}


@dataclass(frozen=True)
class KnownForm:
    """One line of the table."""

    kind: str
    looks: tuple[str, ...]
    check: str
    pattern: str

    @property
    def is_token(self) -> bool:
        """Does it begin with its own first character, and not with what stands before it?"""
        return "(?P<it>" not in self.pattern and not self.pattern.startswith(("(?", "\\", "{"))


@lru_cache(maxsize=1)
def known_forms() -> tuple[KnownForm, ...]:
    """Return the lines of the table, in its order: of two forms the first one wins."""
    table = Path(__file__).with_name("forms.tsv").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in table.splitlines()[1:])
    return tuple(KnownForm(row[0], tuple(row[1].split("|")), row[2], row[3]) for row in rows)


def by_form(text: str) -> Iterator[Found]:
    """Yield what has the form of a credential."""
    forms = [form for form in known_forms() if _may_be_in(text, form.looks)]
    yield from _tokens(text, tuple(form for form in forms if form.is_token))
    for form in forms:
        if not form.is_token:
            yield from _matches(text, form)


def tokens_in(text: str) -> Iterator[Found]:
    """Yield tokens of issuers alone: what has a beginning of its own."""
    forms = (form for form in known_forms() if form.is_token and _may_be_in(text, form.looks))
    yield from _tokens(text, tuple(forms))


def _may_be_in(text: str, looks: tuple[str, ...]) -> bool:
    if looks[0].startswith("#"):
        return sum(sign.isdigit() for sign in text) >= int(looks[0][1:])
    return any(look in text for look in looks)


def _tokens(text: str, forms: tuple[KnownForm, ...]) -> Iterator[Found]:
    """Yield tokens; one may begin right where another ends."""
    if not forms:
        return
    alone, glued = _together(forms)
    found = alone.search(text)
    while found:
        form = forms[int((found.lastgroup or "k0")[1:])]
        if _CHECKS[form.check](found[0]):
            yield found.start(), found.end(), form.kind
        found = glued.match(text, found.end()) or alone.search(text, found.end())


def _matches(text: str, form: KnownForm) -> Iterator[Found]:
    group = "it" if "(?P<it>" in form.pattern else 0
    for match in _compiled(form.pattern).finditer(text):
        if _CHECKS[form.check](match[group]):
            yield match.start(group), match.end(group), form.kind


@lru_cache(maxsize=64)
def _together(forms: tuple[KnownForm, ...]) -> tuple[re.Pattern[str], re.Pattern[str]]:
    either = "|".join(f"(?P<k{at}>{form.pattern})" for at, form in enumerate(forms))
    return re.compile(rf"(?<![\w-])(?:{either})"), re.compile(either)


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
