"""Conflict copies: the second file that a sync client makes if two machines write one file at once.

Only names count here; no file is read. A name is `certain` if only a sync client would use it. A
person may choose the other names, too (``NAME 2.md``, ``NAME-laptop.md``), so the caller has to
check the content first. `docs/conflicts.md` lists the clients.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

# "conflict" in the languages of sync clients; Dropbox translates its suffix. All are in Unicode's
# form NFC, in which a visible letter may still be several characters.
_CONFLICT = (
    r"(?:conflict|konflikt?|conflit|kolizj|kolidując|sprzeczn|ristiriit|ütköz|çak|çelişki|rozpor"
    r"|sukob|сукоб|конфликт|конфлікт|суперечлив|motstridig|motstridende|modstridende"
    r"|uoverensstemmende|bercanggah|bertentangan|xung đột|σύγκρουσ|διένεξ|競合|矛盾|冲突|衝突|충돌"
    r"|ขัดแย้ง|विरोध|टकराव|تعارض|تضارب|تناقض|תנגש|סותר)"
)
_MOMENT = r"\d{4}-\d\d-\d\d"
_CAUSE = r"(?:case|unicode encoding|selective sync)"
_WORDS = r"(?:[^()]|\([^()]*\))*"


@dataclass(frozen=True)
class _Suffix:
    """The suffix by which one client marks a copy, between the stem and the ending of the name."""

    client: str
    pattern: re.Pattern[str]
    certain: bool = True


def _suffix(client: str, pattern: str, *, certain: bool = True) -> _Suffix:
    return _Suffix(client, re.compile(pattern, re.IGNORECASE), certain)


# The first match counts, so the vague ones come last.
_BEFORE_ENDING = (
    _suffix("Syncthing", r"\.sync-conflict-\d{8}-\d{6}(?:-[A-Z0-9]{7})?"),
    _suffix("OneDrive for Linux", r"-[^/]+?-safeBackup-\d{4}"),
    _suffix("Nextcloud", rf" \(conflicted copy (?:[^()]* )?{_MOMENT} \d{{6}}\)"),
    _suffix("Obsidian Sync", rf" \(conflicted copy {_WORDS} \d{{12}}\)"),
    _suffix("Dropbox", rf" ?\((?:[^()]*['\u2019]s )?(?:{_CAUSE} conflict)(?: \d+)?\)"),
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
    """What the name of a copy says: its client, whether that is certain, and its machine."""

    client: str
    certain: bool
    host: str = ""


_ITSELF = Copy("", certain=True)


def recognise_copy(name: str, original: str) -> Copy | None:
    """Return what `name` says as a conflict copy of `original`; None if it is not a copy.

    A copy of a copy is a copy. The original itself, temp files and placeholders are not.
    """
    # macOS stores accents as separate characters.
    return _recognise(unicodedata.normalize("NFC", name), original)


def has_similar_name(name: str, original: str) -> bool:
    """Does `name` begin and end like `original`, as the name of a copy may?"""
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
