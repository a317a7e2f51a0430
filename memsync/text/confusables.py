"""How a text reads to somebody who looks past how it is spelled: one form of each letter.

What an agent reads as a word can be written in small capitals, flags, look-alike letters of other
alphabets, digits, or with marks between its letters. Text in, text out.
"""

from __future__ import annotations

import html
import re
import unicodedata
from functools import lru_cache

_LEAD = re.compile(
    r"^(?:\[\w\]|#\d+\s|[a-z][.)]\s|[ivx]{1,5}[.)]\s"
    r"|\d[\d.:/-]*(?:[.)\]:]|(?<=\d[.:/-]\d\d)\s)|[\W_])+"
)
"""What stands before the first word: bullets and boxes of all kinds, numbers, dates, quotes."""

_NUMBERS_IN_CIRCLES = re.compile("\\d\ufe0f?\u20e3|[\u2460-\u249b\u24ea-\u24ff\u2776-\u2793]")
_LEET = str.maketrans("013457@$", "oieastas")
_LOOKALIKES = str.maketrans("авекмнорстухіјѕԁɡοαενιρτυ", "abekmhopctyxijsdgoaevlptu")
"""Letters of other alphabets that pass for Latin ones."""

_OTHER_ALPHABETS = re.compile(
    "[\u0370-\u058f\u13a0-\u13ff\u1c80-\u1c8f\u2c80-\u2cff\ua4d0-\ua4ff\uab70-\uabbf]"
)

_LATIN_IN_DISGUISE = re.compile(
    r"(?:LATIN|REGIONAL INDICATOR|(?:NEGATIVE )?(?:SQUARED|CIRCLED)) .*\b([A-Z])(?: WITH .*)?"
)
"""The names of signs that are a Latin letter to the eye: small capitals, flags, boxes."""


def readings(text: str) -> set[str]:
    """Return the ways `text` may be read by one who looks past how it is spelled."""
    plain = without_lead(folded(_NUMBERS_IN_CIRCLES.sub(" ", text)))
    return {plain, _without_leet(plain), _joined(plain), plain.translate(_LOOKALIKES)}


def _without_leet(plain: str) -> str:
    """Return `plain` with digits and signs in words read as letters; a number stays one."""
    return " ".join(
        word.translate(_LEET) if any(map(str.isalpha, word)) else word for word in plain.split(" ")
    )


def without_lead(plain: str) -> str:
    """Return a folded text from its first word on."""
    return _LEAD.sub("", plain)


def folded(text: str) -> str:
    """Return `text` for comparing: one form of each letter, no accents, one space, lower case."""
    plain = unicodedata.normalize("NFKD", html.unescape(text)).casefold()
    plain = "".join(map(_bare, plain)) if not plain.isascii() else plain
    plain = plain.replace("\u2019", "'").replace("\u02bc", "'").replace("_", " ")
    plain = re.sub(r"(?<=\w)-(?=\w)", " ", plain)
    return " ".join(re.sub(r"[*~`\\]+", "", plain).split())


@lru_cache(maxsize=4096)
def _bare(sign: str) -> str:
    """Return a sign as the Latin letter that it shows; nothing where it shows none or an accent."""
    if sign.isascii():
        return sign
    if unicodedata.category(sign) in {"Mn", "Me", "Cf"}:
        return ""
    found = _LATIN_IN_DISGUISE.fullmatch(unicodedata.name(sign, ""))
    return found[1].lower() if found else sign


def _joined(plain: str) -> str:
    """Return `plain` with letters that stand apart, as in ``i g n o r e``, put together."""
    return re.sub(r"\b(?:\w[\s.\-]){3,}\w\b", lambda found: re.sub(r"[\s.\-]", "", found[0]), plain)


def mixes_alphabets(text: str) -> bool:
    """Tell whether a word is made of Latin letters and of such as pass for them."""
    return any(
        re.search(r"[a-z]", word) and _OTHER_ALPHABETS.search(word)
        for word in re.findall(r"[^\W\d_]{3,}", text.casefold())
    )
