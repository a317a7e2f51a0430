"""Tells a random string from a word, a name, a path or a number: by its letters, not by a list."""

from __future__ import annotations

import re
from itertools import pairwise

_FOLLOWERS = (
    "abcdfgiklmnprstuvwxy baceijlorsuy cacehiklmorstuy dabdegilorsu eabcdefgilmnopqrstuvwxy"
    " faefilorstu gaeghilnorsu haeiortu iabcdefglmnoprstvxz je kaeils lacdeilopstuy mabdeimopsu"
    " nacdefgiklnopstuvy oabcdfgiklmnoprstuvwxy paehiloprstuy qu racdefgiklmnoprstuvy"
    " sacehiklmopstuwy tacdefhilmnoprstuwy uabcdefgilmnprst vaeio waehinors xceipt yinpst zei"
)
_COMMON = frozenset(group[0] + second for group in _FOLLOWERS.split() for second in group[1:])
"""Pairs of letters that make up 96 % of the words in English prose and code: the first letter of
each group, before each of the others. A pair of random letters is one of them in 4 of 10 cases."""

_NUMBER = r"[#~<>=±+-]?v?\d+(?:[.,:/x\u00d7-]\d+)*(?:[a-zA-Z%°]{0,3}|/\w{1,3})"
_FILE = (
    r"\.(?:md|txt|py|pyi|js|jsx|ts|tsx|mjs|json|jsonl|ya?ml|toml|ini|cfg|conf|env|sh|go|rs|rb|java|kt|"
    r"swift|cs|c|h|cpp|css|html?|xml|sql|csv|tsv|pem|key|crt|pub|png|jpe?g|pdf|zip|gz|log|lock|local|"
    r"com|org|net|io|dev|app|de|fr|uk|eu)(?:[:#?].{0,40})?$"
)
_NAME = re.compile(r"(?i)[a-z]{1,4}\d{1,5}|\d{1,3}[a-z]{1,3}")
_WELL_KNOWN = (
    r"(?i)argon2(?:id|i|d)?|oauth2?|base\d\d|ed\d{5}|sha\d{1,4}(?:sum)?|md5(?:sum)?|aes\d{0,3}"
    r"|pbkdf2|secp\d{3}[kr]1|1password|k8s|utf\d{1,2}|ipv[46]|auth0|[hre]s\d{3}|v\d{1,4}|\d(?:st|nd|rd|th)"
)
_PLACEHOLDER = r"(?i)x{4,}|\*{3,}|\.{3}|…|•{3,}|_{4,}|\byour[_-]|example|placeholder|<|>|redacted"
_VARIABLE = r"[$%@{]|(?:[A-Za-z_][\w.]*)?[\[(]|[\w.]+\.environ|process\.env"
_HEX = r"(?:0x)?[0-9a-fA-F]{16,}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
# Strings here are compiled when first used, as most notes need none.
_MOST = 100
"""So much of a string is looked at."""


def is_digest(text: str) -> bool:
    """Is this hexadecimal, as a digest, a commit or a UUID is, so that it may be no credential?"""
    return bool(re.fullmatch(_HEX, text))


def is_plain(text: str) -> bool:
    """Is this surely no credential: a number, a path, an address, a name, a variable, a blank?"""
    text = text[:_MOST]
    return bool(
        "://" in text
        or text.startswith(".")
        or re.fullmatch(_NUMBER, text)
        or re.match(_VARIABLE, text)
        or re.search(_PLACEHOLDER, text)
        or (re.search(_FILE, text) and not is_random(text[: text.rfind(".")]))
        or all(
            part.isdigit() or re.fullmatch(_WELL_KNOWN, part) or _is_letters(part)
            for part in _parts(text)
        )
    )


def is_slug(text: str) -> bool:
    """Is this words, numbers and names like `h264`, joined by signs: a version, an identifier?"""
    return all(_is_word(part) for part in _parts(text[:_MOST]))


def has_kinds(text: str) -> bool:
    """Are there letters, and digits or signs among them, as rules for passwords demand?"""
    letters = any(c.isalpha() for c in text)
    return letters and any(not c.isalpha() and c not in "-_.'/" for c in text)


def is_random(text: str) -> bool:
    """Does this look as if a machine had drawn its characters?"""
    return oddness(text) >= 0.34


def oddness(text: str) -> float:
    """Return how unlike words a string is: the share of its neighbours that no word has.

    Odd are two letters that words do not have side by side, a capital inside of a word, and a
    change between letter and digit. Random strings have 0.5 or more, names 0.2 or less.
    """
    text = text[:_MOST]
    pairs = list(pairwise(text))
    return sum(map(_oddness_of_pair, pairs)) / max(len(pairs), 1)


def _oddness_of_pair(pair: tuple[str, str]) -> float:
    first, second = pair
    if first.isalpha() and second.isalpha():
        if first.islower() and second.isupper():
            return 0.5
        return 0.0 if (first + second).lower() in _COMMON else 1.0
    if first.isalnum() and second.isalnum():
        return 0.0 if first.isdigit() and second.isdigit() else 0.75
    return 0.3 if first.isalnum() or second.isalnum() else 0.0


def _parts(text: str) -> list[str]:
    return [part for part in re.split(r"[^\w]|_", text) if part]


def _is_letters(part: str) -> bool:
    return part.isalpha() and (len(part) <= 3 or oddness(part) < 0.34)


def _is_word(part: str) -> bool:
    if part.isdigit():
        return len(part) <= 8
    if _NAME.fullmatch(part) or re.fullmatch(_WELL_KNOWN, part) or _is_letters(part):
        return True
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+", part)
    return len(part) <= 4 or (
        oddness(part) < 0.2 and all(len(word) > 2 or word.isdigit() for word in words[:-1])
    )
