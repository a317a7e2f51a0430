"""Hidden characters and imports: taken out of lines that a machine wrote, shown to a person.

Agents obey their instruction file, and some of it is invisible to a person: tag and bidirectional
characters can carry hidden orders, and ``@path`` outside of code makes Claude Code load that file
into every session. Lines that a person wrote are never changed, but where they are shown, what they
hide is shown as well.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from memsync.text.document import Kind, scan

# Joiners make one letter or emoji out of several characters; a variation selector belongs to the
# character before it. Both stay if the characters around them use them.
_JOINERS = frozenset("\u200c\u200d")
_SELECTORS = frozenset("\ufe0e\ufe0f")
MOST_INVISIBLE = 2
# Unicode's Default_Ignorable_Code_Point (DerivedCoreProperties.txt), which no font shows; controls
# but tab and line feed; separators, annotations and half characters.
_UNSEEN = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
# In place: a joiner between letters or emoji, one selector behind the sign it belongs to, CR LF.
_SIGN = rf"[^\x00-\x7f\s\ufe00-\ufe0f{_UNSEEN}]"
_IN_PLACE = (
    rf"(?:(?<={_SIGN})|(?<={_SIGN}[\ufe0e\ufe0f]))[\u200c\u200d](?={_SIGN})"
    rf"|(?<=[0-9#*]|{_SIGN})[\ufe0e\ufe0f]|\r\n"
)
_UNSEEN_RUN = re.compile(rf"(?:(?!{_IN_PLACE})[\ufe00-\ufe0f{_UNSEEN}])+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_NO_CONTROLS = re.compile(r"[^\x00-\x1f\x7f-\x9f]+")
_IMPORT = re.compile(r"(?<![\w`@/])@(?=[\w~./\\-])[^\s`,;:!?)\]}>\"']*[\w/~]")
_FILE = re.compile(r"^(?:~|\.{1,2})[/\\]|\.(?:md|mdc|markdown|txt|json|ya?ml|toml)$", re.IGNORECASE)
_CODE_SPAN = re.compile(r"(?<![`\\])(`+)(?!`).+?(?<!`)\1(?!`)")


def sanitize(text: str) -> str:
    """Remove hidden characters and put every ``@path`` into a code span.

    Doing so twice changes nothing more. An ``@path`` in code stays, because no agent loads it.
    """
    outline = scan(without_hidden(text))
    return "".join(
        line if kind is Kind.CODE else _without_imports(line)
        for line, kind in zip(outline.lines, outline.kinds, strict=True)
    )


def find_imports(line: str) -> list[str]:
    """Return the file paths that a line imports by ``@path`` outside of code spans.

    A bare name is a person's or a package's (``@ada``, ``@types/node``), not a file's.
    """
    text = _CODE_SPAN.sub("", line)
    found = (match[0][1:] for match in _IMPORT.finditer(text))
    return [path for path in found if _FILE.search(path)]


def without_hidden(text: str) -> str:
    """Return `text` without invisible characters: format, tag, bidi, control, private use."""
    return "".join(
        character
        for at, character in enumerate(text)
        if not _is_hidden(character) or (character in _JOINERS and _is_joining(text, at))
    )


def split_unseen(text: str) -> Iterator[tuple[str, str]]:
    """Yield the pieces of `text`: what a reader sees, and the unseen characters that follow it."""
    end = 0
    for run in _UNSEEN_RUN.finditer(text):
        yield text[end : run.start()], run[0]
        end = run.end()
    yield text[end:], ""


def make_visible(text: str) -> str:
    """Return `text` for a terminal: � for each control, ``<U+202E>`` for what else is unseen.

    Tabs, line endings, and joiners and selectors in their place stay.
    """
    return "".join(seen + _spell(unseen) for seen, unseen in split_unseen(text))


def _spell(unseen: str) -> str:
    return _CONTROL.sub("\ufffd", _NO_CONTROLS.sub(lambda run: _name(run[0]), unseen))


def _name(unseen: str) -> str:
    if len(unseen) > MOST_INVISIBLE:
        return f"<{len(unseen)} invisible>"
    return "".join(f"<U+{ord(character):04X}>" for character in unseen)


def _is_hidden(character: str) -> bool:
    if character in _SELECTORS or character in "\n\t":
        return False
    if "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef":
        return True  # further variation selectors carry hidden text
    return unicodedata.category(character) in {"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"}


def _is_joining(text: str, at: int) -> bool:
    """Does the joiner at this place stand between emoji, or letters of a script that uses it?"""
    if at == 0 or at + 1 >= len(text):
        return False
    around = (text[at - 1], text[at + 1])
    return all(not sign.isascii() and not sign.isspace() for sign in around)


def _without_imports(line: str) -> str:
    parts, at = [], 0
    for span in _CODE_SPAN.finditer(line):
        parts += [_disarm(line[at : span.start()]), span[0]]
        at = span.end()
    return "".join([*parts, _disarm(line[at:])])


def _disarm(text: str) -> str:
    """Disable the imports in text outside of code spans; a stray backtick rules out a code span."""
    return (
        _IMPORT.sub(lambda m: f"@ {m[0][1:]}", text)
        if "`" in text
        else _IMPORT.sub(r"`\g<0>`", text)
    )
