"""Finds credentials in a text and replaces them before a model or an agent sees them.

Known are the forms of issuers and files (`forms.tsv`), what follows words for a credential in many
languages (`words.tsv`), private keys, lists of codes and a wallet's words. Each credential becomes
``[redacted: KIND]``; text without one stays as it is, byte for byte.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from memsync.text.redaction.blocks import KEY, by_block, by_column
from memsync.text.redaction.forms import Found, by_form, tokens_in
from memsync.text.redaction.view import STOP, View, joined, view_of
from memsync.text.redaction.words import by_word


@dataclass(frozen=True)
class Credential:
    """What looks like a credential: where in the text it begins and ends, and its kind."""

    start: int
    end: int
    kind: str


def redact(text: str) -> str:
    """Replace everything that looks like a credential; doing so twice changes nothing more.

    A credential over several lines is replaced in each of them; a private key is replaced whole.
    """
    while found := find_credentials(text):
        text = _without(text, found)
    return text


def find_credentials(text: str) -> list[Credential]:
    """Return what looks like a credential, in the order of the text; none of them overlap."""
    view = view_of(text)
    found = [Credential(*view.span(start, end), kind) for start, end, kind in _all_in(view)]
    wide = joined(view)
    if wide:
        spans = (
            (*wide.span(start, end), kind)
            for start, end, kind in tokens_in(wide.text)
            if STOP not in wide.text[start:end]
        )
        found += [Credential(*span) for span in spans if "\n" in text[span[0] : span[1]]]
    return _merged(piece for one in found for piece in _by_lines(text, one))


def _all_in(view: View) -> Iterator[Found]:
    for look in (by_block, by_form, by_column, by_word):
        for start, end, kind in look(view.text):
            if STOP not in view.text[start:end]:
                yield start, end, kind


def _without(text: str, found: list[Credential]) -> str:
    parts, at = [], 0
    for one in found:
        parts += [text[at : one.start], f"[redacted: {one.kind}]"]
        at = one.end
    return "".join((*parts, text[at:]))


def _by_lines(text: str, one: Credential) -> Iterator[Credential]:
    """Yield a credential line by line; a private key is one block."""
    if one.kind == KEY:
        yield one
        return
    at = one.start
    for line in text[one.start : one.end].split("\n"):
        bare = line.strip(" \t\r>\\")
        if bare:
            start = at + line.index(bare)
            yield Credential(start, start + len(bare), one.kind)
        at += len(line) + 1


def _merged(found: Iterable[Credential]) -> list[Credential]:
    merged: list[Credential] = []
    for one in sorted(found, key=lambda one: one.start):
        if merged and one.start < merged[-1].end:
            last = merged[-1]
            merged[-1] = Credential(last.start, max(last.end, one.end), last.kind)
        else:
            merged.append(one)
    return merged
