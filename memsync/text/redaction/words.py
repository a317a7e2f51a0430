"""Credentials that are known by the words before them: `password is …`, `Passwort: …`.

The words are in `words.tsv`, a line a role and its languages. How much a string must look like a
credential depends on how closely it follows the word: after `:` or `=` little, after `is` more,
farther on in the line it must look drawn by chance.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from memsync.text.redaction.randomness import (
    has_kinds,
    is_digest,
    is_plain,
    is_random,
    is_slug,
)
from memsync.text.redaction.view import STOP

Found = tuple[int, int, str]


_IN_LINE, _NEXT, _LINKED, _ASSIGNED = range(4)
"""How a string follows the word: farther on in the line, next to it, after `is`, after `=`."""

_KINDS = {"password": "password", "key": "secret", "issuer": "secret", "code": "code"}
_REACH, _MOST_WORDS = 120, 7
_LETTER = r"[^\W\d_]"
_ENDING = r"(?:e?s|e?n|et|er|e|s[i\u0131]|n[i\u0131]|u|y|a|i|em|om|es|[\u0430-\u044f]{1,2})?"
"""How words end in the plural and in other cases, in the languages of the table."""
_TAIL = r"(?P<tail>(?:[_-][A-Za-z0-9]+|(?-i:[A-Z][a-z0-9]+)){0,5})"
_STRING = (
    r"[^\s\"'`<>|,;=:()\[\]{}*\x1e\u2e80-\u9fff\uac00-\ud7af\uff00-\uff0f\uff1a-\uff20]"
    r"[^\s\"'`<>|,;\x1e\u2e80-\u9fff\uac00-\ud7af\uff00-\uffef]*"
    r"|[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]{1,20}"
)
"""What may be a credential, or a word before it. Compiled at its first use: most need none."""

_REST = re.compile(r"[\w+/=.~%-]*")
_ASSIGN = re.compile(r"[:=\uff1a\uff1d|>\u2192]|->")
_CODE = re.compile(r"\d{3,8}[#*]?")
_YEAR = re.compile(r"(?:19|20)\d\d")


@lru_cache(maxsize=1)
def known_words() -> dict[str, frozenset[str]]:
    """Return the words of each role, in all languages."""
    table = Path(__file__).with_name("words.tsv").read_text(encoding="utf-8")
    found: dict[str, set[str]] = {}
    for line in table.splitlines()[1:]:
        role, _, words = line.split("\t")
        found.setdefault(role, set()).update(words.split("|"))
    return {role: frozenset(words) for role, words in found.items()}


def words_in(text: str, role: str) -> tuple[str, ...]:
    """Return the words of a role that stand anywhere in the text, longest first."""
    lower = text.lower()
    return tuple(sorted((w for w in known_words()[role] if w in lower), key=lambda w: (-len(w), w)))


def by_word(text: str) -> Iterator[Found]:
    """Yield what follows the word for a credential and looks like one."""
    for role, kind in _KINDS.items():
        words = words_in(text, role)
        done = 0
        for match in pattern_of(words).finditer(text) if words else ():
            if match.start() < done or _tail_of(match) & known_words()["tail"]:
                continue
            found = _follows(text, match.end(), role)
            if found:
                done = _whole(text, *found)
                yield found[0], done, kind


@lru_cache(maxsize=256)
def pattern_of(words: tuple[str, ...]) -> re.Pattern[str]:
    """Return the expression for words: alone, in compounds (`DB_PASSWORD`, `apiKey`), inflected.

    Long words may end a compound (`Datenbankpasswort`), short ones begin where a word begins.
    """
    long = [re.escape(word) for word in words if _is_european(word) and len(word) > 5]
    short = [re.escape(word) for word in words if _is_european(word) and len(word) <= 5]
    other = [re.escape(word) for word in words if not _is_european(word)]
    camel = [re.escape(word.capitalize()) for word in words if word.isascii() and len(word) <= 5]
    ways = []
    if long:
        ways.append(f"(?:{'|'.join(long)}){_ENDING}(?!(?-i:[a-zß-ÿа-я]))")
    if short:
        ways.append(f"(?<!{_LETTER})(?:{'|'.join(short)}){_ENDING}(?!(?-i:[a-zß-ÿа-я]))")
        ways.append(f"(?-i:(?<=[a-z])(?:{'|'.join(camel)})s?(?![a-z]))" if camel else "(?!)")
    if other:
        ways.append(f"(?:{'|'.join(other)})")
    return re.compile(f"(?:{'|'.join(ways)}){_TAIL}", re.IGNORECASE)


def _is_european(word: str) -> bool:
    return all(ord(sign) < 0x530 for sign in word)


def _tail_of(match: re.Match[str]) -> set[str]:
    parts = re.split(r"[_-]|(?<=[a-z0-9])(?=[A-Z])", match["tail"] or "")
    return {part.lower() for part in parts if part}


def _follows(text: str, at: int, role: str) -> tuple[int, int] | None:
    """Return where the credential stands that the word before `at` announces."""
    end = _end_of_line(text, at)
    line = text[at:end]
    if not re.search(_STRING, line):
        return _on_next_line(text, at, end, role)
    gap_from, previous = 0, ""
    for count, match in enumerate(re.finditer(_STRING, line)):
        if count >= _MOST_WORDS or previous.endswith((".", "!", "?")):
            return None
        nearness = _nearness(line[gap_from : match.start()], previous, first=count == 0)
        is_labelled = previous.endswith((":", "="))
        found = _judged(line, match, role, nearness, is_labelled=is_labelled)
        if found:
            return at + found[0], at + found[1]
        gap_from, previous = match.end(), match[0]
    return None


def _end_of_line(text: str, at: int) -> int:
    limit = min(at + _REACH, len(text))
    ends = [text.find(sign, at, limit) for sign in ("\n", STOP)]
    return min((end for end in ends if end >= 0), default=limit)


def _whole(text: str, start: int, end: int) -> int:
    """Return where a credential ends that is longer than what was looked at."""
    if end < start + _REACH // 2 or "\n" in text[start:end]:
        return end
    rest = _REST.match(text, end)
    return end + len(rest[0].rstrip(".%")) if rest else end


def _on_next_line(text: str, at: int, end: int, role: str) -> tuple[int, int] | None:
    """Return the single string of the next line, where the word ends its line: a label."""
    label = text[at:end]
    rest = text[end : end + 40]
    blank = len(rest) - len(rest.lstrip("\r\n \t>-*"))
    if STOP in text[at : end + 1] or "\n" not in rest[:blank]:
        return None
    start = end + blank
    line = text[start : _end_of_line(text, start)]
    match = re.search(_STRING, line)
    if not match or line.strip(" \t\r`\"'*") != match[0]:
        return None
    found = _judged(line, match, role, _LINKED if label.strip() else _NEXT)
    return (start + found[0], start + found[1]) if found else None


def _nearness(gap: str, previous: str, *, first: bool) -> int:
    if first and _ASSIGN.search(gap):
        return _ASSIGNED
    if _ASSIGN.search(gap) or previous.endswith((":", "=")) or "\u2014" in gap or "`" in gap:
        return _LINKED
    if previous.lower() in known_words()["link"] or previous in {"\u2014", "\u2013", "-"}:
        return _LINKED
    return _NEXT if first else _IN_LINE


def _judged(
    line: str, match: re.Match[str], role: str, nearness: int, *, is_labelled: bool = False
) -> tuple[int, int] | None:
    """Return what of the line is the credential that begins with this string, if it is one."""
    string = match[0].rstrip(".,;:!?)]}*。")
    if not string or string[0] >= "\u3040":
        return None
    start, end = match.start(), match.start() + len(string)
    if role == "code":
        return (start, end) if _is_code(string, nearness) else None
    if role == "password" and (nearness is _ASSIGNED or is_labelled):
        phrase = _phrase(line[match.start() :])
        if phrase:
            return start, start + phrase
    is_one = {"password": _is_password, "key": _is_key, "issuer": _is_bare_key}[role]
    return (start, end) if is_one(string, nearness) else None


def _is_password(string: str, nearness: int) -> bool:
    if len(string) < 6 or is_plain(string) or (is_digest(string) and nearness < _ASSIGNED):
        return False
    if nearness is _IN_LINE:
        return len(string) >= 8 and _has_digit_and_letter(string) and is_random(string)
    if len(string) >= 6 and has_kinds(string):
        return True
    return len(string) >= 8 and is_random(string)


def _is_key(string: str, nearness: int) -> bool:
    if len(string) < 8 or is_plain(string) or (nearness < _ASSIGNED and is_slug(string)):
        return False
    if nearness is _ASSIGNED:
        return len(string) >= 8 and (_has_digit_and_letter(string) or is_random(string))
    if nearness is _IN_LINE:
        return len(string) >= 16 and not is_digest(string) and _is_drawn(string)
    return (is_digest(string) and len(string) in {32, 40, 64, 128}) or (
        len(string) >= 12 and not is_digest(string) and _is_drawn(string)
    )


def _is_bare_key(string: str, nearness: int) -> bool:
    """Is this what a company named before it may have issued? No digest and no identifier is."""
    return (
        nearness >= _IN_LINE
        and len(string) >= 24
        and not is_plain(string)
        and not is_digest(string)
        and _is_drawn(string)
        and any(sign.isupper() for sign in string)
    )


def _is_drawn(string: str) -> bool:
    return _has_digit_and_letter(string) and not is_slug(string) and is_random(string)


def _has_digit_and_letter(string: str) -> bool:
    return any(c.isdigit() for c in string) and any(c.isalpha() for c in string)


def _is_code(string: str, nearness: int) -> bool:
    if not _CODE.fullmatch(string):
        return False
    return nearness > _IN_LINE or (len(string) >= 4 and not _YEAR.fullmatch(string))


def _phrase(line: str) -> int:
    """Return the length of a phrase of words that fills the line; 0 if it is prose."""
    words = line.rstrip(" \t\r\"'`*").split(" ")
    bare = [word for word in words if word]
    if len(bare) == 1:
        return len(bare[0]) if bare[0].isalpha() and len(bare[0]) >= 16 else 0
    letters = [word for word in bare if word.isalpha()]
    is_drawn = (
        len(letters) >= 3
        and 4 <= len(bare) <= 12
        and all(word.isalpha() or word.isdigit() for word in bare)
        and all(word.islower() for word in letters)
        and not known_words()["prose"] & set(letters)
    )
    return len(line.rstrip(" \t\r\"'`*")) if is_drawn else 0
