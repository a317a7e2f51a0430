"""Making a machine-made line show what it is: no hidden characters, no import.

Agents obey their instruction file, and some read more into it than a person sees: tag and
bidirectional characters carry orders no eye finds, and ``@path`` makes Claude Code load that file
into every session (not within code spans). Lines a person wrote are never touched.
"""

from __future__ import annotations

import re
import unicodedata

from memsync.text.document import Kind, scan

# Joiners make letters of some scripts and emoji out of several characters; a variation selector
# belongs to the sign before it. Both stay where they stand between signs that use them.
_JOINERS = frozenset("\u200c\u200d")
_SELECTORS = frozenset("\ufe0e\ufe0f")
_OVERRIDES = frozenset("\u202a\u202b\u202d\u202e")
_INVISIBLE = frozenset("\u200b\u2060\u2061\u2062\u2063\u2064\ufeff\u00ad")
MOST_INVISIBLE = 2
_IMPORT = re.compile(r"(?<![\w`@/])@(?=[\w~./\\-])[^\s`,;:!?)\]}>\"']*[\w/~]")
_FILE = re.compile(r"^(?:~|\.{1,2})[/\\]|\.(?:md|mdc|markdown|txt|json|ya?ml|toml)$", re.IGNORECASE)
_CODE_SPAN = re.compile(r"(?<![`\\])(`+)(?!`).+?(?<!`)\1(?!`)")


def sanitize(text: str) -> str:
    """Return `text` without hidden characters and with every ``@path`` put into a code span.

    Idempotent. Imports within code stay as they are: nothing is loaded from there.
    """
    outline = scan(without_hidden(text))
    return "".join(
        line if kind is Kind.CODE else _without_imports(line)
        for line, kind in zip(outline.lines, outline.kinds, strict=True)
    )


def find_imports(line: str) -> list[str]:
    """Return the paths a line of text imports: ``@path``, not in a code span, naming a file.

    A name alone is someone's or a package's (``@ada``, ``@types/node``), not a file's.
    """
    text = _CODE_SPAN.sub("", line)
    found = (match[0][1:] for match in _IMPORT.finditer(text))
    return [path for path in found if _FILE.search(path)]


def without_hidden(text: str) -> str:
    """Return `text` without characters no one sees: format, tag, bidi, control, private use."""
    return "".join(
        character
        for at, character in enumerate(text)
        if not _is_hidden(character) or (character in _JOINERS and _joins(text, at))
    )


def hides_orders(text: str) -> bool:
    """Tell whether `text` holds what only a machine reads: tags, text against its direction.

    Joiners, direction marks and selectors come with honest text, too, and are none of that.
    """
    return any("\U000e0000" <= c <= "\U000e01ef" or c in _OVERRIDES for c in text) or (
        sum(c in _INVISIBLE for c in text) > MOST_INVISIBLE
    )


def _is_hidden(character: str) -> bool:
    if character in _SELECTORS or character in "\n\t":
        return False
    if "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef":
        return True  # further variation selectors carry hidden text
    return unicodedata.category(character) in {"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"}


def _joins(text: str, at: int) -> bool:
    """Tell whether a joiner stands between signs of scripts that use it, or between emoji."""
    if at == 0 or at + 1 >= len(text):
        return False
    around = (text[at - 1], text[at + 1])
    return all(not sign.isascii() and not sign.isspace() for sign in around)


def _without_imports(line: str) -> str:
    parts, at = [], 0
    for span in _CODE_SPAN.finditer(line):
        parts += [_disarmed(line[at : span.start()]), span[0]]
        at = span.end()
    return "".join([*parts, _disarmed(line[at:])])


def _disarmed(text: str) -> str:
    """Return text outside of code spans without imports; a stray backtick would undo a span."""
    return (
        _IMPORT.sub(lambda m: f"@ {m[0][1:]}", text)
        if "`" in text
        else _IMPORT.sub(r"`\g<0>`", text)
    )
