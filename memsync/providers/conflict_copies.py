"""Conflict copies: the second file a sync client makes where two machines wrote one at once.

Names alone, no file is read. A name is `certain` where only a sync client would make it; others a
person might have chosen as well (``NAME 2.md``, ``NAME-laptop.md``), and whoever acts on those has
to look at the content first. `docs/conflicts.md` lists the clients.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

# "conflict" in the languages sync clients speak; Dropbox translates its suffix. Each is spelled as
# NFC has it, which is not always one character for what looks like one.
_CONFLICT = (
    r"(?:conflict|konflikt?|conflit|kolizj|kolidując|sprzeczn|ristiriit|ütköz|çak|çelişki|rozpor"
    r"|sukob|сукоб|конфликт|конфлікт|суперечлив|motstridig|motstridende|modstridende"
    r"|uoverensstemmende|bercanggah|bertentangan|xung đột|σύγκρουσ|διένεξ|競合|矛盾|冲突|衝突|충돌"
    r"|ขัดแย้ง|विरोध|टकराव|تعارض|تضارب|تناقض|תנגש|סותר)"
)
_MOMENT = r"\d{4}-\d\d-\d\d"
_CLASH = r"(?:case|unicode encoding|selective sync)"
_WORDS = r"(?:[^()]|\([^()]*\))*"


@dataclass(frozen=True)
class _Suffix:
    """How one client marks a copy, between the name's stem and its ending."""

    client: str
    pattern: re.Pattern[str]
    certain: bool = True


def _suffix(client: str, pattern: str, *, certain: bool = True) -> _Suffix:
    return _Suffix(client, re.compile(pattern, re.IGNORECASE), certain)


# The first that fits counts, so the open-ended ones come last.
_BEFORE_ENDING = (
    _suffix("Syncthing", r"\.sync-conflict-\d{8}-\d{6}(?:-[A-Z0-9]{7})?"),
    _suffix("OneDrive for Linux", r"-[^/]+?-safeBackup-\d{4}"),
    _suffix("Nextcloud", rf" \(conflicted copy (?:[^()]* )?{_MOMENT} \d{{6}}\)"),
    _suffix("Obsidian Sync", rf" \(conflicted copy {_WORDS} \d{{12}}\)"),
    _suffix("Dropbox", rf" ?\((?:[^()]*['\u2019]s )?(?:{_CLASH} conflict)(?: \d+)?\)"),
    _suffix("Dropbox", rf" ?\((?=.*{_MOMENT}){_WORDS}{_CONFLICT}{_WORDS}\)"),
    _suffix("Dropbox", rf" ?\((?:{_WORDS}['\u2019]s )?conflicted copy(?: \(?\d+\)?)?\)"),
    _suffix("pCloud", r" ?\[conflicted\](?: ?\d+)?"),
    _suffix("Nextcloud", r"[._]conflict-[\w.-]*\d[\w.-]*"),
    _suffix("rclone", r"\.\.path[12]"),
    _suffix("rclone", r"\.conflict\d+"),
    _suffix("another client", r" ?\(conflict(?:ed)?(?: \d+)?\)", certain=False),
    _suffix("Google Drive", r" ?\(\d{1,3}\)", certain=False),
    _suffix("iCloud", r" \d{1,3}", certain=False),
    _suffix("OneDrive", r"-(?P<host>[^\W_][\w\u2019' .-]{0,62})", certain=False),
)
_BEHIND_ENDING = re.compile(r"(?P<name>.+)(?:\.conflict\d+|\.\.path[12])")


@dataclass(frozen=True)
class Copy:
    """What a name says: which client made the copy, whether that is certain, and its machine."""

    client: str
    certain: bool
    host: str = ""


_ITSELF = Copy("", certain=True)


def recognise_copy(name: str, original: str) -> Copy | None:
    """Return what kind of copy of `original` a file called `name` is; None where it is none.

    Copies of copies are copies. The original itself, temp files and placeholders are none.
    """
    # macOS gives the accents of a name as characters of their own.
    return _recognise(unicodedata.normalize("NFC", name), original)


def has_similar_name(name: str, original: str) -> bool:
    """Tell whether a name begins and ends as `original` does, as that of a copy might."""
    stem, dot, ending = original.casefold().rpartition(".")
    folded = name.casefold()
    return (
        folded != original.casefold() and folded.startswith(stem) and folded.endswith(dot + ending)
    )


def _recognise(name: str, original: str) -> Copy | None:
    if name == original or name.startswith((".", "~")) or name.endswith(".tmp"):
        return None
    behind = _BEHIND_ENDING.fullmatch(name)
    if behind:
        inner = _recognise(behind["name"], original)
        known = inner or behind["name"].casefold() == original.casefold()
        return Copy("rclone", certain=inner is None or inner.certain) if known else None
    stem, _, ending = original.rpartition(".")
    if not name.casefold().endswith(f".{ending}".casefold()):
        return None
    return _of_stem(name[: -len(ending) - 1], stem)


@lru_cache(maxsize=4096)
def _of_stem(name: str, stem: str) -> Copy | None:
    if not name.casefold().startswith(stem.casefold()):
        return None
    for suffix in _BEFORE_ENDING:
        for at in range(len(stem), len(name)):
            match = suffix.pattern.fullmatch(name, at)
            inner = match and (_ITSELF if at == len(stem) else _of_stem(name[:at], stem))
            if match and inner:
                host = inner.host or match.groupdict().get("host") or ""
                return Copy(suffix.client, inner.certain and suffix.certain, host)
    return None
